"""Brian2's C++ code generator, with loops computed in the precision of their state.

Brian2 writes literals, `dt` and constants in double precision, and one of them turns a float32 loop into a loop in
double with conversions on either side. Here, in float32, they are floats in whatever runs once for every neuron or
synapse. Two things stay double: statements that contain the time (`TIMES`), which a float32 cannot tell apart after
some hours, and what is computed once a step, which costs nothing and is rounded once, when a loop takes it up.
"""

from __future__ import annotations

import re
from copy import copy
from typing import Any

import numpy as np
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.preferences import prefs
from brian2.core.variables import Constant
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.utils.stringtools import get_identifiers, word_substitute

TIMES = frozenset({"t", "t_in_timesteps", "lastspike", "lastupdate", "absolute_step"})


class EngineRenderer(CPPNodeRenderer):
    """Expressions as C++.

    Parameters
    ----------
    doubles : set of str or None
        Names that the code declares as double, for an expression without a double in it; ``None`` for one in double.
    logical : bool
        Whether all of a condition may be evaluated: a vector loop must not branch.
    """

    def __init__(self, doubles: frozenset[str] | None, logical: bool, **keywords: Any):
        super().__init__(**keywords)
        self.doubles = doubles
        if logical:
            self.expression_ops: dict[str, str] = CPPNodeRenderer.expression_ops | {"And": "&", "Or": "|"}

    def render_Constant(self, node: Any) -> str:
        text = str(super().render_Constant(node))
        return f"{text}f" if self.doubles is not None and isinstance(node.value, float | np.floating) else text

    def render_Name(self, node: Any) -> str:
        text = str(super().render_Name(node))
        return f"float({text})" if self.doubles is not None and node.id in self.doubles else text

    def render_BinOp(self, node: Any) -> str:
        text = str(super().render_BinOp(node))
        if self.doubles is None and text.startswith("1.0f*"):  # as Brian2 divides, whatever the precision asked for
            return "1.0*" + text.removeprefix("1.0f*")
        return text


class EngineGenerator(CPPCodeGenerator):
    """Brian2's generator with renderers of ours; the arithmetic that its code calls is in ``engine/arithmetic.h``."""

    universal_support_code = ""
    rendering: tuple[frozenset[str] | None, bool] = (None, False)  # how, for the present statement

    def __init__(self, *arguments: Any, **keywords: Any):
        super().__init__(*arguments, **keywords)
        self._fixed = {name for name, variable in self.variables.items() if _fixed(variable)}

    def translate_expression(self, expr: str) -> str:
        renderer = EngineRenderer(*self.rendering, auto_vectorise=self.auto_vectorise)
        return str(renderer.render_expr(word_substitute(expr, self.func_name_replacements))).strip()

    def translate_statement(self, statement: Any) -> str:
        single = prefs.core.default_float_dtype is np.float32
        in_double = not single or statement.scalar or get_identifiers(statement.expr) & TIMES
        logical = np.issubdtype(statement.dtype, np.bool_)
        # Whole numbers divided by zero end the program, so what guards a division must go on guarding it.
        guarded = re.search(r"%|//", statement.expr) is not None
        self.rendering = (None if in_double else self._doubles(), logical and not guarded)
        if logical:
            statement = copy(statement)
            statement.used_boolean_variables = None  # Brian2 would branch on them
        text = str(super().translate_statement(statement))
        if statement.scalar and statement.constant and get_identifiers(statement.expr) <= self._fixed:
            self._fixed.add(statement.var)
            return f"static {text}"  # computed once in a run
        return text

    def translate_to_read_arrays(self, read: Any, write: Any, indices: Any) -> list[str]:
        # Indices of 32 bits may wrap around, for all that a compiler knows, which forbids vector loops.
        lines = super().translate_to_read_arrays(read, write, indices)
        lines = [re.sub(r"^const int32_t (_(?:pre|post)synaptic_idx)", r"const int64_t \1", line) for line in lines]
        # A neuron's number is its place.
        place = re.compile(r"^const int32_t i = _ptr_array_\w+_i\[_idx\]")
        return [place.sub("const int64_t i = _idx", line) for line in lines]

    def _doubles(self) -> frozenset[str]:
        constants = {
            name
            for name, variable in self.variables.items()
            if isinstance(variable, Constant) and np.issubdtype(variable.dtype, np.floating)
        }
        return frozenset(constants | {"dt"})


def _fixed(variable: Any) -> bool:
    """Whether a name means the same throughout a run."""
    return isinstance(variable, Function) or (variable.scalar and variable.constant)


class EngineCodeObject(CPPStandaloneCodeObject):
    """Brian2's standalone code object with this package's templates in front of the stock ones."""

    templater = CPPStandaloneCodeObject.templater.derive("snn.backends.standalone")
    generator_class = EngineGenerator


for _name, _replacement in (("clip", "_clip"), ("abs", "_brian_abs")):
    DEFAULT_FUNCTIONS[_name].implementations.add_implementation(EngineCodeObject, "", name=_replacement)
