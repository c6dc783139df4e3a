"""Projections as synapses of a plan: transmission, and a rule's traces, eligibilities and weight changes."""

from __future__ import annotations

import re

import numpy as np
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.backends.groups import add_delay, own_random
from snn.backends.plan import (
    CLOCK,
    LEARN,
    LEARN_LAST,
    PREVIOUS,
    Code,
    Group,
    OnEvent,
    Plan,
    SynapseBlock,
)
from snn.backends.writes import write
from snn.connect import Normal
from snn.equations import identifiers, parsed, substitute
from snn.fields import si
from snn.network import INPUTS, NetworkSpec, Projection
from snn.plasticity.rule import WEIGHT_IN_RULES, NeuronVariable, RuleEquations, Trace, Update
from snn.random import FEEDBACK, WEIGHTS, generator
from snn.readouts import LeakyReadout

WEIGHT = "weight"

# Part 5 of the time step, in the order that `snn.plasticity.rule` states.
DECAY, CURRENT, STEPS, EVENT_STEPS, UPDATES, LATER = range(6)


def add_projection(plan: Plan, spec: NetworkSpec, projection: Projection, index: int, seed: int) -> None:
    """One projection: its synapses, their first weights, the transmission of spikes, and its rule."""
    source, target = plan.groups[projection.source], plan.groups[projection.target]
    block = SynapseBlock(block_names(spec)[projection.name], source=source.name, target=target.name, transmits=True)
    _draw(block, projection, source.n, target.n, generator(seed, WEIGHTS, index))
    onto_readout = projection.target in {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    arrival = _arrival(spec, projection, source, block.name, onto_readout)
    slot = "readouts" if onto_readout else "synapses"
    block.on_events.append(OnEvent(arrival, _transmission(spec, projection.target, onto_readout), slot, order=-1))
    equations = spec.rules[projection.name]
    plan.synapses[block.name] = block
    _add_rule(plan, spec, projection, block, equations, arrival)
    if onto_readout:
        _add_feedback(plan, spec, projection, block, generator(seed, FEEDBACK, index))


def block_names(spec: NetworkSpec) -> dict[str, str]:
    """The name of each projection's synapses, a plain word."""
    names: dict[str, str] = {}
    for projection in spec.projections:
        base = name = f"{projection.source}_to_{projection.target}"
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[projection.name] = name
    return names


def _draw(block: SynapseBlock, projection: Projection, n_pre: int, n_post: int, rng: np.random.Generator) -> None:
    pre, post = projection.connection.pairs(rng, n_pre, n_post, projection.source == projection.target)
    block.pre, block.post = pre, post
    weights = projection.connection.weights.draw(rng, pre, post, np.bincount(post, minlength=n_post))
    bounds = (projection.w_min, projection.w_max)
    block.declare(WEIGHT, np.clip(weights, *bounds) if any(b is not None for b in bounds) else weights, "lasting")


def _transmission(spec: NetworkSpec, target: str, onto_readout: bool) -> str:
    """Weights are plain numbers in the SI unit of the variable that receives them."""
    if onto_readout:
        return f"I_post += {WEIGHT}"
    neuron = next(p.model.neuron(spec.dt) for p in spec.populations if p.name == target)
    unit = parsed(neuron.model).dimensions[neuron.input]
    factor = "" if unit is DIMENSIONLESS else f"*({get_unit(unit)!r})"
    return f"{neuron.input}_post += {WEIGHT}{factor}"


def _arrival(spec: NetworkSpec, projection: Projection, source: Group, name: str, onto_readout: bool) -> str:
    """The event whose neurons' spikes arrive in this step: at readouts the step's own, elsewhere the last step's."""
    own_step = onto_readout or source.name == INPUTS
    if projection.delay is None:
        return "spike" if own_step else PREVIOUS
    steps = round(si(projection.delay) / si(spec.dt)) + (not own_step)
    slot = "after_thresholds" if onto_readout else "after_start" if own_step else "start"
    return add_delay(source, name, steps, slot)


def _add_rule(
    plan: Plan, spec: NetworkSpec, projection: Projection, block: SynapseBlock, equations: RuleEquations, arrival: str
) -> None:
    source, target = plan.groups[block.source], plan.groups[block.target]
    events = {"pre": (arrival, source), "post": ("spike", target)}
    names = {WEIGHT_IN_RULES: WEIGHT} | _local_names(equations, source, target)
    names |= {trace.name: f"{block.name}_{trace.name}_{trace.side}" for trace in equations.traces}
    names |= {clock: f"{clock}_post" for clock in CLOCK}
    names |= {factor: f"{factor}_post" for factor in equations.factors}
    names |= {f"{v.name}_post": f"{block.name}_{v.name}_post" for v in equations.neuron_variables}
    if equations.feedback:
        names["learning_signal"] = _learning_signal(spec, projection.target)
    block.parameters({names[name]: value for name, value in equations.parameters.items()})
    for side, (event, group) in events.items():
        _add_traces(block.name, [t for t in equations.traces if t.side == side], event, group, equations)
    _add_neuron_variables(plan, block.name, target, equations.neuron_variables)
    for variable in equations.variables:
        block.declare(names[variable.name], role="lasting" if variable.lasting else "state")
    for step in equations.steps:
        _schedule(block, step.on, substitute(step.code, names), events, STEPS)
    for on in dict.fromkeys(update.on for update in equations.updates):
        code = "\n".join(_write(projection, block, target, u) for u in equations.updates if u.on == on)
        _schedule(block, on, substitute(code, names), events, UPDATES)


def _write(projection: Projection, block: SynapseBlock, target: Group, update: Update) -> str:
    parts = (update.before, write(projection, block, target, update), update.after)
    return "\n".join(part for part in parts if part)


def _local_names(equations: RuleEquations, source: Group, target: Group) -> dict[str, str]:
    """The rule's own names, changed where a neuron has the same: Brian2 would not know which is meant."""
    taken = {name for group in (source, target) for text in group.texts() for name in identifiers(text)}
    taken |= {*source.variables, *target.variables}
    code = [step.code for step in equations.steps] + [update.before for update in equations.updates]
    local = re.findall(r"^(\w+) *=", "\n".join(code), re.MULTILINE)
    own = [*equations.parameters, *(variable.name for variable in equations.variables), *local]
    return {name: f"{name}_syn" if name in taken else name for name in own}


def _schedule(block: SynapseBlock, on: str, code: str, events: dict[str, tuple[str, Group]], order: int) -> None:
    if on == "step":
        block.codes.append(Code("learning", code, LEARN, order))
    elif on == "sample":
        block.codes.append(Code("writes", code, LEARN_LAST, order))
    else:
        order += order == STEPS  # spikes act after every-step code
        block.on_events.append(OnEvent(events[on][0], code, "learning", LEARN, order, side=on))


def _add_traces(name: str, traces: list[Trace], event: str, group: Group, equations: RuleEquations) -> None:
    """The traces of one side: all decay at once, from the values that they had before; then spikes add to them."""
    if not traces:
        return
    own = {trace.name: f"{name}_{trace.name}" for trace in traces}
    read = {word for t in traces for text in (t.decay, t.jump, t.inflow) for word in identifiers(text)}
    numbers = {n: f"{name}_{n}" for n in equations.parameters if n in read}
    group.parameters({used: equations.parameters[n] for n, used in numbers.items()})
    coupled = any(trace.inflow for trace in traces)
    lines, last = [], []
    for trace in traces:
        variable = own[trace.name]
        group.declare(variable)
        decayed = f"{variable}*({trace.decay})" + (f" + {trace.inflow}" if trace.inflow else "")
        lines.append(f"{'next_' * coupled}{variable} = {substitute(decayed, own | numbers)}")
        last += [f"{variable} = next_{variable}"] * coupled
        if trace.jump:
            order = CURRENT if trace.current else LATER
            jump = f"{variable} += {substitute(trace.jump, numbers)}"
            group.on_events.append(OnEvent(event, jump, "learning", LEARN, order))
    group.codes.append(Code("learning", "\n".join(lines + last), LEARN, DECAY))


PLACES = {
    "resets": ("resets", LEARN, -1),
    "arrivals": ("groups", LEARN, -1),  # before the state update
    "membrane": ("groups", LEARN, 2),  # after it
    "spikes": ("broadcast", LEARN, 1),
    "step": ("learning", LEARN, DECAY - 1),
    "sample": ("writes", LEARN_LAST, -1),
}
"""When neuron variables are computed (`snn.plasticity.rule.NeuronVariable`): slot, phase, order."""


def _add_neuron_variables(plan: Plan, name: str, target: Group, variables: tuple[NeuronVariable, ...]) -> None:
    """Each projection has its own, though others may be alike: what is compiled must not depend on numbers."""
    words = {
        "spiked": "history_at(spike_history, 1)",
        "spiked_before": "history_at(spike_history, 2)",
        "is_refractory": f"({target.refractory})",
    }
    lines: dict[str, list[str]] = {}
    for variable in variables:
        own = f"{name}_{variable.name}"
        numbers = {parameter: f"{own}_{parameter}" for parameter in variable.parameters}
        target.declare(own, role="lasting" if variable.lasting else "state")
        target.parameters({numbers[parameter]: value for parameter, value in variable.parameters.items()})
        read = {other: f"{name}_{other}" for other in variable.reads}
        value = own_random(plan, substitute(variable.expression, words | read | numbers))
        lines.setdefault(variable.at, []).append(f"{own} = {value}")
    for at, texts in lines.items():
        slot, phase, order = PLACES[at]
        target.codes.append(Code(slot, "\n".join(texts), phase, order))


def _learning_signal(spec: NetworkSpec, population: str) -> str:
    readouts = {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    blocks = block_names(spec)
    listening = [p for p in spec.projections if p.source == population and p.target in readouts]
    return "(" + " + ".join(f"{blocks[p.name]}_learning_signal_post" for p in listening) + ")"


def _add_feedback(
    plan: Plan, spec: NetworkSpec, projection: Projection, block: SynapseBlock, rng: np.random.Generator
) -> None:
    """What the readout's errors tell the population: sums over the same synapses, backwards."""
    taught = [
        (p.rule, kind)
        for p in spec.projections
        if p.target == projection.source and (kind := spec.rules[p.name].feedback)
    ]
    rule, kind = taught[0] if taught else (projection.rule, getattr(projection.rule, "feedback", None))
    if kind in ("random", "adaptive"):
        fan_in = np.bincount(block.post, minlength=plan.groups[block.target].n)
        weights = getattr(rule, "feedback_weights", Normal())
        block.declare("feedback_weight", weights.draw(rng, block.pre, block.post, fan_in), "lasting")
    if not taught:
        return
    signal = f"{block.name}_learning_signal"
    plan.groups[block.source].declare(signal)
    back = WEIGHT if kind == "symmetric" else "feedback_weight"
    block.model = f"{signal}_pre = {back}*error_post : 1 (summed)"
    block.summed[f"{signal}_pre"] = Code("feedback", "", LEARN)
