"""The check of the values that an input population can encode."""

from __future__ import annotations

from enum import Enum

import numpy as np

ROUNDING = 1e-6
"""So far outside of [0, 1] a number may lie: scaling in single precision is no more exact."""


class Values(Enum):
    """The values that an input population can encode, with the text that errors use."""

    UNIT = "between 0 and 1"
    SPIKES = "0 or 1"
    FINITE = "finite"

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Return a bool array of the same shape: whether each of some finite real numbers cannot be encoded."""
        if self is Values.UNIT:
            return (values < -ROUNDING) | (values > 1 + ROUNDING)
        if self is Values.SPIKES:
            return (values != 0) & (values != 1)
        return np.zeros(values.shape, bool)
