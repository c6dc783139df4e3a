"""Networks as checked data, which JSON, the hashes and the backends take."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snn.chip import Chip
from snn.errors import NetworkError, SNNError
from snn.network.checks.network import problems
from snn.network.data import NetworkData
from snn.network.rules import place
from snn.network.upgrade import SCHEMA, upgraded
from snn.plasticity.equations import RuleEquations
from snn.serial import field_of, loads, serialisable
from snn.system.renamed import renamed_attribute

RENAMED = {
    "frozen": "`without_plasticity`: write spec.without_plasticity()",
    "structure_hash": "a function of the package: write snn.structure_hash(spec)",
}


@serialisable
@dataclass(frozen=True)
class NetworkSpec(NetworkData):
    """A frozen network: what JSON, the hashes and the backends take.

    Made by `Network.freeze`. Two networks that differ in numbers only (sizes, probabilities, parameters, weights,
    the time step) have the same `snn.structure_hash` and share one compiled program.
    """

    @staticmethod
    def from_json(text: str) -> NetworkSpec:
        """Return the network that a text from `to_json` describes.

        Raises
        ------
        SNNError
            If the text is damaged, is not a network, or was written with another schema version.
        NetworkError
            If `Network.freeze` would have refused it.
        """
        text = upgraded(text)
        if (schema := field_of(text, "schema")) not in (SCHEMA, None):
            raise SNNError(f"This version reads networks of schema 1 to {SCHEMA}, but the JSON has schema {schema!r}.")
        spec = loads(text)
        if not isinstance(spec, NetworkSpec):
            raise SNNError(f"The JSON must describe a NetworkSpec, but it describes a {type(spec).__name__}.")
        return spec._checked()

    @cached_property
    def rules(self) -> dict[str, RuleEquations]:
        """The equations of each projection's rule, by the projection's name."""
        return {p.name: p.rule.equations(place(self, p)) for p in self.projections}

    def on_chip(self, chip: Chip | None) -> NetworkSpec:
        """Return the same network within a chip's limits. ``None`` removes the limits.

        Raises
        ------
        NetworkError
            If the chip cannot hold it.
        """
        return dataclasses.replace(self, chip=chip)._checked()

    def __getattr__(self, name: str) -> Any:
        return renamed_attribute("NetworkSpec", name, RENAMED)

    def _checked(self) -> NetworkSpec:
        if found := problems(self):
            raise NetworkError(found)
        return self
