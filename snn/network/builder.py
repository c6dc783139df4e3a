"""The builder of networks, and their freezing into checked data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from brian2 import Quantity, ms

from snn.chip import Chip
from snn.connectivity.patterns import Connection
from snn.encoders import Encoder
from snn.errors import NetworkError, nearest
from snn.network.checks.initial import tell_of_high_starts
from snn.network.checks.network import problems
from snn.network.data import Drive, Inhibition, NamedReadout, Population, Projection
from snn.network.rounding import tell_of_rounding
from snn.network.spec import NetworkSpec
from snn.neurons import NeuronModel
from snn.plasticity.rule import Rule
from snn.plasticity.rules.static import Static
from snn.readouts import Readout
from snn.signals import Environment, Signal
from snn.system.renamed import renamed_arguments


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

    def __init__(self, inputs: Encoder, dt: Quantity = 1 * ms, schedule: str = "parallel", chip: Chip | None = None):
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

    @renamed_arguments(onto="target_variable")
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
        target_variable: str | None = None,
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
        target_variable : str
            The neurons' variable that receives the weights, where they have several kinds of synapses (excitatory and
            inhibitory conductances, say); by default the model's `input`.
        """
        name, rule = name or f"{source}->{target}", rule if rule is not None else Static()
        self._projections.append(
            Projection(name, source, target, connection, rule, delay, w_min, w_max, target_variable)
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
            of dt (`RoundedTime`).
        """
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
