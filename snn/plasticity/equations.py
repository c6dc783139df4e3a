"""The equations of a rule at one projection, with their text and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from snn.equations.parse import identifiers
from snn.equations.stepmap import StepMap, expression, symbol, text
from snn.plasticity.mathematics import LEGEND, latex_expression, latex_symbol
from snn.plasticity.terms import CHANGE, WEIGHT_IN_RULES, NeuronVariable, Step, Sum, SynapseVariable, Trace, Update

WHEN = {
    "resets": "after spikes have arrived, before resets",
    "arrivals": "after spikes have arrived and resets, before the state update",
    "membrane": "after the state update, before the spike test",
    "spikes": "after the spike test and the readouts",
    "step": "before synapses learn",
    "sample": "in a sample's last step, before weights change",
}
OCCASIONS = {
    "step": "once a synapse, every step",
    "pre": "once a synapse, when a presynaptic spike arrives",
    "post": "once a synapse, when the postsynaptic neuron spikes",
    "sample": "once a synapse, in a sample's last step",
}
ON = {"pre": "at a presynaptic spike", "post": "at a postsynaptic spike", "step": "in every step"}
ON["sample"] = "at a sample's end"


def listing(equations: RuleEquations) -> str:
    """The equations as plain text."""
    sections = [*_mathematics(equations), *_neurons(equations), *_synapses(equations)]
    sections.append(("state of a synapse", _state(equations)))
    if equations.notes:
        sections.append(("what is kept where, and why", list(equations.notes)))
    return "\n".join(f"{title}\n{_indented(lines)}" for title, lines in sections)


def _mathematics(equations: RuleEquations) -> Iterator[tuple[str, list[str]]]:
    if not equations.formulas:
        return
    lines = [f"{left} = {text(right)}" for left, right in equations.formulas]
    used = identifiers("\n".join(lines))
    meant = [what for name, what in LEGEND.items() if name in used or (name == "eps_" and "eps_" in "".join(lines))]
    yield "mathematics, x' being what becomes of x in this step", [*lines, *(f"({what})" for what in meant)]


def _neurons(equations: RuleEquations) -> Iterator[tuple[str, list[str]]]:
    for side in ("pre", "post"):
        lines = [line for trace in equations.traces if trace.side == side for line in _trace(trace)]
        if lines:
            yield f"once a {side}synaptic neuron, every step", lines
    for at, when in WHEN.items():
        lines = [f"{v.name} = {v.expression}" for v in equations.neuron_variables if v.at == at]
        if lines:
            yield f"once a postsynaptic neuron, {when}", lines


def _trace(trace: Trace) -> Iterator[str]:
    decayed = "" if trace.decay == "0" else f"{_factor(trace.decay)}*{trace.name}"
    yield f"{trace.name} = {' + '.join(part for part in (decayed, trace.inflow) if part) or '0'}"
    if trace.jump:
        later = "" if trace.current else ", once synapses have learned"
        most = f", and at most {trace.limit}" if trace.limit else ""
        yield f"{trace.name} {'=' if trace.nearest else '+='} {trace.jump}    # at a spike{later}{most}"


def _synapses(equations: RuleEquations) -> Iterator[tuple[str, list[str]]]:
    for on, title in OCCASIONS.items():
        code = [step.code for step in equations.steps if step.on == on]
        for update in (update for update in equations.updates if update.on == on and not update.late):
            code += [update.before, f"{update.of} += {update.dw}", update.after]
        if lines := [line for part in code for line in part.splitlines()]:
            yield title, lines
    if equations.sums:
        lines = [f"{total.name} = sum of {total.expression} over its synapses" for total in equations.sums]
        yield "once a postsynaptic neuron, in a sample's last step, when weights have changed", lines
    if late := [f"{update.of} += {update.dw}" for update in equations.updates if update.late]:
        yield "once a synapse, after that", late


def _state(equations: RuleEquations) -> list[str]:
    names = [WEIGHT_IN_RULES, *(variable.name for variable in equations.variables)]
    sizes = [equations.synapse_bytes(itemsize) for itemsize in (4, 8)]
    numbers = "1 number" if len(names) == 1 else f"{len(names)} numbers"
    return [
        f"{', '.join(names)}: {numbers}, {sizes[0]} bytes in float32 or {sizes[1]} in float64, however long a sample is"
    ]


def _factor(expression: str) -> str:
    """An expression as a factor: in parentheses if it is a sum."""
    depth = 0
    for k, character in enumerate(expression):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character in "+-" and k:
            return f"({expression})"
    return expression


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def latex(equations: RuleEquations) -> str:
    """The mathematics as LaTeX."""
    formulas = equations.formulas or tuple(_formulas(equations))
    if not formulas:
        return "% no mathematics beyond the equations that run"
    lines = [f"{latex_symbol(left)} &= {latex_expression(right)}" for left, right in formulas]
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def _formulas(equations: RuleEquations) -> Iterator[tuple[str, sympy.Expr]]:
    """The mathematics of equations that have none beside their code: traces, factors, and changes."""
    for trace in equations.traces:
        spike = symbol("arrived" if trace.side == "pre" else "spiked")
        kept = expression(trace.decay) * symbol(trace.name) + expression(trace.inflow or "0")
        jump = expression(trace.jump or "0") * spike
        yield f"{trace.name}'", jump + (kept * (1 - spike) if trace.nearest else kept)
    for variable in equations.neuron_variables:
        yield f"{variable.name}'", expression(variable.expression)
    for step in equations.steps:
        written = (line.partition("=")[0].strip(" +-*/") for line in step.code.splitlines())
        for name, value in StepMap.of_statements(step.code, dict.fromkeys(written)).new.items():
            yield f"{name}', {ON[step.on]}", _of_neurons(value)
    state = [variable.name for variable in equations.variables]
    for update in equations.updates:
        code = f"{update.before}\n{update.of} += {update.dw}\n{update.after}"
        for name, value in StepMap.of_statements(code, [update.of, *state]).new.items():
            yield f"{name}', {ON[update.on]}", _of_neurons(value)


def _of_neurons(value: sympy.Expr) -> sympy.Expr:
    """An expression in which variables of the postsynaptic neuron have no suffix."""
    return value.xreplace({item: symbol(str(item).removesuffix("_post")) for item in value.free_symbols})


@dataclass(frozen=True)
class RuleEquations:
    """The equations of a rule at one projection."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()
    variables: tuple[SynapseVariable, ...] = ()
    neuron_variables: tuple[NeuronVariable, ...] = ()
    steps: tuple[Step, ...] = ()
    updates: tuple[Update, ...] = ()
    sums: tuple[Sum, ...] = ()
    factors: tuple[str, ...] = ()
    """What neuron variables read from outside: variables of the environment, or signals of the population."""
    feedback: str | None = None
    """What the rule reads as ``learning_signal``: errors fed back, ``"symmetric"``, ``"random"`` or ``"adaptive"``."""
    formulas: tuple[tuple[str, sympy.Expr], ...] = ()
    """The mathematics behind: what stands left, and what right, of an equals sign."""
    notes: tuple[str, ...] = ()
    """What is kept where, and why, one sentence each."""

    def collected(self) -> RuleEquations:
        """The rule with all that it proposes on spikes and in steps added up, and proposed at a sample's end."""
        during = tuple(update for update in self.updates if update.on != "sample")
        if not during:
            return self
        code = {update: (update.before, f"{CHANGE} += {update.dw}", update.after) for update in during}
        steps = tuple(Step(update.on, "\n".join(part for part in code[update] if part)) for update in during)
        proposed = Update("sample", dw=CHANGE, after=f"{CHANGE} = 0")
        return replace(
            self,
            variables=(*self.variables, SynapseVariable(CHANGE)),
            steps=(*self.steps, *steps),
            updates=(proposed, *(update for update in self.updates if update.on == "sample")),
        )

    def synapse_bytes(self, itemsize: int = 4) -> int:
        """State of one synapse in bytes, its weight included: 4 a number in float32, 8 in float64."""
        return itemsize * (1 + len(self.variables))

    def __str__(self) -> str:
        return listing(self)

    def latex(self) -> str:
        """The mathematics as LaTeX, an ``align*`` environment."""
        return latex(self)
