"""Checks of projections and inhibition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from snn.connectivity.weights import Constant, FromArray
from snn.errors import nearest
from snn.network.rules import neuron_of
from snn.readouts import LeakyReadout
from snn.times import delay_steps

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Projection

MAX_DELAY_STEPS = 50


def problems_of_projection(spec: NetworkData, projection: Projection) -> Iterator[str]:
    """Check a projection's ends, delay, bounds and weights."""
    sizes = spec.sizes()
    readouts = {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    sources = set(sizes) - readouts
    targets = set(sizes) - {"inputs"}
    if projection.source not in sources:
        yield f"{projection.name} starts at {projection.source!r}; {nearest(projection.source, sources)}."
    if projection.target not in targets:
        yield f"{projection.name} ends at {projection.target!r}; {nearest(projection.target, targets)}."
    if projection.source not in sources or projection.target not in targets:
        return
    if projection.source == "inputs" and projection.target in readouts:
        yield f"{projection.name}: a readout listens to populations; put a population between."
    yield from _onto(spec, projection, projection.target in readouts)
    source = neuron_of(spec, projection.source)
    if source is not None and source.threshold is None:
        yield f"{projection.name} transmits spikes, but {projection.source!r} has threshold=None and never spikes."
    same = projection.source == projection.target
    pre, post = sizes[projection.source], sizes[projection.target]
    connection = projection.connection
    if spec.chip is not None and spec.chip.fan_in is not None and isinstance(connection.weights, FromArray):
        connection = connection.with_weights(Constant())  # one per synapse that there is room for, which drawing tells
    yield from connection.problems(projection.name, pre, post, same)
    if projection.delay is not None and delay_steps(projection.delay, spec.dt) > MAX_DELAY_STEPS:
        yield (
            f"`0 <= delay <= {MAX_DELAY_STEPS} dt` must hold, but {projection.name} has "
            f"delay = {projection.delay!r} with dt = {spec.dt!r}."
        )
    low, high = projection.w_min, projection.w_max
    if low is not None and high is not None and low > high:
        yield f"`w_min <= w_max` must hold, but {projection.name} has w_min = {low}, w_max = {high}."


def _onto(spec: NetworkData, projection: Projection, readout: bool) -> Iterator[str]:
    """Whether the variable that a projection names can receive weights."""
    if projection.target_variable is None:
        return
    if readout:
        name = f"{projection.name} has target_variable = {projection.target_variable!r}"
        yield f"A readout has one kind of input, but {name}; leave it out."
    elif (neuron := neuron_of(spec, projection.target)) is not None:
        yield from neuron.receiving_problems(
            projection.target_variable, f"{projection.name} adds to", projection.target
        )


def problems_of_inhibitions(spec: NetworkData) -> Iterator[str]:
    """Check that inhibition acts on populations that spike, once each."""
    names = [population.name for population in spec.populations]
    for name, count in Counter(inhibition.population for inhibition in spec.inhibitions).items():
        if name not in names:
            yield f"`inhibit` names the population {name!r}; {nearest(name, names)}."
            continue
        if count > 1:
            yield f"A population has one inhibitory unit, but {name!r} has {count}; add up their gains."
        if (neuron := neuron_of(spec, name)) is not None and neuron.threshold is None:
            yield f"`inhibit` hears spikes, but {name!r} has threshold=None and never spikes."
