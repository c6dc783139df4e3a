"""Functions that fitted plans call beside those of Brian2, in GeNN's language.

Two of Brian2GeNN's functions are replaced: its ``clip`` is computed in 32 bits and its ``int`` only takes conditions.
Three that it lacks are added.
``genn_chosen(condition, a, b)`` is the plan's ``where`` for numbers of any kind. In GeNN both are C's own choice of two
values, so that a value which is not chosen is not computed.
"""

from __future__ import annotations

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, Function
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from snn.backends.brian.functions import brian_functions
from snn.random import FIRST, GOLDEN, NORMAL_OFFSET, SECOND

MIX = f"""
SUPPORT_CODE_FUNC unsigned long long snn_mix(unsigned long long x) {{
    x += {GOLDEN}ULL;
    x = (x ^ (x >> 30)) * {FIRST}ULL;
    x = (x ^ (x >> 27)) * {SECOND}ULL;
    return x ^ (x >> 31);
}}
SUPPORT_CODE_FUNC double snn_draw(long long seed, long long stream, long long step, long long element) {{
    unsigned long long h = snn_mix((unsigned long long) seed);
    h = snn_mix(h + (unsigned long long) stream);
    h = snn_mix(h + (unsigned long long) step);
    h = snn_mix(h + (unsigned long long) element);
    return (double) (h >> 11) * (1.0 / 9007199254740992.0);
}}
"""
DITHER = """
#define snn_dither(seed, stream, step, element) \
    (sizeof(scalar) == 4 ? floor(snn_draw(seed, stream, step, element)*16777216.0)/16777216.0 \
                         : snn_draw(seed, stream, step, element))
"""
NORMAL = f"""
SUPPORT_CODE_FUNC double snn_normal(long long seed, long long stream, long long step, long long element) {{
    const double radius = sqrt(-2.0 * log(1.0 - snn_draw(seed, stream, step, element)));
    return radius * cos(2 * M_PI * snn_draw(seed, stream + {NORMAL_OFFSET}LL, step, element));
}}
"""
CODE = {
    "uniform": "#define snn_uniform snn_draw",
    "dither": DITHER,
    "normal": NORMAL,
    "history_shifted": "#define snn_history_shifted(history, size) ((2 * (history)) & ((size) - 1))",
    "history_at": "#define snn_history_at(history, bit) ((((long long) (history)) & ((long long) (bit))) != 0)",
    "where": "#define snn_where(condition, a, b) ((condition) ? (a) : (b))",
    "genn_chosen": "#define snn_chosen(condition, a, b) ((condition) ? (a) : (b))",
    "whole_below": "#define snn_whole_below(x) floor(x)",
    "whole_towards_zero": "#define snn_whole_towards_zero(x) trunc(x)",
    "as_real": "#define snn_as_real(x) ((scalar) (x))",
}
OF_BRIAN2 = {
    "clip": "#define snn_clip(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))",
    "int": "#define snn_int(x) ((int) (x))",
    "expm1": "#define snn_expm1(x) expm1(x)",
    "log1p": "#define snn_log1p(x) log1p(x)",
    "exprel": "#define snn_exprel(x) ((x) < 1e-16 && (x) > -1e-16 ? 1.0 : expm1(x)/(x))",
}
"""Replaced, or added to what Brian2GeNN has itself."""
_OWN = """
abs arccos arcsin arctan ceil cos cosh exp floor log log10 rand randn sign sin sinh sqrt tan tanh
"""
OF_BRIAN2GENN = frozenset(_OWN.split())
"""What Brian2GeNN has itself."""
DRAWN = ("uniform", "dither", "normal")


def fitted_functions() -> dict[str, Function]:
    """Return the functions that a fitted plan calls, by name, for Brian2's own targets."""
    kinds = ["boolean", "any", "any"]
    chosen = Function(np.where, arg_units=[None, 1, 1], return_unit=1, arg_types=kinds, return_type="highest")
    chosen.implementations.add_numpy_implementation(np.where)
    return brian_functions() | {"genn_chosen": chosen}


def genn_functions() -> dict[str, Function]:
    """The functions as Brian2GeNN takes them, by name."""
    from brian2genn.codeobject import GeNNCodeObject
    from brian2genn.genn_generator import GeNNCodeGenerator

    functions = fitted_functions()
    functions["genn_chosen"].implementations.add_implementation(CPPStandaloneCodeObject, "")  # asked for, never used
    mix = Function(lambda x: x, arg_units=[1], return_unit=1)
    mix.implementations.add_implementation(GeNNCodeObject, MIX, name="snn_mix")
    for name, function in functions.items():
        needed = {"snn_mix": mix} if name in DRAWN else None
        own = f"snn_{name.removeprefix('genn_')}"
        function.implementations.add_implementation(GeNNCodeObject, CODE[name], dependencies=needed, name=own)
    for name, code in OF_BRIAN2.items():
        DEFAULT_FUNCTIONS[name].implementations.add_implementation(GeNNCodeGenerator, code, name=f"snn_{name}")
    return functions
