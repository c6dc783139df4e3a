"""Pattern generation: a sum of sines from the same input spikes in every sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Hz, Quantity, have_same_dimensions, hertz, ms, second

from snn.fields import is_number, number, si
from snn.serial import serialisable
from tasks.data import Data, Drawn, Split
from tasks.task import Task

STEP = 1e-3  # seconds of a row of values and target
PERIODS = (1000 * ms, 500 * ms, 333 * ms, 200 * ms)


@serialisable
@dataclass(frozen=True)
class PatternGeneration(Task):
    r"""Learn to turn frozen noise into a sum of sines, the same in every sample (Bellec et al. 2020).

    .. math:: s_t = \sum_k A_k \sin(\varphi_k + 2 \pi n_k \tfrac{t}{T-1}), \quad t = 0 \dots T-1, \quad
              n_k = \lfloor T / \text{period}_k \rfloor, \qquad
              y^*_t = \frac{s_t - s_0}{\max_t |s_t - s_0|}

    with :math:`A_k` uniform in [0.5, 2] and :math:`\varphi_k` in [0, 2π]. There are no labels: a readout is compared
    with the signal ``target`` in every step, ``LeakyReadout(1, target="target", loss="squared_error")``. Values are
    spikes, for ``SpikeTrains(inputs)`` and a time step of 1 ms. Validation and test parts are the pattern itself, run
    with the weights that the stream has left.

    Parameters
    ----------
    iterations : int, >= 1
        Samples in the stream.
    inputs : int, >= 1
        Number of inputs.
    rate : Quantity, >= 0 Hz and <= 1000 Hz
        Rate of every input's spikes. None comes in the first step.
    periods : tuple of Quantity, in whole ms, >= 2 ms and <= `sample`
        Of the sines; each is stretched so that a whole number of cycles makes up the sample.
    sample : Quantity, in whole ms, >= 10 ms
        Length of the pattern.
    seed : int, 0 to 2**32 - 1
        Decides spikes and target.
    gap, reset, hold_out
        As in `Task`.

    Notes
    -----
    Defaults are those of NEST's tutorial on e-prop, "Learning to generate sine waves".

    References
    ----------
    Bellec et al. 2020, Nature Communications 11:3625.
    """

    sample: Quantity = number(1000 * ms, second, at_least=0.01)
    iterations: int = number(1000, at_least=1, integer=True)
    inputs: int = number(100, at_least=1, integer=True)
    rate: Quantity = number(50 * Hz, hertz, at_least=0, at_most=1000)
    periods: tuple[Quantity, ...] = PERIODS
    seed: int = number(1, at_least=0, at_most=2**32 - 1, integer=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.periods, list) or (isinstance(self.periods, np.ndarray) and self.periods.ndim):
            object.__setattr__(self, "periods", tuple(self.periods))

    def problems(self) -> list[str]:
        found = super().problems()
        if not found and not _whole(self.sample):
            found.append(f"`sample` of {self.name} must be in whole ms, but is {self.sample!r}.")
        if not isinstance(self.periods, tuple) or not self.periods:
            found.append(f"`periods` of {self.name} must be times such as (1000*ms, 500*ms), but is {self.periods!r}.")
        elif not found:
            found += [
                f"`periods` of {self.name} must be in whole ms from 2 ms to sample = {self.sample!r}, but one is "
                f"{period!r}."
                for period in self.periods
                if not (_time(period) and _whole(period) and 2 * STEP <= si(period) <= si(self.sample))
            ]
        return found

    def draw(self, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Spikes and target, in the order of random numbers that published losses need.

        Returns
        -------
        spikes : (steps, inputs) bool
        target : (steps, 1) float64, in [-1, 1]
        """
        steps = _steps(self.sample)
        spikes = rng.rand(steps, self.inputs) < si(self.rate) * STEP
        spikes[0] = False
        amplitudes = rng.uniform(0.5, 2, len(self.periods))
        phases = rng.uniform(0, 2 * np.pi, len(self.periods))
        cycles = [steps // _steps(period) for period in self.periods]
        ramps = [np.linspace(phase, phase + 2 * np.pi * n, steps) for phase, n in zip(phases, cycles, strict=True)]
        sines = np.sum([a * np.sin(ramp) for a, ramp in zip(amplitudes, ramps, strict=True)], axis=0)
        sines -= sines[0]
        return spikes, (sines / np.abs(sines).max())[:, None]

    def load(self) -> Data:
        # The legacy generator on purpose: the published losses are those of its numbers.
        spikes, target = self.draw(np.random.RandomState(self.seed))
        n = self.iterations + 2
        return Data(_repeated(spikes, n), signals={"target": _repeated(target, n)})

    def split(self, n: int) -> Split:
        return Split.cut(np.arange(n), [n - 2, 1, 1])

    def order(self, stream: np.ndarray, seed: int) -> np.ndarray:
        """As they are: all samples are the same."""
        return stream


def _repeated(sample: np.ndarray, n: int) -> Drawn:
    """One sample n times."""
    return Drawn((n, *sample.shape), lambda rows: np.broadcast_to(sample, (len(rows), *sample.shape)))


def _time(value: object) -> bool:
    return is_number(value) and have_same_dimensions(value, second)


def _steps(time: Quantity) -> int:
    return round(si(time) / STEP)


def _whole(time: Quantity) -> bool:
    return abs(si(time) / STEP - _steps(time)) < 1e-6
