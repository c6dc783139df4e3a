"""Derivatives of one-step maps, and the errors of those that have none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy
from sympy.core.function import AppliedUndef

from snn.equations.stepmap import StepMap, expression, symbol, text
from snn.errors import NetworkError

SMOOTH = frozenset(
    type(expression(f"{name}(x_)"))
    for name in ("exp", "log", "log10", "expm1", "log1p", "exprel", "sin", "cos", "tan", "sinh", "cosh", "tanh")
) | {sympy.asin, sympy.acos, sympy.atan}
"""Functions that have a derivative wherever they are defined."""
KINKED = (sympy.Function, AppliedUndef, sympy.core.relational.Relational, sympy.logic.boolalg.BooleanFunction)
"""Terms that have none, unless they are among the smooth functions."""
SIMPLE = 150
"""Operations beyond which an expression is left as it is: sympy would take seconds."""


class NotDifferentiable(NetworkError):
    """An expression has a term that has no derivative."""


def derivative(value: sympy.Expr, name: str, where: str = "the equations") -> sympy.Expr:
    """The derivative of an expression, simplified; exactly 0 where it vanishes.

    Raises
    ------
    NotDifferentiable
        If a term that reads `name` is a comparison, or a function with a kink or a step.
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
    """A shorter form of an expression, if one is found cheaply, and 0 if it is 0."""
    if value.is_number or value.is_symbol or value.count_ops() > SIMPLE:
        return value
    if sympy.expand(value) == 0:  # an identity, not a trial with numbers: tanh(1000*v) is flat almost everywhere
        return sympy.Integer(0)
    # Nothing that could turn exp((v - v_th)/d), which is tame, into exp(v/d)*exp(-v_th/d), or 1/exp into exp.
    return min(value, sympy.factor_terms(value), key=_length)


def _length(value: sympy.Expr) -> tuple[int, int]:
    leaves = sum(1 for term in sympy.preorder_traversal(value) if not term.args)
    return leaves, len(text(value))


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
