"""Expressions that users give to rules: the names that they may read, and their checks."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.parsing.rendering import NodeRenderer

from snn.equations.operands import endless_number
from snn.equations.parse import FUNCTIONS, identifiers, parsed, unusable
from snn.errors import NetworkError
from snn.fields import mapping_problems
from snn.neurons import Neuron
from snn.plasticity.rule import Place

CONSTANTS = ("dt", "pi", "inf", "and", "or", "not")
GIVEN = ("spiked", "sample_spikes", "sample_step", "sample_steps", "i", "N", *CONSTANTS)
"""What an expression of a neuron's may read without being given it."""
OF_READOUTS = ("error", "y")
"""What an expression of a readout's units may read of them."""
SPIKES = {"spiked", "sample_spikes"}


def is_expression(text: Any, truths: bool = False) -> bool:
    """Whether a value is an expression on one line that Brian2 can render, and that is a number, or one of `truths`."""
    if not isinstance(text, str) or not text.isascii() or set("#\n\r") & set(text):  # ast would read bytes too
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        NodeRenderer().render_expr(text.strip())
    except (SyntaxError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return False
    match tree:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) if not truths:
            return False
    if endless_number(text):
        return False
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return all(_sound(node, called) for node in ast.walk(tree))


def _sound(node: ast.AST, called: set[int]) -> bool:
    """Whether numbers are finite, functions called, with as many arguments as they take, and nothing divided by 0."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and math.isfinite(value)
        case ast.Name(id=name):
            return name not in FUNCTIONS or id(node) in called
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return name not in FUNCTIONS or len(arguments) == len(DEFAULT_FUNCTIONS[name]._arg_units)
        case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod(), right=ast.Constant(value=value)):
            return value != 0
    return True


def expression_problems(
    field: str, text: Any, parameters: str, numbers: Any, name: str, what: str, example: str
) -> list[str]:
    """Return the problems of an expression of one neuron and of the numbers that it is given.

    Parameters
    ----------
    field, text
        Name of the field, and the expression in it.
    parameters, numbers
        Name of the field of its constants, and those.
    name, what, example : str
        Whose it is, what it is, such as ``"a signal"``, and how one looks.
    """
    found = mapping_problems(parameters, numbers, name)
    if found:
        return found
    for parameter in numbers:
        if parameter in GIVEN or unusable(parameter):
            found.append(f"`{parameter}` is a reserved name in {what}; rename the parameter of {name}.")
    if not is_expression(text):
        found.append(f"`{field}` of {name} must be an expression such as {example!r}, but is {text!r}.")
    return found


def names_of(neuron: Neuron | None) -> set[str]:
    """The variables and parameters of a neuron."""
    return set() if neuron is None else {*parsed(neuron.model).names, *neuron.parameters}


def outside(text: str, numbers: Mapping[str, Any], place: Place, what: str, field: str) -> tuple[str, ...]:
    """The names in an expression of the neurons at a place that are neither theirs nor given: the third factors.

    Raises
    ------
    NetworkError
        If a constant of the expression is a variable or parameter of the neurons too, or if it reads spikes where
        there are none.
    """
    own = set(OF_READOUTS) if place.readout is not None else names_of(place.post)
    given = set(CONSTANTS) if place.readout is not None else set(GIVEN)
    for number in numbers:
        if number in own:
            raise NetworkError(
                f"`{number}` must mean one thing in {what}, but the neuron has it too; rename it in `{field}`."
            )
    read = identifiers(text)
    if read & SPIKES and (place.post is None or place.post.threshold is None):
        raise NetworkError(f"`{min(read & SPIKES)}` in {what} needs postsynaptic spikes, which there are none of here.")
    return tuple(sorted(read - {*own, *numbers, *given, *FUNCTIONS}))
