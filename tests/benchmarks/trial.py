"""The trial of ``trial_cost``: e-prop in 64 -> 100 recurrent -> 10 units, 17,400 synapses, 200 samples of 20 steps.

Input spikes, labels and first weights are given, the same for every side, so that all compute the same losses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INPUTS, HIDDEN, CLASSES = 64, 100, 10
SAMPLES, STEPS, DT_MS = 200, 20, 1.0
TAU_M_MS, V_TH, TAU_OUT_MS = 20.0, 0.6, 20.0
LIKELY = 0.2  # the highest probability of an input spike in a step


@dataclass(frozen=True)
class Trial:
    """What changes from trial to trial: the learning rate, and first weights as (pre, post) matrices."""

    lr: float
    w_in: np.ndarray
    w_rec: np.ndarray
    w_out: np.ndarray


@dataclass(frozen=True)
class Stream:
    """Input spikes (samples, steps, inputs), 0 or 1, and labels (samples,)."""

    spikes: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def draw(number: int) -> Trial:
    """The trial of a number."""
    rng = np.random.default_rng(number)

    def weights(n_pre: int, n_post: int) -> np.ndarray:
        return rng.standard_normal((n_pre, n_post)) / np.sqrt(n_pre)

    return Trial(10 ** rng.uniform(-4, -3), weights(INPUTS, HIDDEN), weights(HIDDEN, HIDDEN), weights(HIDDEN, CLASSES))


def stream(samples: int = SAMPLES) -> Stream:
    """Ten classes, in each of which other inputs are likely to fire."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, samples)
    likely = LIKELY * rng.random((CLASSES, INPUTS))
    return Stream((rng.random((samples, STEPS, INPUTS)) < likely[labels][:, None, :]).astype(float), labels)
