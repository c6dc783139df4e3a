"""A small task for the stored runs. Its samples follow from formulas, so that they are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks import Data, Split, Task

INPUTS, CLASSES = 12, 4
STREAM, VALIDATION, TEST = 6, 2, 1


@dataclass(frozen=True)
class Streams(Task):
    """Nine samples: six to learn from, two for validation, and one for the test.

    Parameters
    ----------
    steps : int
        Time steps of a sample, for the signals that have one row a step.
    trains : bool
        Whether the values are spike trains, with one row a step.
    """

    steps: int = 25
    trains: bool = False

    def load(self) -> Data:
        n = STREAM + VALIDATION + TEST
        values = numbers(n, INPUTS)
        if self.trains:
            values = (numbers(n, self.steps, INPUTS) > 0.85).astype(float)
        signals = {
            "current": numbers(n, self.steps, CLASSES),
            "target": 2 * numbers(n, self.steps, CLASSES) - 1,
            "context": numbers(n),
        }
        return Data(values, np.arange(n) * 3 % CLASSES, CLASSES, signals)

    def split(self, n: int) -> Split:
        return Split.of((STREAM, VALIDATION, TEST))


def numbers(*shape: int) -> np.ndarray:
    """Numbers from 0 to 1 that look irregular."""
    return (np.arange(np.prod(shape)) * 389 % 1021 / 1020).reshape(shape)
