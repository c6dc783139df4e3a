"""The warning about neurons that start above their threshold and so spike in the first step."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.equations.equations import SUBEXPRESSION

from snn.equations.parse import FUNCTIONS, RANDOM, parsed
from snn.fields import si
from snn.system.notices import notice

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Population
    from snn.neurons import Neuron

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: np.logical_not,
    ast.And: np.logical_and, ast.Or: np.logical_or,
}  # fmt: skip


class Unknown(Exception):
    """An expression has no value before a run: it reads a signal, or draws random numbers."""


def tell_of_high_starts(spec: NetworkData) -> None:
    """Give one notice for each population whose initial state is above its threshold."""
    for population in spec.populations:
        for text in _sentences(spec, population):
            notice(("initial", population.name), text)


def _sentences(spec: NetworkData, population: Population) -> Iterator[str]:
    neuron = population.model.neuron(spec.dt)
    if neuron.threshold is None:
        return
    start = Start(neuron, int(population.n), si(spec.dt))
    try:
        with np.errstate(all="ignore"):
            above = np.any(start.value(neuron.threshold))
    except (Unknown, ArithmeticError, KeyError, TypeError, ValueError):  # nothing is known, so nothing is told
        return
    if above and start.read:
        values = ", ".join(f"{name} = {value}" for name, value in start.read.items())
        example = next(iter(start.read))
        yield (
            f"The population {population.name!r} starts above its threshold: {neuron.threshold!r} holds for "
            f"{values}, so its neurons spike in the first step without input. Give the neuron "
            f"initial={{{example!r}: ...}} below the threshold."
        )


class Start:
    """The state of a population before its first step.

    Parameters
    ----------
    neuron : Neuron
    n : int
        Number of neurons.
    dt : float
        The time step in seconds.

    Attributes
    ----------
    read : dict of str to Quantity or float
        State variables that expressions have read, with their initial values.
    """

    def __init__(self, neuron: Neuron, n: int, dt: float):
        self._neuron, self._equations = neuron, parsed(neuron.model)
        self._given: dict[str, Any] = {"t": 0.0, "dt": dt, "i": np.arange(n), "N": n, "not_refractory": True}
        self._given |= {"True": True, "False": False}
        self.read: dict[str, Any] = {}

    def value(self, text: str) -> Any:
        """The value of an expression in SI units: a number, or one a neuron.

        Raises
        ------
        Unknown
            If it has none before a run.
        """
        return self._of(ast.parse(text.strip(), mode="eval").body)

    def _of(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return number
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=op, operand=operand):
                return OPERATORS[type(op)](self._of(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](self._of(left), self._of(right))
            case ast.BoolOp(op=op, values=values):
                return _reduced(OPERATORS[type(op)], [self._of(value) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self._of(side) for side in (left, *others)]
                pairs = zip(ops, sides, sides[1:], strict=False)
                return _reduced(np.logical_and, [OPERATORS[type(op)](a, b) for op, a, b in pairs])
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in FUNCTIONS and name not in RANDOM:
                return DEFAULT_FUNCTIONS[name].pyfunc(*map(self._of, arguments))
        raise Unknown

    def _named(self, name: str) -> Any:
        if (equation := self._equations.get(name)) is not None:
            if equation.type == SUBEXPRESSION:
                return self.value(str(equation.expr))
            initial = self._neuron.initial.get(name, 0.0)
            self.read[name] = Quantity(si(initial), dim=equation.dim)
            return np.float64(si(initial))
        if name in self._neuron.parameters:
            return np.float64(si(self._neuron.parameters[name]))
        if name in self._given:
            return self._given[name]
        if name in DEFAULT_UNITS:
            return float(DEFAULT_UNITS[name])
        if name in DEFAULT_CONSTANTS:
            return DEFAULT_CONSTANTS[name].value
        raise Unknown


def _reduced(join: Callable[..., Any], values: list[Any]) -> Any:
    whole = values[0]
    for value in values[1:]:
        whole = join(whole, value)
    return whole
