"""Numbers with units and ranges as dataclass fields, checked in one place.

A class that describes part of a network declares its numbers with `number`; `problems` then says everything that is
wrong with one of its objects, so that a whole network can be reported at once.
"""

from __future__ import annotations

import dataclasses
import keyword
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, Unit, get_dimensions, have_same_dimensions
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.errors import nearest

REQUIRED = dataclasses.MISSING


def number(
    default: Any = REQUIRED,
    unit: Unit | float = 1,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    optional: bool = False,
    integer: bool = False,
) -> Any:
    """A dataclass field that holds a number of the given unit within a range (in SI units)."""
    rule = {
        "unit": unit,
        "above": above,
        "at_least": at_least,
        "at_most": at_most,
        "optional": optional,
        "integer": integer,
    }
    if isinstance(default, Quantity):  # not hashable, which dataclasses ask of a default
        return dataclasses.field(default_factory=lambda: default, metadata={"number": rule})
    return dataclasses.field(default=default, metadata={"number": rule})


def choice(default: str, *choices: str) -> Any:
    """A dataclass field that holds one of a few words."""
    return dataclasses.field(default=default, metadata={"choices": choices})


def flag(default: bool) -> Any:
    """A dataclass field that holds True or False."""
    return dataclasses.field(default=default, metadata={"flag": True})


def sort_mappings(owner: object, *names: str) -> None:
    """Copy a frozen object's mappings in the order of their keys: a user's dict may change, and its order says nothing.

    What is no mapping of names is left alone; the checks report it.
    """
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            object.__setattr__(owner, name, {key: value[key] for key in sorted(value)})


def si(value: Any) -> float:
    """The plain number behind a quantity, in SI units."""
    return float(value)


def unit_text(value: Any) -> str:
    """The unit of a number as Brian2's equations write it, such as ``second`` or ``1``."""
    dimensions = get_dimensions(value)
    return "1" if dimensions is DIMENSIONLESS else repr(get_unit(dimensions))


def problems(owner: object, name: str) -> list[str]:
    """Every number or word of a dataclass object that breaks its rule, one sentence each."""
    found: list[str] = []
    for field in dataclasses.fields(owner):  # type: ignore[arg-type]
        value = getattr(owner, field.name)
        if "number" in field.metadata:
            found.extend(_number_problems(field.name, value, field.metadata["number"], name))
        elif "flag" in field.metadata and not isinstance(value, bool):
            found.append(f"`{field.name}` of {name} must be True or False, but is {value!r}.")
        elif "choices" in field.metadata and not (isinstance(value, str) and value in field.metadata["choices"]):
            found.append(f"`{field.name}` of {name} is {value!r}; {nearest(value, field.metadata['choices'])}.")
    return found


def mapping_problems(field: str, numbers: Any, name: str) -> list[str]:
    """Return the problems of a mapping of names to numbers."""
    if not isinstance(numbers, Mapping):
        return [f"`{field}` of {name} must be a mapping of names to numbers, but is {numbers!r}."]
    found = []
    for key, value in numbers.items():
        if not isinstance(key, str) or not key.isidentifier() or keyword.iskeyword(key):
            found.append(f"`{field}` of {name} must be given by plain words such as 'tau', but one is {key!r}.")
        elif not is_number(value):
            found.append(f"`{field}` of {name} must be single numbers, but {key} = {value!r}.")
        elif not math.isfinite(si(value)):
            found.append(f"`{field}` of {name} must be finite, but {key} = {value!r}.")
    return found


def is_number(value: Any) -> bool:
    """Whether a value is one real number, with or without a unit."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating, Quantity)):
        return False
    try:
        return np.ndim(value) == 0 and isinstance(float(value), float)
    except (TypeError, OverflowError):  # complex numbers, and whole ones of hundreds of digits
        return False


def _number_problems(field: str, value: Any, rule: dict[str, Any], name: str) -> list[str]:
    if value is None:
        return [] if rule["optional"] else [f"`{field}` of {name} must be given."]
    if not is_number(value):
        return [f"`{field}` of {name} must be a number, but is {value!r}."]
    if not have_same_dimensions(value, rule["unit"]):
        needed = "be a plain number without a unit" if _plain(rule["unit"]) else f"have the unit {rule['unit']!r}"
        return [f"`{field}` of {name} must {needed}, but is {value!r}."]
    plain = si(value)
    if math.isnan(plain) or math.isinf(plain):
        return [f"`{field}` of {name} must be finite, but is {value!r}."]
    if rule["integer"] and plain != int(plain):
        return [f"`{field}` of {name} must be a whole number, but is {value!r}."]
    unit = "" if _plain(rule["unit"]) else f" {rule['unit']!r}"
    bounds = (
        ("above", ">", lambda low: plain > low),
        ("at_least", ">=", lambda low: plain >= low),
        ("at_most", "<=", lambda high: plain <= high),
    )
    return [
        f"`{field} {sign} {rule[key]:g}{unit}` must hold, but {name} has {field} = {value!r}."
        for key, sign, holds in bounds
        if rule[key] is not None and not holds(rule[key])
    ]


def _plain(unit: Any) -> bool:
    return get_dimensions(unit) is DIMENSIONLESS
