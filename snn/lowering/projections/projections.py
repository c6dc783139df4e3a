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
from snn.backends.reals import GIVEN, kinds_of, real_rule
from snn.backends.writes import ChipWriter, Writer
from snn.chip import Chip
from snn.connect import Given, Normal
from snn.equations import identifiers, parsed, substitute
from snn.network import INPUTS, NetworkSpec, Projection
from snn.plasticity.local import LocalRule
from snn.plasticity.rule import WEIGHT_IN_RULES, NeuronVariable, RuleEquations, Trace, Update
from snn.random import FEEDBACK, WEIGHTS, generator
from snn.readouts import LeakyReadout
from snn.times import delay_steps

WEIGHT = "weight"
RENAMED = {WEIGHT_IN_RULES: WEIGHT}

# Part 5 of the time step, in the order that `snn.plasticity.rule` states.
DECAY, CURRENT, STEPS, EVENT_STEPS, UPDATES, WRITES, LATER, SUMS, LATE, DRIFT = range(10)


def add_projection(
    plan: Plan, spec: NetworkSpec, projection: Projection, index: int, seed: int, kept: np.ndarray | None
) -> None:
    """One projection: its synapses, their first weights, the transmission of spikes, and its rule.

    `kept` says which of the synapses that are drawn there is room for; None: all.
    """
    source, target = plan.groups[projection.source], plan.groups[projection.target]
    block = SynapseBlock(block_names(spec)[projection.name], source=source.name, target=target.name, transmits=True)
    _draw(block, projection, source.n, target.n, generator(seed, WEIGHTS, index), spec.chip, kept)
    onto_readout = projection.target in {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    arrival = _arrival(spec, projection, source, block.name, onto_readout)
    slot = "readouts" if onto_readout else "synapses"
    block.on_events.append(OnEvent(arrival, _transmission(spec, projection, onto_readout), slot, order=-1))
    equations = _real(spec, projection)
    plan.synapses[block.name] = block
    writer = Writer(plan, projection, block, target)
    if spec.chip is not None:
        writer = ChipWriter(plan, projection, block, target, spec.chip, equations.updates, seed, index)
    _add_rule(plan, spec, projection, block, equations, arrival, writer)
    _add_waiting(writer, arrival)
    if onto_readout:
        _add_feedback(plan, spec, projection, block, generator(seed, FEEDBACK, index))


def _real(spec: NetworkSpec, projection: Projection) -> RuleEquations:
    """The rule's equations, whose whole numbers are real where backends would differ."""
    ends = (projection.source, projection.target)
    kinds = {p.name: kinds_of(p.model.neuron(spec.dt).model) for p in spec.populations if p.name in ends}
    pre, post = kinds.get(projection.source, GIVEN), kinds.get(projection.target, GIVEN)
    return real_rule(spec.rules[projection.name], pre, post, own=isinstance(projection.rule, LocalRule))


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


def _draw(
    block: SynapseBlock,
    projection: Projection,
    n_pre: int,
    n_post: int,
    rng: np.random.Generator,
    chip: Chip | None,
    kept: np.ndarray | None,
) -> None:
    pre, post = projection.connection.pairs(rng, n_pre, n_post, projection.source == projection.target)
    distribution = projection.connection.weights
    if kept is not None:
        if isinstance(distribution, Given) and distribution.values.size == len(kept):  # not only of those that are left
            distribution = Given(distribution.values.ravel()[kept])
        pre, post = pre[kept], post[kept]
    block.pre, block.post = pre, post
    weights = distribution.draw(rng, pre, post, np.bincount(post, minlength=n_post))
    bounds = (projection.w_min, projection.w_max)
    grid = chip.grid(*bounds) if chip else None
    if grid is not None:
        weights = grid.nearest(weights)
    elif any(bound is not None for bound in bounds):
        weights = np.clip(weights, *bounds)
    block.declare(WEIGHT, weights, "lasting")
    block.variables[WEIGHT].bits = chip.weight_bits if chip else None


def _transmission(spec: NetworkSpec, projection: Projection, onto_readout: bool) -> str:
    """Weights are plain numbers in the SI unit of the variable that receives them."""
    if onto_readout:
        return f"I_post += {WEIGHT}"
    variable, factor = receiving(spec, projection.target, projection.onto)
    return f"{variable}_post += {WEIGHT}{factor}"


def receiving(spec: NetworkSpec, population: str, variable: str | None = None) -> tuple[str, str]:
    """The variable of a population that receives, and what makes a plain number a quantity of its unit."""
    neuron = next(p.model.neuron(spec.dt) for p in spec.populations if p.name == population)
    variable = variable or neuron.input
    unit = parsed(neuron.model).dimensions[variable]
    return variable, "" if unit is DIMENSIONLESS else f"*({get_unit(unit)!r})"


def _arrival(spec: NetworkSpec, projection: Projection, source: Group, name: str, onto_readout: bool) -> str:
    """The event whose neurons' spikes arrive in this step: at readouts the step's own, elsewhere the last step's."""
    own_step = onto_readout or source.name == INPUTS or spec.updates_before(source.name, projection.target)
    if projection.delay is None:
        return "spike" if own_step else PREVIOUS
    steps = delay_steps(projection.delay, spec.dt) + (not own_step)
    slot = "start" if not own_step else "after_start" if source.name == INPUTS else "after_thresholds"
    return add_delay(source, name, steps, slot)


def _add_rule(
    plan: Plan,
    spec: NetworkSpec,
    projection: Projection,
    block: SynapseBlock,
    equations: RuleEquations,
    arrival: str,
    writer: Writer,
) -> None:
    source, target = plan.groups[block.source], plan.groups[block.target]
    events = {"pre": (arrival, source), "post": ("spike", target)}
    names = {WEIGHT_IN_RULES: WEIGHT} | _local_names(equations, source, target)
    names |= {trace.name: f"{block.name}_{trace.name}_{trace.side}" for trace in equations.traces}
    names |= {clock: f"{clock}_post" for clock in CLOCK}
    names |= {f"{v.name}_post": f"{block.name}_{v.name}_post" for v in equations.neuron_variables}
    names |= {f"{total.name}_post": f"{block.name}_{total.name}_post" for total in equations.sums}
    if equations.feedback:
        names["learning_signal"] = _learning_signal(spec, projection.target)
    block.parameters({names[name]: value for name, value in equations.parameters.items()})
    for side, (event, group) in events.items():
        _add_traces(block.name, [t for t in equations.traces if t.side == side], event, group, equations, writer)
    _add_neuron_variables(plan, block.name, target, equations.neuron_variables)
    for variable in equations.variables:
        block.declare(names[variable.name], role="lasting" if variable.lasting else "state")
    for step in equations.steps:
        _schedule(block, step.on, substitute(step.code, names), events, STEPS)
    for on, late in dict.fromkeys((update.on, update.late) for update in equations.updates):
        chosen = [update for update in equations.updates if (update.on, update.late) == (on, late)]
        code = "\n".join(_write(writer, update) for update in chosen)
        _schedule(block, on, substitute(code, names), events, LATE if late else UPDATES)
    for total in equations.sums:
        _add_sum(block, target, f"{block.name}_{total.name}", substitute(total.expression, names))


def _write(writer: Writer, update: Update) -> str:
    parts = (update.before, writer.proposed(update), update.after)
    return "\n".join(part for part in parts if part)


def _add_waiting(writer: Writer, arrival: str) -> None:
    """Writes that wait for the sample's end or for an event, after the proposals of the same time; drift after all."""
    if not isinstance(writer, ChipWriter) or not writer.learns:
        return
    block, chip = writer.synapses, writer.chip
    if writer.waits and chip.write == "sample":
        block.codes.append(Code("writes", substitute(writer.waiting(), RENAMED), LEARN_LAST, WRITES))
    if writer.waits and chip.write == "event":
        for side, event in {"pre": arrival, "post": "spike" if writer.target.threshold else ""}.items():
            if event:
                text = substitute(writer.waiting(), RENAMED)
                block.on_events.append(OnEvent(event, text, "learning", LEARN, WRITES, side=side))
    if chip.drift is not None:
        block.codes.append(Code("writes", substitute(writer.drifted(), RENAMED), LEARN_LAST, DRIFT))


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


def _add_sum(block: SynapseBlock, target: Group, name: str, expression: str) -> None:
    target.declare(name)
    block.model = "\n".join(part for part in (block.model, f"{name}_post = {expression} : 1 (summed)") if part)
    block.summed[f"{name}_post"] = Code("writes", "", LEARN_LAST, SUMS)


def _add_traces(
    name: str, traces: list[Trace], event: str, group: Group, equations: RuleEquations, writer: Writer
) -> None:
    """The traces of one side: all decay at once, from the values that they had before; then spikes add to them.

    What keeps only whether a spike came in this step is not kept like a trace.
    """
    if not traces:
        return
    own = {trace.name: f"{name}_{trace.name}" for trace in traces}
    read = {word for t in traces for text in (t.decay, t.jump, t.inflow, t.limit) for word in identifiers(text)}
    numbers = {n: f"{name}_{n}" for n in equations.parameters if n in read}
    group.parameters({used: equations.parameters[n] for n, used in numbers.items()})
    coupled = any(trace.inflow for trace in traces)
    lines, last = [], []
    for trace in traces:
        variable = own[trace.name]
        group.declare(variable, role="lasting" if trace.lasting else "state")
        decayed = f"{variable}*({trace.decay})" + (f" + {trace.inflow}" if trace.inflow else "")
        mark = trace.decay == "0" and not trace.inflow
        value = substitute(decayed, own | numbers)
        lines.append(f"{'next_' * coupled}{variable} = {value if mark else writer.kept(group, variable, value)}")
        last += [f"{variable} = next_{variable}"] * coupled
        if trace.jump:
            order = CURRENT if trace.current else LATER
            jump = substitute(trace.jump, numbers)
            raised = jump if trace.nearest else f"{variable} + {jump}"
            if trace.limit:
                raised = f"clip({raised}, -inf, {substitute(trace.limit, numbers)})"
            kept = raised if mark else writer.kept(group, variable, raised)
            text = f"{variable} += {jump}" if kept == f"{variable} + {jump}" else f"{variable} = {kept}"
            group.on_events.append(OnEvent(event, text, "learning", LEARN, order))
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
        given = substitute(variable.expression, words | read | numbers)
        value = own_random(plan, given)
        if value != given:  # readouts have no seed otherwise
            target.declare("seed", plan.groups[INPUTS].variables["seed"].value, "constant", integer=True, shared=True)
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
    model = f"{signal}_pre = {back}*error_post : 1 (summed)"
    block.model = "\n".join(part for part in (block.model, model) if part)
    block.summed[f"{signal}_pre"] = Code("feedback", "", LEARN)
