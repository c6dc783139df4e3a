"""The matrices that programs read, made of a stream's arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snn.backends.program import Samples
from snn.errors import SNNError, nearest
from snn.lowering.plan.plan import SignalUse
from snn.phase import whole_phase
from snn.values import ROUNDING

BYTES = (np.dtype(bool), np.dtype(np.uint8))


def signal_rows(samples: Samples, source: str, use: SignalUse, dtype: type = np.float64) -> np.ndarray:
    """A signal as a matrix: one row a sample, or one row a step.

    Numbers are converted to `dtype`, but for booleans and bytes, such as explicit spikes and pixels: they stay as small
    as they are. Phases are 64-bit integers.

    Raises
    ------
    SNNError
        If the stream has no such signal, or one of another shape than the network reads; if values that are read as
        phases are not in [0, 1].
    """
    if use.phases:
        return _phases(samples, source, use)
    if source not in samples.signals:
        raise SNNError(
            f"The network reads the signal {source!r}, which the task does not give; "
            f"{nearest(source, samples.signals)}."
        )
    array = np.asarray(samples.signals[source])
    if array.dtype not in BYTES:
        array = array.astype(dtype)
    if use.per == "step" and array.ndim == 2:
        array = array[:, :, None]
    expected = (len(samples), samples.steps) if use.per == "step" else (len(samples),)
    width = array.shape[-1] if array.ndim > len(expected) else 1
    if array.shape[: len(expected)] != expected or array.ndim > len(expected) + 1 or 1 < width < use.width:
        raise SNNError(
            f"The network reads {source!r} once a {use.per}, which takes an array of shape "
            f"({', '.join(map(str, expected))}) or ({', '.join(map(str, expected))}, at least {use.width}), "
            f"but the task gives {array.shape}."
        )
    if array.dtype not in BYTES and not np.isfinite(array).all():
        raise SNNError(f"The task's {source!r} must be finite numbers, but has others.")
    return array.reshape(int(np.prod(expected)), width)


def _phases(samples: Samples, source: str, use: SignalUse) -> np.ndarray:
    """Return the increase of each neuron's phase in a step, as `SignalUse` describes it."""
    if use.of is None:
        return np.asarray(samples.signals[source], np.int64).reshape(-1, use.width)
    values = signal_rows(samples, use.of, replace(use, phases=False))
    if values.size and not (values.min() >= -ROUNDING and values.max() <= 1 + ROUNDING):
        raise SNNError(
            f"An encoder that counts spikes needs {use.of} from 0 to 1, but the task gives {use.of} from "
            f"{values.min():g} to {values.max():g}; divide them by the largest."
        )
    return whole_phase(np.clip(values, 0, 1) * use.scale)
