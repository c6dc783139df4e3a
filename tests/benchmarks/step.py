"""The network of ``eprop_step``: N inputs -> N recurrent LIF neurons -> one readout, all dense, all plastic (e-prop).

A sample has 100 steps of 1 ms, at whose end the weights change. Input spikes, targets and first weights are given, the
same for every side, so that all compute the same final weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEPS, DT_MS = 100, 1.0
TAU_M_MS, V_TH, TAU_OUT_MS = 20.0, 0.6, 20.0
PSI_HEIGHT = 0.3
LR = 1e-6
LIKELY = 0.05  # probability of an input spike in a step


@dataclass(frozen=True)
class Problem:
    """What every side is given.

    Attributes
    ----------
    n : int
        Inputs, and recurrent neurons.
    dtype : str
    spikes : bool array (samples, STEPS, n)
    target : array (samples, STEPS)
    w_in, w_rec, w_out : arrays (n, n), (n, n), (n, 1)
    """

    n: int
    dtype: str
    spikes: np.ndarray
    target: np.ndarray
    w_in: np.ndarray
    w_rec: np.ndarray
    w_out: np.ndarray

    @property
    def plastic(self) -> int:
        """The number of plastic synapses."""
        return self.n * self.n + self.n * self.n + self.n

    def __len__(self) -> int:
        return len(self.spikes)


@dataclass(frozen=True)
class Lengths:
    """Samples of a short and of a long run: their difference is timed, so that starting does not count."""

    short: int
    long: int


def lengths(n: int, short: bool) -> Lengths:
    """So that the longer run takes a second or so; a tenth of that if it is to be short."""
    many = max(4, 6_000_000 // (n * n))
    return Lengths(max(1, many // 40), max(3, many // 10 if short else many))


def problem(n: int, dtype: str, samples: int) -> Problem:
    """A problem of a size; a longer one begins like a shorter one."""
    rng = np.random.default_rng(0)
    w_in, w_rec = rng.standard_normal((2, n, n)) / np.sqrt(n)
    w_out = rng.standard_normal((n, 1)) / np.sqrt(n)
    rows = [(rng.random((STEPS, n)) < LIKELY, rng.standard_normal(STEPS)) for _ in range(samples)]
    spikes, target = (np.array(part) for part in zip(*rows, strict=True))
    as_given = {"target": target, "w_in": w_in, "w_rec": w_rec, "w_out": w_out}
    return Problem(n, dtype, spikes, **{name: array.astype(dtype) for name, array in as_given.items()})
