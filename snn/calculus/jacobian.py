"""Derivatives of one-step maps, and what cannot be differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy
from sympy.core.function import AppliedUndef

from snn.calculus.stepmap import StepMap, expression, symbol, text
from snn.errors import NetworkError

SMOOTH = frozenset(
    type(expression(f"{name}(x_)"))
    for name in ("exp", "log", "log10", "expm1", "log1p", "exprel", "sin", "cos", "tan", "sinh", "cosh", "tanh")
) | {sympy.asin, sympy.acos, sympy.atan}
KINKED = (sympy.Function, AppliedUndef, sympy.core.relational.Relational, sympy.logic.boolalg.BooleanFunction)
SIMPLE = 60
"""Operations up to which an expression is simplified; beyond, sympy takes seconds."""


class NotDifferentiable(NetworkError):
    """An expression has a term that has no derivative."""


def derivative(value: sympy.Expr, name: str, where: str = "the equations") -> sympy.Expr:
    """The derivative of an expression, simplified; exactly 0 where it vanishes.

    Raises
    ------
    NotDifferentiable
        If a term that reads `name` is noise, a comparison, or a function with a kink or a step.
    """
    variable = symbol(name)
    if variable not in value.free_symbols:
        return sympy.Integer(0)
    _check(value, variable, where)
    return simplified(sympy.diff(value, variable))


def jacobian(step: StepMap, of: Iterable[str], wrt: Iterable[str]) -> Mapping[tuple[str, str], sympy.Expr]:
    """The derivatives that are not 0 of new values `of` variables with respect to old ones, inputs or parameters.

    Examples
    --------
    >>> jacobian(StepMap.of_equations("dv/dt = -v/tau : 1", "exact"), ["v"], ["v"])
    {('v', 'v'): exp(-dt/tau)}
    """
    wrt = tuple(wrt)
    entries = {(a, b): derivative(step.of(a), b, f"the equation of {a!r}") for a in of for b in wrt}
    return {pair: entry for pair, entry in entries.items() if entry != 0}


def simplified(value: sympy.Expr) -> sympy.Expr:
    """A shorter form of an expression: simplified if that is cheap, and 0 if it is 0."""
    if value.is_number or value.is_symbol:
        return value
    if value.count_ops() <= SIMPLE:
        # The fewest names, so that exp((v - v_th)/d), which is tame, does not become exp(v/d)*exp(-v_th/d).
        value = min((value, sympy.simplify(value), sympy.factor_terms(value), sympy.factor(value)), key=_length)
    return sympy.Integer(0) if _vanishes(value) else value


def _length(value: sympy.Expr) -> tuple[int, int]:
    leaves = sum(1 for term in sympy.preorder_traversal(value) if not term.args)
    return leaves, len(text(value))


def _vanishes(value: sympy.Expr) -> bool:
    """Whether an expression is 0 wherever it is tried: at points that no formula of a neuron has a reason to favour."""
    symbols = sorted(value.free_symbols, key=str)
    for k in range(3):
        point = {item: sympy.Float(0.37 + 0.113 * n + 0.271 * k + 0.01 * n * k, 50) for n, item in enumerate(symbols)}
        number = value.subs(point).evalf(50)
        if not number.is_number or not number.is_finite or abs(number) > sympy.Float("1e-30"):
            return False
    return True


def _check(value: sympy.Expr, variable: sympy.Symbol, where: str) -> None:
    for term in sympy.preorder_traversal(value):
        if variable not in getattr(term, "free_symbols", ()):
            continue
        if isinstance(term, KINKED) and type(term) not in SMOOTH:
            raise NotDifferentiable(
                f"A gradient needs smooth equations, but `{_shown(term)}` in {where} has no derivative with respect to "
                f"{str(variable)!r}; write it with smooth functions (exp, tanh, ...)."
            )


def _shown(term: sympy.Basic) -> str:
    try:
        return text(term)
    except Exception:  # Brian2's printer knows expressions only
        return str(term)
