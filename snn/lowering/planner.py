"""From a network to its plan."""

from __future__ import annotations

from snn.backends.groups import add_environment, add_inputs, add_population, add_readout
from snn.backends.inhibition import add_inhibition
from snn.backends.merge import merge
from snn.backends.plan import Plan
from snn.backends.projections import add_projection
from snn.backends.room import kept_synapses
from snn.backends.schedule import take_turns
from snn.equations import identifiers
from snn.fields import si
from snn.network import SEQUENTIAL, NetworkSpec


def plan(spec: NetworkSpec, seed: int = 0) -> Plan:
    """Lower a network to texts and numbers; weights and connectivity are drawn from the seed."""
    result = Plan(dt=si(spec.dt))
    add_inputs(result, spec, seed)
    for population in spec.populations:
        add_population(result, spec, population, seed)
    for named in spec.readouts:
        add_readout(result, spec, named)
    kept = kept_synapses(spec, seed)
    for index, projection in enumerate(spec.projections):
        add_projection(result, spec, projection, index, seed, kept.get(projection.name))
    for inhibition in spec.inhibitions:
        add_inhibition(result, spec, inhibition)
    if spec.environment is not None:
        add_environment(result, spec)
    if spec.schedule == SEQUENTIAL:
        take_turns(result, spec)
    merge(result)
    for group in result.groups.values():
        group.declare_clock()
    for block in result.synapses.values():  # synapses read the clock of the neurons behind them
        result.groups[block.target].declare_clock({name for text in block.texts() for name in identifiers(text)})
    return result
