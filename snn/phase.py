"""Phases of spikes as whole numbers, so that adding them up loses nothing.

A phase of one is one spike. Sums of real numbers round at every step, differently in every precision, and a count that
is their whole part is then wrong by one. Whole numbers in units of :math:`2^{-60}` of a spike have no such error: after
a million steps a sum is within :math:`10^{-9}` of what the real numbers add up to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

UNIT = 2**60
"""A phase of one. Twice as much fits into 64 bits with a sign."""
SLACK = 1e-9
"""A spike comes when so little is missing: 10 times 0.1 is one spike."""


def whole_phase(spikes: Any) -> np.ndarray:
    """Phases in spikes, from -7 to 7, as 64-bit integers in units of ``1/UNIT``."""
    return np.asarray(np.rint(np.asarray(spikes, np.float64) * UNIT)).astype(np.int64)
