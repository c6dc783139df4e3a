"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snn.fields import flag, number
from snn.serial import serialisable
from tasks.data import Data, Split, normalised
from tasks.task import Task

PARTS = (1120, 280, 397)


@serialisable
@dataclass(frozen=True)
class Digits(Task):
    """Scikit-learn's digits (Alpaydin & Kaynak 1998): 64 pixels, 10 classes, real handwriting, no download.

    Split once: 1,120 to stream, 280 for validation, 397 for the test.

    Parameters
    ----------
    sample, gap, reset, hold_out
        As in `Task`.
    split_seed : int, >= 0
        Which random split.
    normalise : bool
        Whether the values of an image are divided by their sum.

    Examples
    --------
    >>> from brian2 import ms
    >>> task = Digits(sample=30*ms)
    """

    split_seed: int = number(0, at_least=0, integer=True)
    normalise: bool = flag(False)

    def load(self) -> Data:
        from sklearn.datasets import load_digits

        digits = load_digits()
        values = digits.data / 16.0
        return Data(normalised(values) if self.normalise else values, digits.target.astype(np.int64), 10)

    def split(self, n: int) -> Split:
        return Split.of(PARTS, int(self.split_seed))
