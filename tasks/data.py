"""The samples of a task, stored or generated when they are needed, and their split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from snn.errors import DataError
from snn.values import Values
from tasks.arrays import first_place

SPLIT_SEED = 0


@dataclass(frozen=True)
class Drawn:
    """An array that is never held: its rows are made when they are asked for, the same every time.

    They are checked when a run asks for them: shape, finite numbers, the range that the inputs take.

    Parameters
    ----------
    shape : tuple of int
        The array's shape, rows first.
    draw : callable
        (k,) int array of rows -> array of shape (k, *shape[1:]); called from several threads.

    Examples
    --------
    >>> Drawn((3, 2), lambda rows: np.stack([rows, rows**2], axis=1))[np.array([2, 0])]
    array([[2, 4],
           [0, 0]])
    """

    shape: tuple[int, ...]
    draw: Callable[[np.ndarray], np.ndarray]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return self.draw(rows)

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(frozen=True)
class Data:
    """A task's samples.

    A task checks them once: `Task.data` is what `Task.load` returned, as read-only arrays of numbers. Lists, columns of
    shape (n, 1), booleans and whole floats are accepted for labels, and lists for values.

    Attributes
    ----------
    values : array or Drawn, of shape (n, width) or (n, steps, width)
        What the inputs encode: one row a sample, or one row a step. Finite numbers, in [0, 1] for inputs such as
        `snn.Poisson` and `snn.Regular`, 0 or 1 for `snn.SpikeTrains`, any for `snn.Analog` (`Encoder.takes`).
    labels : int array of shape (n,) or None
        From 0 to classes - 1. None where there are none, in a regression: a readout is then compared with the signal
        ``target``.
    classes : int, >= 1, or None
        How many classes there are. None only without labels.
    signals : mapping of str to array or Drawn
        What networks may read besides, through `snn.Signal` or a readout's ``target``: one row a sample, (n,) or
        (n, width), or one row a step, (n, steps, width). Any finite numbers.
    learn : bool array of shape (n,) or None
        The samples of the stream that are learned from; ``None``: all.
    """

    values: np.ndarray | Drawn
    labels: np.ndarray | None = None
    classes: int | None = None
    signals: Mapping[str, np.ndarray | Drawn] = field(default_factory=dict)
    learn: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def first_outside(self, takes: Values) -> tuple[int, ...] | None:
        """The index of the first held value that an encoder cannot take; looked for once. None for `Drawn` values."""
        if isinstance(self.values, Drawn):
            return None
        if takes not in self._outside:
            self._outside[takes] = first_place(self.values, takes.outside)
        return self._outside[takes]

    @cached_property
    def _outside(self) -> dict[Values, tuple[int, ...] | None]:
        return {}

    @property
    def arrays(self) -> dict[str, np.ndarray | Drawn]:
        """All arrays that networks may read, by name."""
        held = {name: array if isinstance(array, Drawn) else np.asarray(array) for name, array in self.signals.items()}
        label = {} if self.labels is None else {"label": self.labels}
        return held | label | {"values": self.values}

    @property
    def row_bytes(self) -> int:
        """The memory of a sample while it is run, as numbers of 64 bits."""
        return sum(8 * math.prod(array.shape[1:]) for array in self.arrays.values())


def normalised(values: np.ndarray) -> np.ndarray:
    """Each row divided by its sum, as the antennal lobe makes odours of any strength alike; silence stays silence."""
    total = values.sum(axis=-1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values, dtype=float), where=total > 0)


@dataclass(frozen=True)
class Split:
    """Indices of the samples that are streamed, of those that a search selects on, and of those that it never sees.

    No sample may be in two of the parts, or twice in one. Parts may be empty, and samples may be left out.
    """

    stream: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @staticmethod
    def of(sizes: Sequence[int], seed: int = SPLIT_SEED) -> Split:
        """The same permutation for everyone, cut into three parts.

        Raises
        ------
        DataError
            If `sizes` are not three whole numbers of at least 0.
        """
        _check_sizes(sizes)
        return Split.cut(np.random.default_rng(seed).permutation(sum(sizes)), sizes)

    @staticmethod
    def cut(order: np.ndarray, sizes: Sequence[int]) -> Split:
        """An order, cut into three parts.

        Raises
        ------
        DataError
            If `sizes` are not three whole numbers of at least 0 whose sum is the length of the order.
        """
        _check_sizes(sizes)
        if sum(sizes) != len(order):
            raise DataError(f"The sizes of a split must add up to its {len(order)} samples, but are {list(sizes)}.")
        stream, validation, test = np.split(order, np.cumsum(sizes)[:-1])
        return Split(stream, validation, test)


def _check_sizes(sizes: Sequence[int]) -> None:
    whole = all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= 0 for size in sizes)
    if len(sizes) != 3 or not whole:
        raise DataError(
            "The sizes of a split must be three whole numbers of samples, [stream, validation, test], but are "
            f"{sizes!r}."
        )


class Source(Protocol):
    """The part of a `Dataset` that the checks of data call. A user may have written its methods."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> Data: ...
    @property
    def parts(self) -> Split: ...
    def load(self) -> Data: ...
    def split(self, n: int) -> Split: ...
    def order(self, stream: np.ndarray, seed: int) -> np.ndarray: ...
