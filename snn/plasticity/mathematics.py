"""LaTeX of expressions and symbols."""

from __future__ import annotations

import re

import sympy

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


def latex_expression(value: sympy.Expr) -> str:
    """Return an expression as LaTeX."""
    names = {item: latex_symbol(str(item)) for item in value.free_symbols}
    names |= {item: "" for item in value.free_symbols if str(item) == "_placeholder_arg"}  # of rand()
    return str(sympy.latex(value, symbol_names=names))


def latex_symbol(name: str) -> str:
    """Return a variable's name as LaTeX."""
    if match := re.fullmatch(r"reset\((\w+)\)|(\w+), at a reset", name):
        return rf"\mathrm{{reset}}({latex_symbol(match[1] or match[2])})"
    if ", " in name:
        head, _, rest = name.partition(", ")
        return rf"{latex_symbol(head)}\text{{, {rest}}}"
    if name.endswith("'"):
        return rf"{{{latex_symbol(name[:-1])}}}'"
    if name in LATEX:
        return LATEX[name]
    head, _, rest = name.partition("_")
    head = r"\epsilon" if head == "eps" else sympy.latex(sympy.Symbol(head))
    if len(head) > 1 and not head.startswith("\\"):
        head = rf"\mathrm{{{head}}}"
    return head if not rest else rf"{head}_{{\mathrm{{{rest.replace('_', ' ')}}}}}"
