"""From a network to its plan."""

from __future__ import annotations

from snn.backends.groups import add_environment, add_inputs, add_population, add_readout
from snn.backends.merge import merge
from snn.backends.plan import Plan
from snn.backends.projections import add_projection
from snn.equations import identifiers
from snn.fields import si
from snn.network import NetworkSpec


def plan(spec: NetworkSpec, seed: int = 0) -> Plan:
    """Lower a network to texts and numbers; weights and connectivity are drawn from the seed."""
    result = Plan(dt=si(spec.dt))
    add_inputs(result, spec, seed)
    for population in spec.populations:
        add_population(result, spec, population, seed)
    for named in spec.readouts:
        add_readout(result, spec, named)
    for index, projection in enumerate(spec.projections):
        add_projection(result, spec, projection, index, seed)
    if spec.environment is not None:
        add_environment(result, spec)
    merge(result)
    for group in result.groups.values():
        group.declare_clock()
    for block in result.synapses.values():  # synapses read the clock of the neurons behind them
        result.groups[block.target].declare_clock({name for text in block.texts() for name in identifiers(text)})
    return result
