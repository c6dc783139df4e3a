"""Networks as data: `Network` builds one, `NetworkSpec` is the frozen result that everything else takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from brian2 import Quantity, second

from snn.chip import Chip
from snn.connectivity.patterns import Connection
from snn.connectivity.weights import Constant, Given
from snn.encoders import Encoder
from snn.errors import NetworkError, SNNError, nearest
from snn.fields import choice, number, sort_mappings
from snn.neurons import NeuronModel
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Rule
from snn.plasticity.rules.static import Static
from snn.readouts import LeakyReadout, Readout
from snn.serial import dumps, field_of, loads, serialisable
from snn.signals import Environment, Signal

SCHEMA = 1
INPUTS = "inputs"
SEQUENTIAL = "sequential"


@serialisable
@dataclass(frozen=True)
class Drive:
    """A signal added to the input of a population's neurons in every step, times `gain`."""

    signal: Signal
    gain: float = number(1.0)


@serialisable
@dataclass(frozen=True)
class Population:
    """A named population of `n` equal neurons."""

    name: str
    model: NeuronModel
    n: int = number(unit=1, at_least=1, at_most=2**31 - 1, integer=True)
    signals: Mapping[str, Signal] = field(default_factory=dict)
    drives: tuple[Drive, ...] = ()

    def __post_init__(self) -> None:
        sort_mappings(self, "signals")


@serialisable
@dataclass(frozen=True)
class Projection:
    """Synapses from one population to another, or to a readout."""

    name: str
    source: str
    target: str
    connection: Connection
    rule: Rule = Static()
    delay: Quantity | None = number(None, second, at_least=0, optional=True)
    w_min: float | None = number(None, optional=True)
    w_max: float | None = number(None, optional=True)
    onto: str | None = None


@serialisable
@dataclass(frozen=True)
class Inhibition:
    """One graded unit that hears every spike of a population and inhibits all of it; see `Network.inhibit`."""

    population: str
    gain: float = number(at_least=0)
    tau: Quantity | None = number(None, second, above=0, optional=True)


@serialisable
@dataclass(frozen=True)
class NamedReadout:
    """A readout and its name."""

    name: str
    readout: Readout


@serialisable
@dataclass(frozen=True)
class NetworkSpec:
    """A frozen network: what JSON, the hashes and the backends take.

    Made by `Network.freeze`. Two networks that differ in numbers only (sizes, probabilities, parameters, weights,
    the time step) have the same `structure_hash` and share one compiled program.
    """

    inputs: Encoder
    populations: tuple[Population, ...]
    readouts: tuple[NamedReadout, ...]
    projections: tuple[Projection, ...]
    dt: Quantity = number(unit=second, above=0)
    environment: Environment | None = None
    inhibitions: tuple[Inhibition, ...] = ()
    schedule: str = choice("parallel", "parallel", SEQUENTIAL)
    chip: Chip | None = None
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The network as one line of JSON; `from_json` gives back an equal network, to the last bit."""
        return dumps(self)

    @staticmethod
    def from_json(text: str) -> NetworkSpec:
        """The network that a text from `to_json` describes.

        Raises
        ------
        SNNError
            If the text is damaged, is not a network, or was written with another schema version.
        NetworkError
            If `Network.freeze` would have refused it.
        """
        from snn.network.checks.network import problems

        if (schema := field_of(text, "schema")) not in (SCHEMA, None):
            raise SNNError(f"This version reads networks of schema {SCHEMA}, but the JSON has schema {schema!r}.")
        spec = loads(text)
        if not isinstance(spec, NetworkSpec):
            raise SNNError(f"The JSON must describe a NetworkSpec, but it describes a {type(spec).__name__}.")
        if found := problems(spec):
            raise NetworkError(found)
        return spec

    def hash(self) -> str:
        """A hash of everything, numbers included."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def structure_hash(self) -> str:
        """A hash of the equations, rules and kinds of connection; it ignores every number."""
        from snn.lowering.planner import plan

        return plan(self.skeleton()).structure_hash()

    @cached_property
    def rules(self) -> dict[str, RuleEquations]:
        """What each projection's rule adds to it, by the projection's name; for networks that have been checked."""
        from snn.network.rules import place

        return {p.name: p.rule.equations(place(self, p)) for p in self.projections}

    def sizes(self) -> dict[str, int]:
        """Number of units of the inputs, the populations and the readouts, by name."""
        sizes = {INPUTS: int(self.inputs.n)} | {p.name: int(p.n) for p in self.populations}
        for named in self.readouts:
            if isinstance(named.readout, LeakyReadout):
                sizes[named.name] = int(named.readout.n)
        return sizes

    def updates_before(self, source: str, target: str) -> bool:
        """Whether a population's spikes reach another in the step in which they are sent."""
        order = [population.name for population in self.populations]
        return self.schedule == SEQUENTIAL and target in order and order.index(source) < order.index(target)

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> NetworkSpec:
        """The same network with first weights given by projection name, such as those of a `Result`.

        The synapses themselves are those drawn from the run's seed, so a sparse network is to be run with the seed
        that its weights were trained with.
        """
        names = {p.name for p in self.projections}
        for name in weights:
            if name not in names:
                raise NetworkError(f"There is no projection {name!r}; {nearest(name, names)}.")
        projections = tuple(
            dataclasses.replace(p, connection=p.connection.with_weights(Given(np.asarray(weights[p.name]))))
            if p.name in weights
            else p
            for p in self.projections
        )
        return dataclasses.replace(self, projections=projections)

    def skeleton(self) -> NetworkSpec:
        """A network of the same structure without given weights: what a program is built of, whatever the numbers."""
        empty = tuple(
            dataclasses.replace(p, connection=p.connection.with_weights(Constant(0.0))) for p in self.projections
        )
        # How many synapses there is room for is a number, and what is drawn here is not what a run draws.
        chip = None if self.chip is None else dataclasses.replace(self.chip, fan_in=None)
        return dataclasses.replace(self, projections=empty, chip=chip)

    def on_chip(self, chip: Chip | None) -> NetworkSpec:
        """The same network within a chip's limits; ``None``: within none.

        Raises
        ------
        NetworkError
            If the chip cannot hold it.
        """
        from snn.network.checks.network import problems

        spec = dataclasses.replace(self, chip=chip)
        if found := problems(spec):
            raise NetworkError(found)
        return spec

    def frozen(self) -> NetworkSpec:
        """The same network with synapses that do not learn; thresholds that adapt (`HomeostaticLIF`) go on adapting."""
        return dataclasses.replace(
            self, projections=tuple(dataclasses.replace(p, rule=Static()) for p in self.projections)
        )

