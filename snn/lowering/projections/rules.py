"""Lowers a plasticity rule to the code of a block of synapses."""

from __future__ import annotations

import re

from snn.equations.parse import identifiers, substitute
from snn.lowering.plan.blocks import Code, Group, OnEvent, SynapseBlock
from snn.lowering.plan.names import RENAMED, WEIGHT
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import CLOCK, LEARN, LEARN_LAST
from snn.lowering.populations.signals import own_random
from snn.lowering.projections.chip_writer import ChipWriter
from snn.lowering.projections.feedback import learning_signal
from snn.lowering.projections.writer import Writer
from snn.network.data import INPUTS, Projection
from snn.network.spec import NetworkSpec
from snn.plasticity.equations import RuleEquations
from snn.plasticity.terms import WEIGHT_IN_RULES, NeuronVariable, Trace, Update

# Part 5 of the time step, in the order that `snn.plasticity.rule` states.
DECAY, CURRENT, STEPS, EVENT_STEPS, UPDATES, WRITES, LATER, SUMS, LATE, DRIFT = range(10)

PLACES = {
    "resets": ("resets", LEARN, -1),
    "arrivals": ("groups", LEARN, -1),  # before the state update
    "membrane": ("groups", LEARN, 2),  # after it
    "spikes": ("broadcast", LEARN, 1),
    "step": ("learning", LEARN, DECAY - 1),
    "sample": ("writes", LEARN_LAST, -1),
}
"""When neuron variables are computed (`snn.plasticity.terms.NeuronVariable`): slot, phase, order."""


def add_rule(
    plan: Plan,
    spec: NetworkSpec,
    projection: Projection,
    block: SynapseBlock,
    equations: RuleEquations,
    arrival: str,
    writer: Writer,
) -> None:
    """Add a rule's variables, traces and updates to a block of synapses."""
    source, target = plan.groups[block.source], plan.groups[block.target]
    events = {"pre": (arrival, source), "post": ("spike", target)}
    names = {WEIGHT_IN_RULES: WEIGHT} | _local_names(equations, source, target)
    names |= {trace.name: f"{block.name}_{trace.name}_{trace.side}" for trace in equations.traces}
    names |= {clock: f"{clock}_post" for clock in CLOCK}
    names |= {f"{v.name}_post": f"{block.name}_{v.name}_post" for v in equations.neuron_variables}
    names |= {f"{total.name}_post": f"{block.name}_{total.name}_post" for total in equations.sums}
    if equations.feedback:
        names["learning_signal"] = learning_signal(spec, projection.target)
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


def add_waiting(writer: Writer, arrival: str) -> None:
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
        order = EVENT_STEPS if order == STEPS else order  # spikes act after every-step code
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
