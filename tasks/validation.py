"""Checks of a task's own data, once, before anything is run.

`tasks.running.check` compares a network with a task. This module looks at a task alone, and returns its data as
read-only arrays of the types and shapes that the rest of the package relies on.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snn.errors import DataError
from snn.readonly import readonly
from snn.signals import SOURCE
from tasks.arrays import column, first_place, numbers, whole
from tasks.data import Data, Drawn
from tasks.indices import checked_split
from tasks.problems import call, collect, shown

if TYPE_CHECKING:
    from tasks.data import Source

ROWS = "one row a sample (n, width), or one row a step (n, steps, width)"


def checked_data(task: Source) -> Data:
    """Check the data that `task.load` returns: labels and `learn` of shape (n,), all arrays read-only.

    Raises
    ------
    DataError
        With everything that is wrong with the data, and with the split if it can be made.
    """
    raw = call(task, "load")
    if not isinstance(raw, Data):
        raise DataError(
            f"`load` of {task.name} must return tasks.Data, but returned {shown(raw)}; "
            "write `return Data(values, labels, classes)`."
        )
    found: list[str] = []
    data = _plain(task.name, raw, found)
    if found and _rows_of(raw.values):
        beside = copy.copy(task)  # so that a split that looks at the data does not load them again
        vars(beside)["data"] = raw
        try:
            checked_split(beside)
        except DataError as error:
            found += [text for text in error.problems if text not in found]
        except Exception:
            pass  # the fault of the data, as likely as not
    if found:
        raise DataError(found)
    return data


def checked_rows(task: Source, name: str, array: Drawn, rows: np.ndarray, takes: Any = None) -> np.ndarray:
    """Rows of an array that is drawn, checked as those of a held one are.

    Parameters
    ----------
    task, name, array
        The array's place, for errors.
    rows : (k,) int array
    takes : Values, optional
        Which numbers the inputs take, if they read the array.

    Raises
    ------
    DataError
        If what was drawn has another shape than (k, *array.shape[1:]), is not made of finite numbers, or the inputs
        cannot take it.
    """
    text = f"`{name}` of {task.name}"
    drawn = numbers(text, array[rows.copy()], rows=rows)  # a copy, as `draw` may change it
    expected = (len(rows), *array.shape[1:])
    if drawn.shape != expected:
        raise DataError(
            f"{text} must be of shape {expected} for {len(rows)} rows, but `draw` returned the shape {drawn.shape}."
        )
    if takes is not None and drawn.dtype != bool and (place := first_place(drawn, takes.outside)) is not None:
        where = [int(rows[place[0]]), *place[1:]]
        raise DataError(
            f"{text} must be {takes.value} for the network's inputs, but {where} is {drawn[place]:g}; correct `draw`."
        )
    return drawn


# ---- data


def _plain(owner: str, raw: Data, found: list[str]) -> Data:
    """The data made plain; what is wrong is added to `found`."""
    values = collect(found, _rows, f"`values` of {owner}", raw.values)
    n = _rows_of(raw.values if values is None else values)
    if values is not None and n == 0:
        found.append(
            f"`values` of {owner} must hold at least one sample, but are of shape {tuple(values.shape)}; let `load` "
            "read some."
        )
    labels, classes, learn = None, raw.classes, None
    if raw.labels is not None:
        labels = collect(found, _labels, owner, raw.labels, n)
        classes = collect(found, _classes, owner, raw.classes, labels)
        if labels is not None and classes is not None:
            collect(found, _check_range, owner, labels, classes)
    if raw.learn is not None:
        learn = collect(found, _learn, owner, raw.learn, n)
    signals = collect(found, _signals, owner, raw, n) or {}
    collect(found, _check_steps, owner, {"values": values, **signals})
    return Data(readonly(values), readonly(labels), classes, readonly(signals), readonly(learn))


def _rows_of(values: Any) -> int | None:
    """Count the samples, if their number can be told."""
    return int(values.shape[0]) if isinstance(values, np.ndarray | Drawn) and len(values.shape) else None


def _rows(name: str, given: Any) -> np.ndarray | Drawn:
    """Values, of two or three dimensions."""
    array = _array(name, given)
    if len(array.shape) not in (2, 3):
        remedy = "write values[:, None]" if len(array.shape) == 1 else "write values.reshape(len(values), -1)"
        raise DataError(f"{name} must be {ROWS}, but are of shape {tuple(array.shape)}; {remedy}.")
    return array


def _array(name: str, given: Any) -> np.ndarray | Drawn:
    if not isinstance(given, Drawn):
        return numbers(name, given)
    shape = given.shape
    if not isinstance(shape, tuple) or not all(isinstance(size, int | np.integer) and size >= 0 for size in shape):
        raise DataError(f"{name} must be Drawn with a shape of whole numbers, but it is {shape!r}.")
    if not callable(given.draw):
        raise DataError(f"{name} must be Drawn by a function of rows, but `draw` is {given.draw!r}.")
    return given


def _labels(owner: str, given: Any, n: int | None) -> np.ndarray:
    name = f"`labels` of {owner}"
    remedy = "give one class a sample; of one-hot rows write labels.argmax(axis=1)"
    labels = whole(name, _held(name, given), "write classes, labels = np.unique(labels, return_inverse=True)", remedy)
    return _as_many(name, labels, n)


def _classes(owner: str, given: Any, labels: np.ndarray | None) -> int:
    real = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
    if real and np.isfinite(given) and given == int(given) and given >= 1:
        return int(given)
    remedy = "a number" if labels is None or not labels.size else f"classes={max(labels.max() + 1, 1)}, say"
    raise DataError(f"`classes` of {owner} must be a whole number of at least 1, but is {given!r}; give {remedy}.")


def _check_range(owner: str, labels: np.ndarray, classes: int) -> None:
    place = first_place(labels, lambda part: (part < 0) | (part >= classes))
    if place is None:
        return
    low, high = labels.min(), labels.max()
    remedy = f"labels begin at 0; or give classes={high + 1}"
    if low and high - low < classes:
        remedy = f"labels begin at 0: write labels {'-' if low > 0 else '+'} {abs(low)}"
    elif low < 0:
        remedy = "leave out the samples with other labels"
    raise DataError(
        f"`labels` of {owner} must be from 0 to classes - 1 = {classes - 1}, but [{place[0]}] is {labels[place]}; "
        f"{remedy}."
    )


def _learn(owner: str, given: Any, n: int | None) -> np.ndarray:
    name = f"`learn` of {owner}"
    array = _as_many(name, column(name, numbers(name, _held(name, given)), "give True or False for each sample"), n)
    if (place := first_place(array, lambda part: (part != 0) & (part != 1))) is not None:
        raise DataError(
            f"{name} must be True or False, but [{place[0]}] is {array[place]}; of indices write "
            "np.isin(np.arange(n), learn)."
        )
    return array.astype(bool)


def _held(name: str, given: Any) -> Any:
    if isinstance(given, Drawn):  # which NumPy would draw row by row
        raise DataError(f"{name} must be an array, but is Drawn; make all of it, as it is small.")
    return given


def _as_many(name: str, array: np.ndarray, n: int | None) -> np.ndarray:
    if n is not None and len(array) != n:
        raise DataError(f"{name} must be one for each of the {n} samples, but there are {len(array)}.")
    return array


# ---- signals


def _signals(owner: str, raw: Data, n: int | None) -> dict[str, np.ndarray | Drawn]:
    if not isinstance(raw.signals, Mapping):
        raise DataError(f"`signals` of {owner} must map names to arrays, but is {shown(raw.signals)}.")
    found: list[str] = []
    signals = {}
    for name, given in raw.signals.items():
        if not isinstance(name, str) or not SOURCE.fullmatch(name):
            found.append(f"A signal of {owner} must have a plain word as its name, but one has {name!r}.")
        elif name == "values" or (name == "label" and raw.labels is not None):
            found.append(f"A signal of {owner} has the name {name!r}, which the data have already; rename it.")
        else:
            signals[name] = collect(found, _signal, f"The signal {name!r} of {owner}", given, n)
    if found:
        raise DataError(found)
    return signals  # type: ignore[return-value]


def _signal(name: str, given: Any, n: int | None) -> np.ndarray | Drawn:
    array = _array(name, given)
    shape = tuple(array.shape)
    if len(shape) not in (1, 2, 3):
        raise DataError(f"{name} must be one number a sample (n,), {ROWS}, but is of shape {shape}.")
    if n is not None and shape[0] != n:
        raise DataError(
            f"{name} must have one row for each of the {n} samples: shape ({n},), ({n}, width) or ({n}, steps, width), "
            f"but is of shape {shape}; of a signal that all samples share write np.tile(signal, ({n}, 1))."
        )
    return array


def _check_steps(owner: str, arrays: Mapping[str, np.ndarray | Drawn | None]) -> None:
    """Arrays with one row a step have as many steps."""
    steps = {name: array.shape[1] for name, array in arrays.items() if array is not None and len(array.shape) == 3}
    if len(set(steps.values())) > 1:
        each = ", ".join(f"{name!r} has {count}" for name, count in steps.items())
        raise DataError(f"Arrays of {owner} with one row a step must have as many steps, but {each}.")
