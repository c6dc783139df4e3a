"""Exact JSON of frozen descriptions; reading makes objects of the registered classes only."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from brian2 import Quantity, get_dimensions
from brian2.units.fundamentalunits import DIMENSIONLESS, get_or_create_dimension

from snn.errors import SNNError, nearest

Class = TypeVar("Class", bound=type)
MARK = "_is_serialisable"  # attribute of the classes that were decorated, but not of what is derived from them
_classes: dict[str, type] = {}  # filled by the decorator while modules are imported, constant after that


def serialisable(cls: Class) -> Class:
    """Class decorator: objects of this dataclass may stand in a network's or task's JSON."""
    _classes[cls.__name__] = cls
    setattr(cls, MARK, True)
    return cls


def is_registered(cls: type) -> bool:
    """Whether a class was decorated with `serialisable` itself, and not only a class that it is derived from."""
    return MARK in vars(cls)


def undecorated(cls: type) -> str:
    """The sentence about a class that `serialisable` was not told of."""
    name = cls.__name__
    taken = f", and {name} in {_classes[name].__module__} is another one" if name in _classes else ""
    return (
        f"A class in a network or task must be known to JSON, but {name} is not{taken}: decorate it with @serialisable "
        "(from snn.serial import serialisable) above @dataclass(frozen=True)."
    )


def dumps(value: Any) -> str:
    """JSON text of a description: the same object always gives the same text."""
    try:
        return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError) as error:
        raise SNNError(f"This cannot be written as JSON: {error}.") from error


def loads(text: str) -> Any:
    """The description that a text from `dumps` stands for.

    Raises
    ------
    SNNError
        If the text is not such a description; nothing in it is ever executed.
    """
    try:
        return decode(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise SNNError(f"This text does not describe a network or task: {error}.") from error


def field_of(text: str, name: str) -> Any:
    """One field of the object that a text from `dumps` stands for, as JSON has it; ``None`` if there is none."""
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None  # `loads` says so
    return data.get(name) if isinstance(data, dict) else None


def packages(text: str) -> set[str]:
    """Top-level packages that define the classes named in a text from `dumps`."""
    names = set(re.findall(r'"type":"(\w+)"', text))
    return {_classes[name].__module__.partition(".")[0] for name in names if name in _classes}


def encode(value: Any) -> Any:
    """Plain JSON data for a description."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Quantity) and get_dimensions(value) is not DIMENSIONLESS:
        return {"quantity": float(value), "dimensions": [float(d) for d in get_dimensions(value)._dims]}
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim > 0:
        array = np.ascontiguousarray(value)
        data = base64.b64encode(array.tobytes()).decode()
        return {"array": data, "dtype": array.dtype.str, "shape": list(array.shape)}
    if isinstance(value, (float, np.floating, Quantity)):
        return float(value)
    if isinstance(value, Mapping):
        return {"mapping": {key: encode(item) for key, item in value.items()}}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if dataclasses.is_dataclass(value) and is_registered(type(value)):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
        return {"type": type(value).__name__, **fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        raise SNNError(undecorated(type(value)))
    raise SNNError(f"A {type(value).__name__} cannot stand in a network's JSON ({value!r}).")


def decode(data: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    if not isinstance(data, dict):
        return data
    if "quantity" in data:
        exponents = [float(exponent) for exponent in data["dimensions"]]
        return Quantity(float(data["quantity"]), dim=get_or_create_dimension(exponents))
    if "array" in data:
        raw = np.frombuffer(base64.b64decode(data["array"], validate=True), dtype=_plain_dtype(data["dtype"]))
        return raw.reshape(data["shape"]).copy()
    if "mapping" in data:
        return {key: decode(item) for key, item in data["mapping"].items()}
    name = data.get("type")
    if name not in _classes:
        raise SNNError(f"JSON of type {name!r} is not known; {nearest(str(name), _classes)}.")
    return _classes[name](**{key: decode(item) for key, item in data.items() if key != "type"})


def _plain_dtype(text: str) -> np.dtype:
    dtype = np.dtype(text)
    if dtype.kind not in "biuf":
        raise ValueError(f"arrays of numbers only, not {text!r}")
    return dtype
