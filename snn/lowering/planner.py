"""The plan of a network, and the hash of its structure."""

from __future__ import annotations

from snn.equations.parse import identifiers
from snn.fields import si
from snn.lowering.arrangement.fan_in import kept_synapses
from snn.lowering.arrangement.merging import merge
from snn.lowering.arrangement.sequential import take_turns
from snn.lowering.plan.plan import Plan
from snn.lowering.populations.environment import add_environment
from snn.lowering.populations.populations import add_inputs, add_population
from snn.lowering.populations.readouts import add_readout
from snn.lowering.projections.inhibition import add_inhibition
from snn.lowering.projections.projections import add_projection
from snn.network.data import SEQUENTIAL
from snn.network.spec import NetworkSpec


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


def structure_hash(spec: NetworkSpec) -> str:
    """Return a hash of a network's equations, rules and kinds of connection; it ignores every number.

    Networks with the same hash share one compiled program.
    """
    return plan(spec.skeleton()).structure_hash()
