"""Checks of populations, inputs and readouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from snn.equations.parse import parsed, unusable
from snn.errors import nearest
from snn.fields import si
from snn.network.rules import neuron_of
from snn.neurons import ALIF, LIF, SynapticLIF
from snn.readouts import LeakyReadout, Readout, SpikeReadout
from snn.times import TOLERANCE, in_steps, refractory_steps, whole_steps, wrong_duration

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Population

SHORTEST, LONGEST = 1 / 50, 1e5
"""Time constants of `LIF` and its kin in steps: beyond, exp(dt/tau) or 1 - exp(-dt/tau) is no number of 32 bits."""
MAX_STEPS = 2**31 - 1
ANSWERS = ("label", "target")


def problems_of_population(spec: NetworkData, population: Population) -> Iterator[str]:
    """Check a population's time constants, equations, signals and refractory time."""
    if found := list(_time_constants(spec, population)):
        yield from found
        return
    neuron = population.model.neuron(spec.dt)
    if found := neuron.problems(population.name):
        yield from found
        return
    yield from neuron.text_problems(population.name, population.signals)
    refractory = 0 * spec.dt if neuron.refractory is None or isinstance(neuron.refractory, str) else neuron.refractory
    if refractory_steps(refractory, spec.dt) > MAX_STEPS:
        yield f"`refractory <= {MAX_STEPS} dt` must hold, but {population.name} has {neuron.refractory!r}."
    for signal in [*population.signals.values(), *(drive.signal for drive in population.drives)]:
        if signal.source in ANSWERS and not signal.teacher:
            yield (
                f"A signal that tells the answer must be a teacher, which is silent where the network is scored, but "
                f"{population.name} has {signal!r}; add teacher=True."
            )
    for name in population.signals:
        if unusable(name) or name in {*parsed(neuron.model).names, *neuron.parameters}:
            yield f"The signal {name!r} of {population.name} has a reserved name; rename it."


def _time_constants(spec: NetworkData, population: Population) -> Iterator[str]:
    if not isinstance(population.model, (LIF, ALIF, SynapticLIF)):
        return
    for name in ("tau_m", "tau_a", "tau_syn"):
        tau = getattr(population.model, name, None)
        if tau is not None and not SHORTEST <= si(tau) / si(spec.dt) <= LONGEST:
            yield (
                f"`{SHORTEST:g} dt <= {name} <= {LONGEST:g} dt` must hold, but {population.name} has "
                f"{name} = {tau!r} with dt = {spec.dt!r}."
            )


def problems_of_readout(spec: NetworkData, name: str, readout: Readout) -> Iterator[str]:
    """Check a readout, and that something is connected to it."""
    if isinstance(readout, LeakyReadout):
        if not any(p.target == name for p in spec.projections):
            yield f"Nothing is connected to the readout {name!r}; connect a population to it."
        window = readout.learning_window
        if window is not None and in_steps(window, spec.dt) < 1 - TOLERANCE:
            yield f"`learning_window >= dt` must hold, but {name!r} has {window!r} with dt = {spec.dt!r}."
        elif window is not None and whole_steps(window, spec.dt) is None:
            yield wrong_duration(f"`learning_window` of {name!r}", window, spec.dt)
    elif isinstance(readout, SpikeReadout):
        populations = {p.name: p for p in spec.populations}
        if readout.population not in populations:
            yield f"{name!r} reads the population {readout.population!r}; {nearest(readout.population, populations)}."
        elif (neuron := neuron_of(spec, readout.population)) is not None:
            variables = parsed(neuron.model).names
            if readout.variable not in variables:
                yield (
                    f"{name!r} breaks ties by {readout.variable!r}, which {readout.population!r} does not have; "
                    f"{nearest(readout.variable, variables)}."
                )
            if neuron.threshold is None:
                yield f"{name!r} reads spikes, but {readout.population!r} has threshold=None and never spikes."
