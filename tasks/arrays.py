"""A user's arrays in plain form: lists, columns, objects and whole floats are read, everything else is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Quantity, get_dimensions
from brian2.units.fundamentalunits import DIMENSIONLESS

from snn.errors import DataError

CHUNK = 1 << 16
"""Numbers that are looked at at a time: they fit into a processor's cache."""


def numbers(
    name: str, given: Any, text_remedy: str = "convert them by .astype(float)", rows: np.ndarray | None = None
) -> np.ndarray:
    """An array of finite real numbers: whatever NumPy makes one of, without a copy if it is one already.

    Parameters
    ----------
    name : str
        What errors call it.
    given : array-like
        Booleans, whole numbers or floats; objects are read one by one.
    text_remedy : str
        What to do about text.
    rows : (n,) int array, optional
        What errors call the rows; by default 0, 1, ...

    Raises
    ------
    DataError
        If it is something else, or one of its numbers is not finite.
    """
    array = _read(name, given)
    if array.dtype.kind in "US":
        raise DataError(f"{name} must be numbers, but are text such as {_item(array)!r}; {text_remedy}.")
    if array.dtype.kind == "c":
        raise DataError(f"{name} must be real numbers, but are complex; take .real, or np.abs(...) of them.")
    if array.dtype.kind not in "biuf" or not array.ndim:
        remedy = "call its method .toarray()" if hasattr(given, "toarray") else "give an array of numbers"
        raise DataError(f"{name} must be an array of numbers, but is {_kind(given, array)}; {remedy}.")
    if array.dtype.kind == "f" and (place := first_place(array, lambda part: ~np.isfinite(part))) is not None:
        where = _text(place if rows is None else (rows[place[0]], *place[1:]))
        remedy = "leave such samples out, or replace the number"
        raise DataError(f"{name} must be finite, but {where} is {array[place]}; {remedy}.")
    return array


def _read(name: str, given: Any) -> np.ndarray:
    """An array of anything, as NumPy makes it; objects are looked at one by one."""
    if isinstance(given, Quantity) and get_dimensions(given) is not DIMENSIONLESS:
        raise DataError(f"{name} must be plain numbers, but have the unit {given.get_best_unit()!s}; divide by it.")
    if np.ma.is_masked(given):
        masked = _text(np.argwhere(np.ma.getmaskarray(given))[0])
        raise DataError(f"{name} must all be known, but {masked} is masked; leave such samples out, or fill them.")
    try:
        array = np.asarray(given)
    except Exception as error:  # NumPy's, or the object's own
        if "inhomogeneous" in str(error):
            raise DataError(f"{name} must be one array, but rows differ in length; make them equally long.") from None
        kind = type(given).__name__
        raise DataError(
            f"{name} must be an array of numbers, but NumPy cannot read this {kind}, {error}; make an array of it."
        ) from error
    return _of_objects(array) if array.dtype.kind == "O" and array.ndim else array


def whole(name: str, given: Any, text_remedy: str, remedy: str) -> np.ndarray:
    """Whole numbers, one a row, as int64 of shape (n,): columns (n, 1), booleans and whole floats are read.

    Raises
    ------
    DataError
        As `numbers`; if one is not whole; if the shape is another, for which `remedy` says what to do.
    """
    array = column(name, numbers(name, given, text_remedy), remedy)
    if array.dtype.kind == "f" and (place := first_place(array, lambda part: part != np.floor(part))) is not None:
        raise DataError(f"{name} must be whole numbers, but {_text(place)} is {array[place]}; round them.")
    largest = np.iinfo(np.int64).max
    if array.dtype.kind in "uf" and (place := first_place(array, lambda part: np.abs(part) >= largest)) is not None:
        raise DataError(f"{name} must be below 2**63, but {_text(place)} is {array[place]}.")
    return array.astype(np.int64)


def column(name: str, array: np.ndarray, remedy: str) -> np.ndarray:
    """An array of shape (n,), or (n, 1) which DataFrames and MATLAB files give, as (n,)."""
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim == 2 and array.shape[0] == 1:
        remedy = "write .ravel()"
    if array.ndim != 1:
        raise DataError(f"{name} must be of shape (n,), but are of shape {array.shape}; {remedy}.")
    return array


def first_place(array: np.ndarray, test: Callable[[np.ndarray], np.ndarray]) -> tuple[int, ...] | None:
    """The index of the first number for which a test is true; it is made of a few rows at a time."""
    rows = max(1, CHUNK // max(1, math.prod(array.shape[1:])))
    for begin in range(0, len(array), rows):
        found = test(array[begin : begin + rows])
        if found.any():
            row, *rest = map(int, np.unravel_index(np.argmax(found), found.shape))
            return (begin + row, *rest)
    return None


def _text(place: Any) -> str:
    """An index as errors show it, such as ``[3, 5]``."""
    return f"[{', '.join(str(int(one)) for one in place)}]"


def _of_objects(array: np.ndarray) -> np.ndarray:
    """An array of Python objects as NumPy reads the list of them; still of objects if they are no numbers."""
    try:
        read = np.asarray(array.tolist())
        return read.astype(float) if read.dtype.kind == "O" and _real(read) else read
    except (ValueError, TypeError, OverflowError):
        return array


def _real(array: np.ndarray) -> bool:
    """Whether all objects convert to floats without being text or nothing: fractions and decimals do."""
    return not any(item is None or isinstance(item, str | bytes | complex) for item in array.flat)


def _item(array: np.ndarray) -> Any:
    return array.flat[0].item() if array.size else ""


def _kind(given: Any, array: np.ndarray) -> str:
    if array.ndim == 0:
        return "None" if given is None else f"a {type(given).__name__}"
    if array.dtype.kind != "O":
        return f"an array of {array.dtype}"
    other = next((item for item in array.flat if not isinstance(item, int | float | np.number)), array.flat[0])
    return f"an array of objects, {other!r} among them"
