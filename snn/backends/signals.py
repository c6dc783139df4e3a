"""A stream's arrays as the matrices that programs read."""

from __future__ import annotations

import numpy as np

from snn.backends.program import Samples
from snn.errors import SNNError, nearest


def signal_rows(samples: Samples, source: str) -> np.ndarray:
    """A signal as a matrix: one row a sample, or one row a step."""
    if source not in samples.signals:
        raise SNNError(
            f"The network reads the signal {source!r}, which the task does not give; "
            f"{nearest(source, samples.signals)}."
        )
    array = np.asarray(samples.signals[source], dtype=float)
    per_step = array.ndim == 3
    rows = len(samples) * samples.steps if per_step else len(samples)
    return array.reshape(rows, -1)
