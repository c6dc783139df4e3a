"""Parsers of a user's equations, with reserved names and units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from brian2 import Equations, get_dimensions, second
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import Constant, Variable
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units.fundamentalunits import Dimension

from snn.equations.operands import operand_problem

Units = tuple[tuple[str, Dimension], ...]
"""Names and the dimensions of their values."""

RANDOM = ("rand", "randn")
FUNCTIONS = frozenset(DEFAULT_FUNCTIONS) - {"poisson", "timestep"}  # these two would need Brian2's clock and generator
# What a simulation declares beside the user's variables (snn/lowering/populations/,
# snn/lowering/projections/), what `record` calls spikes, words that C++ keeps for itself, and what Brian2's templates
# are given by name. Other macros of C++ are undefined where a variable has their name
# (snn/backends/standalone/templates/program.cpp).
_TAKEN = """
seed spiked spiked_before is_refractory not_refractory refractory_left refractory_steps lastspike
spikes spike_count spike_history history_size history_shifted history_at sample_spikes pre post gate_ arrival_gate_
global_inhibition inhibition_gain
weight feedback_weight written rank psi learning_signal uniform normal dither where whole_below whole_towards_zero
as_real sample_row sample_step sample_steps signal_row absolute_step teach
alignas alignof asm auto bool break case catch char class const constexpr continue default delete do double enum
explicit export extern float friend goto inline long mutable namespace new noexcept nullptr operator private
protected public register short signed sizeof static std snn struct switch template this throw typedef typeid
typename union unsigned using virtual void volatile
and_eq bitand bitor char16_t char32_t compl const_cast decltype dynamic_cast false not_eq or_eq reinterpret_cast
static_assert static_cast thread_local true wchar_t xor xor_eq int32_t int64_t size_t uint32_t uint64_t
BUFSIZ EOF HUGE_VAL INFINITY NAN NULL RAND_MAX errno stderr stdin stdout
self owner source variables variable_indices scalar_code vector_code codeobj_name get_array_name len
load_namespace support_code_lines hashdefine_lines denormals_code_lines pointers_lines openmp_pragma
"""
RESERVED = frozenset(_TAKEN.split())
RESERVED_PATTERN = re.compile(
    r"(?:drive|drive_gain|psi)_\d+|[sS][nN][nN]_.*|surrogate_.*|signal_.*|chip_.*|genn_.*|written_.*|write_m(?:in|ax)|.*_(?:pre|post|syn|lag|delayed|score|tie|writes|learning_signal)|.*_to_.*"
)


def reserved(name: str) -> bool:
    """Whether a simulation uses the name for something of its own."""
    return name in RESERVED or RESERVED_PATTERN.fullmatch(name) is not None


def free(name: str) -> str:
    """A name like it that nothing has."""
    return f"{name}_" if not unusable(f"{name}_") else f"my_{name}"


def unusable(name: str) -> bool:
    """Whether a name is taken: by a simulation, by Brian2 (a unit, a function, ``i``), or by Python."""
    try:
        Equations.check_identifier(name)
    except (SyntaxError, ValueError):
        return True
    return reserved(name)


def units_of(numbers: Mapping[str, Any]) -> Units:
    """The dimensions of numbers by name, as `neuron_problems` takes them."""
    return tuple((name, get_dimensions(value)) for name, value in numbers.items())


@lru_cache(maxsize=512)
def parsed(model: str) -> Equations:
    """The equations of a text; whoever gets them must not change them."""
    return Equations(model)


def parsing_problem(model: str, name: str) -> str | None:
    """Why the equations cannot be parsed; ``None`` if they can."""
    for right in re.findall("=([^:]*):", re.sub("#.*", "", model)):
        if problem := operand_problem(" ".join(right.split()), f"an equation of {name}"):
            return problem
    try:
        parsed(model)
    except Exception as error:  # Brian2 raises many kinds, all of them about the user's text
        return (
            f"The equations of {name} cannot be parsed: {sentence(error)}; each line must be "
            "'dx/dt = ... : unit', 'x = ... : unit' or 'x : unit'."
        )
    return None


@lru_cache(maxsize=512)
def dimensions_of(text: str, model: str, parameters: Units) -> Dimension:
    """The dimensions of an expression of a neuron's variables and parameters."""
    known: dict[str, Any] = {name: Variable(name) for name in identifiers(text)}  # signals and indices have none
    known |= {name: Variable(name, dimensions=second.dim) for name in ("t", "dt")}
    known |= {name: Variable(name, dimensions=equation.dim) for name, equation in parsed(model).items()}
    known |= {name: Variable(name, dimensions=dim) for name, dim in parameters}
    units = {name: Constant(name, float(unit), get_dimensions(unit)) for name, unit in DEFAULT_UNITS.items()}
    taken = {*parsed(model).names, *(name for name, _ in parameters)}
    fixed = {
        name: value for name, value in (units | DEFAULT_FUNCTIONS | DEFAULT_CONSTANTS).items() if name not in taken
    }
    return parse_expression_dimensions(text, known | fixed)


def identifiers(text: str) -> set[str]:
    """The names in a text, comments aside."""
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", re.sub("#.*", "", text)))


def substitute(text: str, names: Mapping[str, str]) -> str:
    """The code with whole names replaced."""
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda match: names.get(match.group(), match.group()), text)


def sentence(error: Exception) -> str:
    """A message of several lines as one clause."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip(" ^"))
    return text.rstrip(".") or type(error).__name__
