"""The data of a network: populations, projections, readouts, inhibition."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from brian2 import Quantity, second

from snn.chip import Chip
from snn.connectivity.patterns import Connection
from snn.connectivity.weights import Constant, FromArray
from snn.encoders import Encoder
from snn.errors import NetworkError, nearest
from snn.fields import choice, number, sort_mappings
from snn.network.upgrade import SCHEMA
from snn.neurons import NeuronModel
from snn.plasticity.rule import Rule
from snn.plasticity.rules.static import Static
from snn.readouts import LeakyReadout, Readout
from snn.serial import dumps, serialisable
from snn.signals import Environment, Signal

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
    target_variable: str | None = None


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


@dataclass(frozen=True)
class NetworkData:
    """The data of a network, which nobody has checked yet; `NetworkSpec` is the checked one that everybody uses."""

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

    def hash(self) -> str:
        """A hash of everything, numbers included."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

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

    def with_weights(self, weights: Mapping[str, np.ndarray]) -> Self:
        """The same network with first weights given by projection name, such as those of a `Result`.

        The synapses themselves are those drawn from the run's seed, so a sparse network is to be run with the seed
        that its weights were trained with.
        """
        names = {p.name for p in self.projections}
        for name in weights:
            if name not in names:
                raise NetworkError(f"There is no projection {name!r}; {nearest(name, names)}.")
        projections = tuple(
            dataclasses.replace(p, connection=p.connection.with_weights(FromArray(np.asarray(weights[p.name]))))
            if p.name in weights
            else p
            for p in self.projections
        )
        return dataclasses.replace(self, projections=projections)

    def skeleton(self) -> Self:
        """A network of the same structure without given weights: what a program is built of, whatever the numbers."""
        empty = tuple(
            dataclasses.replace(p, connection=p.connection.with_weights(Constant(0.0))) for p in self.projections
        )
        # How many synapses there is room for is a number, and what is drawn here is not what a run draws.
        chip = None if self.chip is None else dataclasses.replace(self.chip, fan_in=None)
        return dataclasses.replace(self, projections=empty, chip=chip)

    def without_plasticity(self) -> Self:
        """Return the same network with synapses that do not learn.

        Thresholds that adapt (`HomeostaticLIF`) go on adapting.
        """
        return dataclasses.replace(
            self, projections=tuple(dataclasses.replace(p, rule=Static()) for p in self.projections)
        )
