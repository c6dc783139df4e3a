"""The hash of a task's data, which changes with samples, labels and splits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tasks.data import Drawn

if TYPE_CHECKING:
    from tasks.data import Data, Split

ROWS = 64
"""Rows of a `Drawn` array that are hashed."""
PIECE = 8 << 20
"""Bytes, as 64-bit numbers, that are converted and hashed at a time."""
DIGITS = 16


def data_hash(data: Data, split: Split) -> str:
    """Sixteen hexadecimal digits that change with the data.

    Parameters
    ----------
    data : Data
        Values, labels, number of classes, signals, and which samples are learned from.
    split : Split
        The indices of its three parts, in their order.

    Notes
    -----
    Values and signals count as 32-bit floats: processors and versions of NumPy differ in the last digit of a computed
    64-bit number, and such data are the same. So a change below one part in 10 million is not seen. Labels, `learn` and
    indices count as whole numbers. Memory layout, byte order and the type of the numbers do not matter.

    Of a `Drawn` array, which is never held, the shape and up to `ROWS` rows count, evenly spread, with the first and
    the last. A change in other rows alone is not seen.
    """
    sha = hashlib.sha256(repr(data.classes).encode())
    reals = {"values": data.values} | {f"signal {name}": data.signals[name] for name in sorted(data.signals)}
    wholes = {"labels": data.labels, "learn": data.learn}
    wholes |= {"stream": split.stream, "validation": split.validation, "test": split.test}
    for kind, arrays in (("<f4", reals), ("<i8", wholes)):
        for name, array in arrays.items():
            shape = None if array is None else tuple(np.shape(array) if not isinstance(array, Drawn) else array.shape)
            sha.update(f"\n{name} {shape}\n".encode())
            if array is not None:
                for piece in _pieces(array):
                    sha.update(_plain(piece, kind))
    return sha.hexdigest()[:DIGITS]


def _pieces(array: np.ndarray | Drawn) -> Iterator[np.ndarray]:
    """The rows that count, a few at a time."""
    if isinstance(array, Drawn):
        n = len(array)
        rows = np.unique(np.linspace(0, n - 1, min(n, ROWS)).round().astype(np.int64))
        step = max(1, PIECE // max(8, 8 * math.prod(array.shape[1:])))
        for begin in range(0, len(rows), step):
            yield np.asarray(array[rows[begin : begin + step]])
        return
    held = np.asarray(array)
    if held.ndim == 0:
        yield held
        return
    step = max(1, PIECE // max(8, 8 * math.prod(held.shape[1:])))
    for begin in range(0, len(held), step):
        yield held[begin : begin + step]


def _plain(piece: np.ndarray, kind: str) -> bytes:
    """The numbers of a piece in one type; what is not a real number counts as it is written."""
    if piece.dtype.kind not in "biuf":
        return repr(piece.tolist()).encode()
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(piece, dtype=kind).tobytes()
