"""Equations and statements as one-step maps: the new values of variables as expressions of the old ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sympy
from brian2 import Equations
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.base import StateUpdateMethod

from snn.errors import NetworkError


def symbol(name: str) -> sympy.Symbol:
    """The symbol that Brian2's parser makes of a name."""
    return expression(name) if name in ("t", "dt") else sympy.Symbol(name, real=True)


@lru_cache(maxsize=1024)  # the texts of a rule are few, and every trial asks
def expression(text: str) -> sympy.Expr:
    """A Brian2 expression as a sympy expression."""
    return sympy.sympify(str_to_sympy(text)).replace(sympy.Function("sqrt"), sympy.sqrt)


def text(value: sympy.Expr) -> str:
    """A sympy expression as a Brian2 expression."""
    return str(sympy_to_str(value))


def names(value: sympy.Expr) -> set[str]:
    """The names that an expression reads."""
    return {str(item) for item in value.free_symbols}


@dataclass(frozen=True)
class StepMap:
    """One step of a system as a map from old values of its variables to new ones.

    Attributes
    ----------
    new : mapping of str to sympy.Expr
        The new value of each variable that changes, in terms of old values, inputs and parameters. A variable that is
        not listed keeps its value.

    Examples
    --------
    >>> StepMap.of_equations("dv/dt = -v/tau : 1", "exact").new
    {'v': v*exp(-dt/tau)}
    >>> StepMap.of_statements("x += 1; y = 2*x", ["x", "y"]).new
    {'x': x + 1, 'y': 2*x + 2}
    """

    new: Mapping[str, sympy.Expr] = field(default_factory=dict)

    @staticmethod
    def of_equations(model: str, method: str) -> StepMap:
        """Differential equations, integrated over ``dt`` as Brian2's own state updater does.

        `method` is Brian2's: ``"exact"`` for linear equations, ``"euler"``, ``"exponential_euler"``, ``"rk4"``, ...
        Equations of a neuron and of a synapse are read alike; subexpressions are substituted.
        """
        return _integrated(model, method)

    @staticmethod
    def of_statements(
        code: str, variables: Iterable[str], subexpressions: Mapping[str, sympy.Expr] | None = None
    ) -> StepMap:
        """Statements, one after the other; names that are assigned but are none of `variables` are temporary.

        A subexpression has the value that the statements before have left to its variables, as in Brian2.
        """
        values: dict[str, sympy.Expr] = {}
        for line in code.replace(";", "\n").splitlines():
            if not line.split("#")[0].strip():
                continue
            name, operator, right, _ = parse_statement(line.split("#")[0].strip())
            if operator not in _OPERATORS:
                raise NetworkError(
                    f"A gradient needs statements with {', '.join(_OPERATORS)}, but there is `{line.strip()}`; write "
                    "it with one of them, or use another rule."
                )
            old = values.get(name, symbol(name))
            value = substituted(substituted(expression(right), subexpressions or {}), values)
            values[name] = _OPERATORS[operator](old, value)
        return StepMap({name: values[name] for name in variables if name in values})

    def of(self, name: str) -> sympy.Expr:
        """The new value of a variable."""
        return self.new.get(name, symbol(name))


_OPERATORS = {
    "=": lambda old, value: value,
    "+=": lambda old, value: old + value,
    "-=": lambda old, value: old - value,
    "*=": lambda old, value: old * value,
    "/=": lambda old, value: old / value,
    "**=": lambda old, value: old**value,
}


def substituted(value: sympy.Expr, known: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """An expression with names replaced, all at once, by what they stand for."""
    return value.xreplace({symbol(name): new for name, new in known.items()})


@lru_cache(maxsize=256)
def _integrated(model: str, method: str) -> StepMap:
    equations = Equations(model)
    if not equations.diff_eq_names:
        return StepMap()
    code = StateUpdateMethod.apply_stateupdater(equations, dict(DEFAULT_FUNCTIONS), method)
    return StepMap.of_statements(code, sorted(equations.diff_eq_names))


@lru_cache(maxsize=256)
def subexpressions(model: str) -> Mapping[str, sympy.Expr]:
    """Return the subexpressions of a model, in terms of variables and parameters."""
    equations = Equations(model)
    pairs = equations.get_substituted_expressions(include_subexpressions=True)
    return {name: expression(str(value)) for name, value in pairs if name in equations.subexpr_names}
