"""Lowers global inhibition: one unit that receives all spikes of a population and inhibits it."""

from __future__ import annotations

from snn.lowering.plan.blocks import Code, Group, broadcast
from snn.lowering.plan.names import receiving
from snn.lowering.plan.plan import Plan
from snn.network.data import Inhibition
from snn.network.spec import NetworkSpec

GLOBAL = "global_inhibition"


def add_inhibition(plan: Plan, spec: NetworkSpec, inhibition: Inhibition) -> None:
    """A unit that sums the spikes of the step before, and its value at every neuron, before the state update."""
    population, unit = plan.groups[inhibition.population], f"inhibitor_to_{inhibition.population}"
    group = Group(unit)
    for name in ("arrived", "activity"):
        group.declare(name)
    decay = "0" if inhibition.tau is None else "exp(-dt/tau)"
    group.parameters({} if inhibition.tau is None else {"tau": inhibition.tau})
    group.codes.append(Code("synapses", f"activity = activity*{decay} + arrived", order=-3))
    plan.groups[unit] = group
    heard = broadcast(f"{population.name}_to_{unit}", population.name, unit, population.n, 1)
    heard.model = "arrived_post = (spike_history_pre // 2) % 2 : 1 (summed)"
    heard.summed["arrived_post"] = Code("synapses", "", order=-4)
    population.declare(GLOBAL)
    told = broadcast(f"{unit}_to_{population.name}", unit, population.name, 1, population.n)
    told.model = f"{GLOBAL}_post = activity_pre : 1 (summed)"
    told.summed[f"{GLOBAL}_post"] = Code("synapses", "", order=-2)
    plan.synapses |= {heard.name: heard, told.name: told}
    variable, unit_text = receiving(spec, population.name)
    population.parameters({"inhibition_gain": inhibition.gain})
    population.codes.append(Code("synapses", f"{variable} -= inhibition_gain*{GLOBAL}{unit_text}", order=1))
