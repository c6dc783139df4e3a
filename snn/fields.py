"""Numbers with units and ranges as dataclass fields, checked in one place.

A class that describes part of a network declares its numbers with `number`; `problems` then says everything that is
wrong with one of its objects, so that a whole network can be reported at once.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

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
        elif "choices" in field.metadata and value not in field.metadata["choices"]:
            found.append(f"`{field.name}` of {name} is {value!r}; {nearest(str(value), field.metadata['choices'])}.")
    return found


def _number_problems(field: str, value: Any, rule: dict[str, Any], name: str) -> list[str]:
    if value is None:
        return [] if rule["optional"] else [f"`{field}` of {name} must be given."]
    if isinstance(value, bool) or (not isinstance(value, (int, float, Quantity)) and not hasattr(value, "__float__")):
        return [f"`{field}` of {name} must be a number, but is {value!r}."]
    if not have_same_dimensions(value, rule["unit"]):
        return [f"`{field}` of {name} must have the unit {_unit_words(rule['unit'])}, but is {value!r}."]
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


def _unit_words(unit: Any) -> str:
    return "none (a plain number)" if _plain(unit) else repr(unit)


def _plain(unit: Any) -> bool:
    return get_dimensions(unit) is DIMENSIONLESS
