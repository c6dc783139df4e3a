"""Lowers the environment: decisions, rewards and third factors."""

from __future__ import annotations

from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from snn.equations.parse import identifiers, parsed
from snn.lowering.plan.blocks import Code, Group, Variable, all_to_all, broadcast
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import LAST, STEP
from snn.lowering.populations.signals import load_signal
from snn.lowering.reals import real_model
from snn.network.spec import NetworkSpec
from snn.signals import ACTIVITY

ENVIRONMENT = "environment"


def add_environment(plan: Plan, spec: NetworkSpec) -> None:
    """The environment: the first readout's decision, the equations that answer it, and their broadcast to rules."""
    environment = spec.environment
    assert environment is not None
    phase = LAST if environment.on == "sample" else STEP
    model = real_model(environment.model)
    group = Group(ENVIRONMENT, model=model, method=environment.method, update_slot="environment")
    equations = parsed(environment.model)
    for name, equation in equations.items():
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER):
            group.variables[name] = Variable()
    group.parameters(environment.parameters)
    for name, signal in environment.signals.items():
        group.declare(name)
        load_signal(plan, group, name, signal)
    plan.groups[ENVIRONMENT] = group
    read = {name for text in group.texts() for name in identifiers(text)}
    if "action" in read:
        _add_decision(plan, spec, group, phase)
    for population in spec.populations:
        if f"{population.name}{ACTIVITY}" in read:
            _add_activity(plan, population.name, phase)
    for factor, targets in _factors(spec).items():
        for target in targets:
            if factor in equations.names:
                _add_factor(plan, factor, target, phase)


def _add_decision(plan: Plan, spec: NetworkSpec, environment: Group, phase: str) -> None:
    """A unit's rank is the number of units that beat it; the decision is the unit of rank 0."""
    score, *rest = plan.outputs[spec.readouts[0].name]
    name, score = score.split(".")
    group = plan.groups[name]
    group.declare("rank")
    equal = f"int({score}_pre == {score}_post)"
    later = "int(i_pre < i_post)"
    if spec.readouts[0].readout.ties:
        tie = rest[0].split(".")[1]
        later = f"(int({tie}_pre > {tie}_post) + int({tie}_pre == {tie}_post)*{later})"
    ranks = all_to_all("ranks", name, group.n)
    ranks.model = f"rank_post = int({score}_pre > {score}_post) + {equal}*{later} : 1 (summed)"
    ranks.summed["rank_post"] = Code("decisions", "", phase, order=0)
    plan.synapses["ranks"] = ranks
    environment.declare("action")
    action = broadcast("decision", name, ENVIRONMENT, group.n, 1)
    action.model = "action_post = i_pre*int(rank_pre == 0) : 1 (summed)"
    action.summed["action_post"] = Code("decisions", "", phase, order=1)
    plan.synapses["decision"] = action


def _add_activity(plan: Plan, population: str, phase: str) -> None:
    """The share of a population that spiked in this step, as a variable of the environment."""
    name, group, environment = f"{population}{ACTIVITY}", plan.groups[population], plan.groups[ENVIRONMENT]
    environment.declare(name)
    environment.parameters({f"{population}_share": 1 / group.n})
    block = broadcast(f"{name}_to_{ENVIRONMENT}", population, ENVIRONMENT, group.n, 1)
    block.model = f"{name}_post = (spike_history_pre % 2)*{population}_share_post : 1 (summed)"
    block.summed[f"{name}_post"] = Code("decisions", "", phase)
    plan.synapses[block.name] = block


def _factors(spec: NetworkSpec) -> dict[str, set[str]]:
    """Third factors and the populations whose synapses need them."""
    needed: dict[str, set[str]] = {}
    for projection in spec.projections:
        for factor in spec.rules[projection.name].factors:
            needed.setdefault(factor, set()).add(projection.target)
    return {factor: needed[factor] for factor in sorted(needed)}


def _add_factor(plan: Plan, factor: str, target: str, phase: str) -> None:
    plan.groups[target].declare(factor)
    block = broadcast(f"{factor}_to_{target}", ENVIRONMENT, target, 1, plan.groups[target].n)
    block.model = f"{factor}_post = {factor}_pre : 1 (summed)"
    block.summed[f"{factor}_post"] = Code("broadcast", "", phase)
    plan.synapses[block.name] = block
