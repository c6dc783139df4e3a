"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.serial import serialisable
from tasks.data import Data, Split
from tasks.task import Task

PARTS = (1120, 280, 397)


@serialisable
@dataclass(frozen=True)
class Digits(Task):
    """Scikit-learn's digits (Alpaydin & Kaynak 1998): 64 pixels, 10 classes, real handwriting, no download.

    Split once: 1,120 to stream, 280 for validation, 397 for the test.

    Parameters
    ----------
    sample, gap, reset
        As in `Task`.

    Examples
    --------
    >>> from brian2 import ms
    >>> task = Digits(sample=30*ms)
    """

    def load(self) -> Data:
        from sklearn.datasets import load_digits

        digits = load_digits()
        return Data(digits.data / 16.0, digits.target.astype(np.int64), 10)

    def split(self, n: int) -> Split:
        return Split.of(PARTS)
