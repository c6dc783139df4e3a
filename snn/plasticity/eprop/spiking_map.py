"""One step of a neuron, for differentiation: its update, its spike condition and its reset."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import sympy
from brian2 import Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION

from snn.equations.parse import identifiers
from snn.equations.stepmap import StepMap, expression, names, subexpressions, substituted, symbol
from snn.errors import NetworkError, nearest

GATE, ARRIVAL_GATE = "gate_", "arrival_gate_"
"""Symbols that are 1 where a refractory neuron's variables move, and where what arrives at them is let in."""


@dataclass(frozen=True)
class NeuronText:
    """The texts of a neuron that decide its eligibility; no number of it does."""

    model: str
    threshold: str
    reset: str
    input: str
    method: str
    parameters: frozenset[str]
    refractory: bool = False


@dataclass(frozen=True)
class SpikingMap:
    """One step of a neuron.

    In order: what arrives is added to `input`; `reset` acts on neurons that spiked in the step before; `update`; a
    spike where `distance` is positive.
    """

    state: tuple[str, ...]
    input: str
    update: StepMap
    reset: StepMap
    distance: sympy.Expr
    distance_text: str
    membrane: str | None
    gated_input: bool
    """Whether what arrives at a refractory neuron is lost."""


def spiking_map(neuron: NeuronText, membrane: str | None) -> SpikingMap:
    """Read a neuron's texts.

    Raises
    ------
    NetworkError
        If the threshold is not one comparison, the equations are noisy, or no variable is the membrane.
    """
    equations = Equations(neuron.model)
    _refuse(neuron, equations)
    known = subexpressions(neuron.model)
    real = [
        name
        for name, equation in equations.items()
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER)
        and equation.var_type == "float"
        and "constant" not in equation.flags
    ]
    update = _update(equations, neuron)
    whole = [name for name, equation in equations.items() if equation.var_type != "float"]
    counted = StepMap.of_statements(neuron.reset, whole, known).new
    reset = StepMap.of_statements(neuron.reset, real, known)
    left, distance_text = _threshold(neuron.threshold)
    distance = substituted(expression(distance_text), known)
    for value in (*update.new.values(), *reset.new.values(), distance):
        if read := sorted(names(value) & set(counted)):
            raise NetworkError(
                f"A gradient needs jumps of real numbers, but `{read[0]}` is an {equations[read[0]].var_type} that the "
                f"reset changes; declare it as a number: '{read[0]} : 1'."
            )
    state = tuple(name for name in real if name == neuron.input or name in update.new or name in reset.new)
    return SpikingMap(
        state=state,
        input=neuron.input,
        update=update,
        reset=reset,
        distance=distance,
        distance_text=distance_text,
        membrane=_membrane(membrane, left, state, reset),
        gated_input="unless refractory" in equations[neuron.input].flags,
    )


def _refuse(neuron: NeuronText, equations: Equations) -> None:
    """Raise an error for what has no gradient, whatever the rest."""
    for word in sorted(identifiers("\n".join((neuron.model, neuron.threshold, neuron.reset)))):
        if word in ("rand", "randn", "xi") or word.startswith("xi_"):
            raise NetworkError(
                f"A gradient needs equations without noise, but they use `{word}`; take it out, or give it to the "
                "neurons as a signal or as input spikes."
            )
    for name, equation in equations.items():
        if equation.type == SUBEXPRESSION and "constant over dt" in equation.flags:
            raise NetworkError(
                f"A gradient needs expressions of the present state, but `{name}` is (constant over dt); leave the "
                "flag out."
            )


def _update(equations: Equations, neuron: NeuronText) -> StepMap:
    """The state update; a variable that is refractory stays, and a parameter that holds the input is used up."""
    new = dict(StepMap.of_equations(neuron.model, neuron.method).new)
    for name in new:
        if "unless refractory" in equations[name].flags:
            new[name] = symbol(name) + symbol(GATE) * (new[name] - symbol(name))
    if equations[neuron.input].type == PARAMETER:
        new[neuron.input] = sympy.Integer(0)
    return StepMap(new)


def _threshold(text: str) -> tuple[str | None, str]:
    """The variable that stands alone on the side that is to be larger, and by how much that side is, as a text."""
    try:
        tree: ast.expr | None = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        tree = None
    if not (isinstance(tree, ast.Compare) and len(tree.ops) == 1 and isinstance(tree.ops[0], _LARGER + _SMALLER)):
        raise NetworkError(
            f"A gradient needs a threshold that is one comparison such as 'v > v_th', but it is {text!r}; "
            "move what else it says into the equations or into refractory=."
        )
    sides = (tree.left, tree.comparators[0])
    large, small = sides if isinstance(tree.ops[0], _LARGER) else sides[::-1]
    alone = large.id if isinstance(large, ast.Name) else None
    more, less = (ast.get_source_segment(text.strip(), side) or "" for side in (large, small))
    return alone, f"{more} - {less}" if isinstance(small, ast.Name | ast.Constant) else f"{more} - ({less})"


_LARGER, _SMALLER = (ast.Gt, ast.GtE), (ast.Lt, ast.LtE)


def _membrane(named: str | None, alone: str | None, state: tuple[str, ...], reset: StepMap) -> str | None:
    if named is not None and named not in state:
        raise NetworkError(f"`membrane` names {named!r}, which is no variable of the neuron; {nearest(named, state)}.")
    if named is not None or alone in state or not reset.new:
        return named or alone
    raise NetworkError(
        "A gradient takes the jump of one variable at a reset for a constant, the one that stands alone on the "
        "threshold's larger side ('v > ...'), but there is none; name it: EProp(membrane='v')."
    )
