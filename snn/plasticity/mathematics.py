"""A rule's equations to read: the mathematics, the Brian2 code that runs, and what a synapse keeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import sympy

from snn.calculus.stepmap import StepMap, expression, symbol, text
from snn.equations import identifiers
from snn.plasticity.rule import WEIGHT_IN_RULES, RuleEquations, Trace

LEGEND = {
    "eps_": "eps_x is the derivative of x by the weight",
    "arrived": "arrived is 1 if a presynaptic spike arrives",
    "spiked": "spiked is 1 if the neuron spiked in the step before, whose reset acts in this one",
    "spike": "spike is 1 if the presynaptic neuron spikes",
    "not_refractory": "not_refractory is 0 while the neuron is refractory",
    "not_refractory_before": "not_refractory_before is 0 if it was when the spike arrived",
    "distance": "distance is that to the threshold, and psi the pseudo-derivative of the spike with respect to it",
    "learning_signal": "learning_signal is the sum of the readouts' errors, fed back, or one of your own",
    "rate": "rate is the neuron's, in spikes a step",
    "T": "T is the number of steps of a sample",
    "T_window": "T_window is the number of steps of its learning window",
    "n": "n is the number of updates, this one included",
}
"""What the mathematics' own names mean."""

LATEX = {
    "eligibility": "e",
    "e_filtered": r"\bar e",
    "z_filtered": r"\bar z",
    "spiked": "z",
    "spike": "z",
    "distance": r"\Delta",
    "learning_signal": "L",
    "gradient": "g",
    "weight": "w",
    "arrived": r"\mathrm{pre}",
    "lr": r"\eta",
}

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
    lines = [f"{_symbol(left)} &= {_shown(right)}" for left, right in formulas]
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


def _shown(value: sympy.Expr) -> str:
    names = {item: _symbol(str(item)) for item in value.free_symbols}
    names |= {item: "" for item in value.free_symbols if str(item) == "_placeholder_arg"}  # of rand()
    return str(sympy.latex(value, symbol_names=names))


def _symbol(name: str) -> str:
    if match := re.fullmatch(r"reset\((\w+)\)|(\w+), at a reset", name):
        return rf"\mathrm{{reset}}({_symbol(match[1] or match[2])})"
    if ", " in name:
        head, _, rest = name.partition(", ")
        return rf"{_symbol(head)}\text{{, {rest}}}"
    if name.endswith("'"):
        return rf"{{{_symbol(name[:-1])}}}'"
    if name in LATEX:
        return LATEX[name]
    head, _, rest = name.partition("_")
    head = r"\epsilon" if head == "eps" else sympy.latex(sympy.Symbol(head))
    if len(head) > 1 and not head.startswith("\\"):
        head = rf"\mathrm{{{head}}}"
    return head if not rest else rf"{head}_{{\mathrm{{{rest.replace('_', ' ')}}}}}"
