"""A network's plasticity rules, each in the context of its projection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snn.neurons import Neuron
from snn.plasticity.rule import Place

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Projection


def neuron_of(spec: NetworkData, name: str) -> Neuron | None:
    """The neuron of a population, if there is nothing wrong with it that would be in the way."""
    for population in spec.populations:
        if population.name == name:
            neuron = population.model.neuron(spec.dt)
            return None if neuron.problems(name) else neuron
    return None


def place(spec: NetworkData, projection: Projection) -> Place:
    """Return the context of a projection's rule: the neurons behind it, or the readout, and the readouts that receive
    their spikes.
    """
    readouts = {named.name: named.readout for named in spec.readouts}
    pre = neuron_of(spec, projection.source)
    if projection.target in readouts:
        return Place(None, readouts[projection.target], (), pre)
    listening = [readouts[p.target] for p in spec.projections if p.source == projection.target and p.target in readouts]
    return Place(neuron_of(spec, projection.target), None, tuple(listening), pre)
