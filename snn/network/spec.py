"""Networks as data: `Network` builds one, `NetworkSpec` is the frozen result that everything else takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from brian2 import Quantity, ms, second

from snn.chip import Chip
from snn.connect import Connection, Constant, Given
from snn.encode import Encoder
from snn.errors import NetworkError, SNNError, nearest
from snn.fields import choice, number, sort_mappings
from snn.neurons import NeuronModel
from snn.plasticity.rule import Rule, RuleEquations
from snn.plasticity.static import Static
from snn.readouts import LeakyReadout, Readout
from snn.serial import dumps, field_of, loads, serialisable
from snn.signals import Environment, Signal
from snn.times import tell_of_rounding

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
        from snn.check import problems

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
        from snn.backends.planner import plan

        return plan(self.skeleton()).structure_hash()

    @cached_property
    def rules(self) -> dict[str, RuleEquations]:
        """What each projection's rule adds to it, by the projection's name; for networks that have been checked."""
        from snn.plasticity.check import place

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
        from snn.check import problems

        spec = dataclasses.replace(self, chip=chip)
        if found := problems(spec):
            raise NetworkError(found)
        return spec

    def frozen(self) -> NetworkSpec:
        """The same network with synapses that do not learn; thresholds that adapt (`HomeostaticLIF`) go on adapting."""
        return dataclasses.replace(
            self, projections=tuple(dataclasses.replace(p, rule=Static()) for p in self.projections)
        )


class Network:
    """Builds a network, population by population.

    Parameters
    ----------
    inputs : Encoder
        How a sample's values become spikes, such as ``Poisson(64, rate=100*Hz)``. It is the population ``"inputs"``.
    dt : Quantity
        The time step.
    schedule : {"parallel", "sequential"}
        Within a step, all populations are updated at once, and spikes reach other populations in the next step; or one
        after another in the order in which they are added, and spikes reach those that come later in the same step,
        earlier ones and their own in the next (as in spikelearn, whose layers run in a row).
    chip : Chip
        The limits of a chip that it is to learn on; by default none.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson
    >>> net = Network(inputs=Poisson(64, rate=100*Hz), dt=1*ms)
    >>> net.population("hidden", LIF(tau_m=20*ms), n=100)
    >>> net.readout(LeakyReadout(10))
    >>> net.connect("inputs", "hidden", Dense(), EProp(lr=0.01))
    >>> net.connect("hidden", "readout", Dense(), EProp(lr=0.01))
    >>> spec = net.freeze()

    Nothing is checked before `freeze`, which reports everything that is wrong at once.
    """

    def __init__(
        self, inputs: Encoder, dt: Quantity = 1 * ms, schedule: str = "parallel", chip: Chip | None = None
    ):
        self._inputs = inputs
        self._dt = dt
        self._schedule = schedule
        self._chip = chip
        self._inhibitions: list[Inhibition] = []
        self._populations: list[Population] = []
        self._readouts: list[NamedReadout] = []
        self._projections: list[Projection] = []
        self._environment: Environment | None = None
        self._problems: list[str] = []
        self._warned = False  # one warning, however often it is frozen

    def population(self, name: str, model: NeuronModel, n: int, signals: Mapping[str, Signal] | None = None) -> None:
        """Add `n` neurons. Equations of your own may read the variables named in `signals`."""
        self._populations.append(Population(name, model, n, {} if signals is None else signals))

    def readout(self, readout: Readout, name: str = "readout") -> None:
        """Add a readout. The first one gives the decision that tasks score and environments answer."""
        self._readouts.append(NamedReadout(name, readout))

    def connect(
        self,
        source: str,
        target: str,
        connection: Connection,
        rule: Rule | None = None,
        *,
        delay: Quantity | None = None,
        w_min: float | None = None,
        w_max: float | None = None,
        name: str | None = None,
        onto: str | None = None,
    ) -> None:
        """Connect two populations, or a population to a `LeakyReadout`.

        Parameters
        ----------
        source, target : str
            Names. The spikes of an input arrive in the step in which they are sent, those of a population in the next
            one, at a readout in the same one; `delay` comes on top.
        connection : Connection
            Who is connected, with which first weights: plain numbers in the SI unit of the variable that receives
            them (volt for a membrane, ampere for a current, none for `LIF`).
        rule : Rule
            Plasticity; by default none.
        delay : Quantity
            A delay common to all synapses, at most 50 steps. It counts int(delay/dt + 0.5) steps, as in Brian2; if it
            is no multiple of dt, there is a warning.
        w_min, w_max : float
            Bounds of the weights, applied wherever a weight is written.
        name : str
            By default ``"source->target"``.
        onto : str
            The neurons' variable that receives the weights, where they have several kinds of synapses (excitatory and
            inhibitory conductances, say); by default the model's `input`.
        """
        name, rule = name or f"{source}->{target}", rule if rule is not None else Static()
        self._projections.append(
            Projection(name, source, target, connection, rule, delay, w_min, w_max, onto)
        )

    def drive(self, population: str, signal: Signal, gain: float = 1.0) -> None:
        """Add `gain` times a signal to the input of a population in every step: a teacher's current, say."""
        for index, known in enumerate(self._populations):
            if known.name == population:
                self._populations[index] = dataclasses.replace(known, drives=(*known.drives, Drive(signal, gain)))
                return
        names = [p.name for p in self._populations]
        self._problems.append(f"`drive` names the population {population!r}; {nearest(population, names)}.")

    def inhibit(self, population: str, gain: float, tau: Quantity | None = None) -> None:
        r"""Let one unit hear all spikes of a population and inhibit all of it, as the giant GABAergic neuron does.

        .. math:: g_t = e^{-dt/\tau} g_{t-1} + n_{t-1}, \qquad I_{i,t} \leftarrow I_{i,t} - \text{gain}\; g_t

        with n the number of spikes of the population in a step. It is graded: a unit that spikes itself is a
        population of one neuron. What it costs is not counted.

        Parameters
        ----------
        population : str
        gain : float, >= 0
            What one spike takes off every neuron's input, in the SI unit of the variable that receives weights.
        tau : Quantity or None, > 0 ms
            How long a spike inhibits; ``None``: one step.

        Place in the time step: part 1, with the spikes of the step before.
        """
        self._inhibitions.append(Inhibition(population, gain, tau))

    def environment(self, environment: Environment) -> None:
        """Let equations answer the network's decision."""
        self._environment = environment

    def freeze(self) -> NetworkSpec:
        """The network as frozen data.

        Raises
        ------
        NetworkError
            With every problem of the network, one sentence each.

        Warns
        -----
        NetworkWarning
            The first time, if neurons start above their threshold, or if delays or refractory times are no multiples
            of dt (`RoundedTime`, see `snn.times`).
        """
        from snn.check import problems
        from snn.initial import tell_of_high_starts

        spec = NetworkSpec(
            inputs=self._inputs,
            dt=self._dt,
            populations=tuple(self._populations),
            readouts=tuple(self._readouts),
            projections=tuple(self._projections),
            environment=self._environment,
            inhibitions=tuple(self._inhibitions),
            schedule=self._schedule,
            chip=self._chip,
        )
        found = self._problems + problems(spec)
        if found:
            raise NetworkError(found)
        if not self._warned:
            self._warned = True
            tell_of_high_starts(spec)
            tell_of_rounding(spec)
        return spec


def freeze(network: Network | NetworkSpec) -> NetworkSpec:
    """A frozen network, whichever of the two is given."""
    if isinstance(network, NetworkSpec):
        return network
    if isinstance(network, Network):
        return network.freeze()
    raise NetworkError(f"A Network or NetworkSpec is needed, but this is a {type(network).__name__}.")
