"""Operands that a user's arithmetic must not have, found before any code is generated."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from snn.equations.arithmetic import is_literal, parsed_text

OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def operand_problem(text: str, where: str) -> str | None:
    """Return the problem of the operands of a text, one sentence. Brian2 would try to compute ``10**10**10``."""
    if endless := endless_number(text):
        return f"Numbers must be finite, but {where} has {endless}; write another number."
    if condition := condition_as_number(text):
        return f"Arithmetic needs numbers, but {where} has the operand {condition!r}; write int({condition})."
    return None


def endless_number(text: str) -> str | None:
    """Return the part of a text whose literals alone give no finite number, such as ``10**400`` or ``1/0``."""
    for node in _nodes(text):
        if isinstance(node, ast.BinOp | ast.Constant) and is_literal(node) and not _finite(node):
            return ast.unparse(node)
    return None


def condition_as_number(text: str) -> str | None:
    """Return a condition of a text that is an operand of arithmetic, such as ``v > 1`` in ``2*(v > 1)``."""
    for node in _nodes(text):
        match node:
            case ast.BinOp(left=left, right=right):
                operands = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                operands = [operand]
            case _:
                continue
        for operand in operands:
            if _is_condition(operand):
                return ast.unparse(operand)
    return None


def _is_condition(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
    return False


def _nodes(text: str) -> Iterator[ast.AST]:
    """Every part of statements, or of an expression."""
    for line in text.replace(";", "\n").split("\n"):
        tree = parsed_text(line.split("#")[0], "exec")
        yield from ast.walk(tree) if tree is not None else ()


def _finite(node: ast.expr) -> bool:
    try:
        value = _value(node)
    except (ArithmeticError, TypeError):  # of a number that is complex
        return False
    return value is None or (isinstance(value, float) and math.isfinite(value))


def _value(node: ast.expr) -> Any:
    """The value of literals in real numbers; None for what is more than arithmetic."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            value = _value(node.operand)
            return -value if isinstance(node.op, ast.USub) and value is not None else value
        case ast.BinOp():
            left, right = _value(node.left), _value(node.right)
            known = left is not None and right is not None and type(node.op) in OPERATIONS
            return OPERATIONS[type(node.op)](left, right) if known else None
    return None
