"""The check of the values that an input population can encode."""

from __future__ import annotations

from enum import Enum

import numpy as np

ROUNDING = 1e-6
"""So far outside of [0, 1] a number may lie: scaling in single precision is no more exact."""


class Values(Enum):
    """Which numbers an input population can encode; the text is that of errors."""

    UNIT = "between 0 and 1"
    SPIKES = "0 or 1"
    FINITE = "finite"

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Where an array of finite real numbers has one that cannot be encoded: a bool array of the same shape."""
        if self is Values.UNIT:
            return (values < -ROUNDING) | (values > 1 + ROUNDING)
        if self is Values.SPIKES:
            return (values != 0) & (values != 1)
        return np.zeros(values.shape, bool)
