"""Functions that a plan's code calls beside those of Brian2, for every code generation target.

``uniform(seed, stream, step, element)`` and ``normal(...)`` are the random numbers of `snn.random`; ``dither(...)`` is
``uniform(...)`` cut, not rounded, to the bits of the run's reals, so that it stays below 1.
``history_shifted(history, size)`` moves a register of spikes on by one step, and ``history_at(history, bit)`` is 1 if
the neuron spiked as many steps ago as the power of two says: bit operations, which Brian2's language lacks.
``where(condition, a, b)`` is a where the condition holds, else b. ``whole_below(x)`` and ``whole_towards_zero(x)`` are
whole numbers as reals, however large; Brian2's ``floor`` and ``int`` have 32 bits in NumPy. ``as_real(x)`` is a whole
number as a real one, which Brian2's simplification leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Function
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from snn.random import FIRST, GOLDEN, NORMAL_OFFSET, SECOND, normal, uniform

CYTHON_DRAW = f"""
cdef unsigned long long _snn_mix(unsigned long long x):
    x += {GOLDEN}ULL
    x = (x ^ (x >> 30)) * {FIRST}ULL
    x = (x ^ (x >> 27)) * {SECOND}ULL
    return x ^ (x >> 31)
cdef double _snn_uniform(long long seed, long long stream, long long step, long long element):
    cdef unsigned long long h = _snn_mix(<unsigned long long>seed)
    h = _snn_mix(h + <unsigned long long>stream)
    h = _snn_mix(h + <unsigned long long>step)
    h = _snn_mix(h + <unsigned long long>element)
    return (h >> 11) * (1.0 / 9007199254740992.0)
"""
CYTHON_UNIFORM = """
cdef double uniform(long long seed, long long stream, long long step, long long element):
    return _snn_uniform(seed, stream, step, element)
"""
CYTHON_DITHER = """
cdef double dither(long long seed, long long stream, long long step, long long element):
    return _snn_uniform(seed, stream, step, element)
"""
CYTHON_NORMAL = f"""
from libc.math cimport sqrt as _snn_sqrt, log as _snn_log, cos as _snn_cos
cdef double normal(long long seed, long long stream, long long step, long long element):
    cdef double radius = _snn_sqrt(-2.0 * _snn_log(1.0 - _snn_uniform(seed, stream, step, element)))
    return radius * _snn_cos(6.283185307179586 * _snn_uniform(seed, stream + {NORMAL_OFFSET}, step, element))
"""
CYTHON_SHIFTED = """
cdef long long history_shifted(long long history, long long size):
    return (2 * history) & (size - 1)
"""
CYTHON_AT = """
cdef long long history_at(long long history, long long bit):
    return (history & bit) != 0
"""


def dither(seed: Any, stream: Any, step: Any, element: Any) -> np.ndarray:
    """Numbers uniform in [0, 1), to be added before a number is cut to a whole one."""
    return uniform(seed, stream, step, element)


def history_shifted(history: Any, size: Any) -> np.ndarray:
    """The register one step later; `size` is 2 to the number of steps that it holds."""
    return (2 * np.asarray(history)) & (np.asarray(size) - 1)


def history_at(history: Any, bit: Any) -> np.ndarray:
    """Whether a bit of the register is set, as 0 or 1."""
    return ((np.asarray(history) & np.asarray(bit)) != 0).astype(np.int64)


CYTHON_WHERE = """
cdef double where(bint condition, double a, double b):
    return a if condition else b
"""
CYTHON_BELOW = """
from libc.math cimport floor as _snn_floor
cdef double whole_below(double x):
    return _snn_floor(x)
"""
CYTHON_TOWARDS_ZERO = """
from libc.math cimport trunc as _snn_trunc
cdef double whole_towards_zero(double x):
    return _snn_trunc(x)
"""
CYTHON_REAL = """
cdef double as_real(double x):
    return x
"""


def where(condition: Any, a: Any, b: Any) -> np.ndarray:
    """One or the other number."""
    return np.where(condition, a, b)


def whole_below(x: Any) -> np.ndarray:
    """The largest whole number that is not above x."""
    return np.floor(x)


def whole_towards_zero(x: Any) -> np.ndarray:
    """The whole part of x."""
    return np.trunc(x)


def as_real(x: Any) -> np.ndarray:
    """A whole number as a real one."""
    return np.asarray(x, float)


def _function(
    python: Callable[..., Any],
    cython: str,
    returns: str,
    *arguments: str,
    types: list[str] | None = None,
    needs: dict[str, Function] | None = None,
    unit: Callable[..., Any] | int = 1,
) -> Function:
    function = Function(
        python,
        arg_units=[None if kind == "boolean" or unit != 1 else 1 for kind in types or arguments],
        return_unit=unit,
        arg_types=types or ["integer"] * len(arguments),
        return_type=returns,
        arg_names=list(arguments),
    )
    name = python.__name__
    function.implementations.add_numpy_implementation(python)
    function.implementations.add_implementation("cython", cython, name=name, dependencies=needs)
    function.implementations.add_implementation(CPPStandaloneCodeObject, "", name=f"snn_{name}")  # engine/functions.h
    return function


def brian_functions() -> dict[str, Function]:
    """The functions as Brian2 takes them, by name."""
    drawn = ("seed", "stream", "step", "element")
    draw = Function(uniform, arg_units=[1] * 4, return_unit=1)
    draw.implementations.add_implementation("cython", CYTHON_DRAW, name="_snn_uniform")
    needs = {"_snn_uniform": draw}  # once in a text that calls several
    return {
        "uniform": _function(uniform, CYTHON_UNIFORM, "float", *drawn, needs=needs),
        "dither": _function(dither, CYTHON_DITHER, "float", *drawn, needs=needs),
        "normal": _function(normal, CYTHON_NORMAL, "float", *drawn, needs=needs),
        "history_shifted": _function(history_shifted, CYTHON_SHIFTED, "integer", "history", "size"),
        "history_at": _function(history_at, CYTHON_AT, "integer", "history", "bit"),
        "where": _function(where, CYTHON_WHERE, "float", "condition", "a", "b", types=["boolean", "float", "float"]),
        "whole_below": _function(whole_below, CYTHON_BELOW, "float", "x", types=["any"], unit=lambda u: u),
        "whole_towards_zero": _function(whole_towards_zero, CYTHON_TOWARDS_ZERO, "float", "x", types=["any"]),
        "as_real": _function(as_real, CYTHON_REAL, "float", "x", types=["any"]),
    }
