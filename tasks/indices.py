"""Checks of a task's split and order: no sample is both learned from and scored, and none counts twice."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from snn.errors import DataError
from snn.readonly import readonly
from tasks.arrays import first_place, numbers, whole
from tasks.data import Split
from tasks.problems import call, collect, shown

if TYPE_CHECKING:
    from tasks.data import Source

PARTS = ("stream", "validation", "test")


def checked_split(task: Source) -> Split:
    """Check the split that `task.split` returns for the task's data, as read-only arrays of whole numbers.

    Raises
    ------
    DataError
        With everything that is wrong with it.
    """
    n = len(task.data)
    raw = call(task, "split", n)
    if not isinstance(raw, Split):
        raise DataError(
            f"`split` of {task.name} must return tasks.Split, but returned {shown(raw)}; "
            "write `return Split(stream, validation, test)`."
        )
    found: list[str] = []
    parts = {name: collect(found, _indices, task.name, name, getattr(raw, name), n) for name in PARTS}
    for one, other in combinations(PARTS, 2):
        a, b = parts[one], parts[other]
        if a is not None and b is not None and len(shared := np.intersect1d(a, b)):
            found.append(
                f"`{one}` and `{other}` of {task.name} must have no sample in common, but share {len(shared)}, the "
                f"first of them {shared[0]}; a sample that is scored must not be learned from or selected on. Cut the "
                "samples by Split.of([n_stream, n_validation, n_test])."
            )
    if found:
        raise DataError(found)
    return Split(**{name: readonly(part) for name, part in parts.items()})


def checked_order(task: Source, seed: int) -> np.ndarray:
    """The order of the stream for a seed, which must hold each of its samples once."""
    stream = task.parts.stream
    order = np.asarray(task.order(stream.copy(), seed))  # a copy, as `order` may shuffle it in place
    if order.shape != stream.shape or not _holds(order, stream, len(task.data)):
        raise DataError(
            f"`order` of {task.name} must return the {len(stream)} indices of the stream, each once, but returned "
            f"{shown(order)} of shape {order.shape}; write `return np.random.default_rng(seed).permutation(stream)`."
        )
    return order


def _holds(order: np.ndarray, stream: np.ndarray, n: int) -> bool:
    """Whether an array of as many numbers as the stream has holds each of its indices, without sorting anything."""
    if not len(order):
        return True
    if order.dtype.kind not in "iu" or order.min() < 0 or order.max() >= n:
        return False
    there = np.zeros(n, bool)
    there[order] = True
    return bool(there[stream].all())


def _indices(owner: str, part: str, given: Any, n: int) -> np.ndarray:
    name = f"`{part}` of {owner}"
    if isinstance(given, slice):
        raise DataError(f"{name} must be indices, but is {given!r}; write np.arange(n)[...].")
    array = numbers(name, given, "give indices of samples")
    if array.dtype == bool:
        raise DataError(f"{name} must be indices, but is True and False; write np.flatnonzero(...).")
    indices = whole(name, array, "give indices of samples", "give one index a sample")
    if (place := first_place(indices, lambda some: (some < 0) | (some >= n))) is not None:
        raise DataError(
            f"{name} must be indices of the {n} samples, 0 to {n - 1}, but [{place[0]}] is {indices[place]}; the "
            f"sizes of the parts must add up to {n} at most."
        )
    kinds, counts = np.unique(indices, return_counts=True)
    if (counts > 1).any():
        twice = kinds[counts > 1]
        raise DataError(
            f"{name} must have each sample once, but has sample {twice[0]} {counts[counts > 1][0]} times (repeated: "
            f"{len(twice)} of {len(kinds)}); np.unique(...) leaves one of each."
        )
    return indices
