"""Scores and curves of one part of the data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from snn.readonly import protect

PARTS = ("stream", "validation", "test")


@dataclass(frozen=True)
class Part:
    """Predictions for one part of a task, in the order presented. The arrays are read-only.

    Attributes
    ----------
    predictions, labels : int arrays of shape (n,), or None
        None, both of them, in a task without labels.
    losses : float array of shape (n,)
        NaN where a readout has no loss.
    settled : int array of shape (n,), or None
        After how many steps of a sample, 1 at least, the decision was what it is at the sample's end and stayed so.
        None where it was not asked for.
    """

    predictions: np.ndarray | None
    labels: np.ndarray | None
    losses: np.ndarray
    settled: np.ndarray | None = None

    def __post_init__(self) -> None:
        protect(self, "predictions", "labels", "losses", "settled")

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def right(self) -> np.ndarray:
        """1 for each right prediction and 0 for each wrong one, NaN where there are no labels."""
        if self.labels is None:
            return np.full(len(self), np.nan)
        return np.asarray(self.predictions == self.labels, float)

    @property
    def accuracy(self) -> float:
        """Share of right predictions; NaN where there are no labels or no samples."""
        return mean(self.right)

    @property
    def loss(self) -> float:
        """Mean loss; NaN where there are no samples."""
        return mean(self.losses)

    def followed_by(self, later: Part) -> Part:
        """The two as one."""
        return self._of(lambda name, array: np.concatenate([array, getattr(later, name)]))

    def first(self, n: int) -> Part:
        """Its first n samples."""
        return self._of(lambda name, array: array[:n])

    def _of(self, change: Callable[[str, np.ndarray], np.ndarray]) -> Part:
        changed = {name: change(name, array) for name, array in vars(self).items() if array is not None}
        return replace(self, **changed)


def mean(numbers: np.ndarray) -> float:
    """The mean; NaN of no numbers, without NumPy's warning."""
    return float(np.mean(numbers)) if len(numbers) else math.nan


def sliding_mean(numbers: np.ndarray, window: int) -> np.ndarray:
    """Mean of each number and those before it, `window` of them at most."""
    sums = np.concatenate([[0], np.cumsum(numbers)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(0, ends - window)
    return (sums[ends] - sums[starts]) / (ends - starts)
