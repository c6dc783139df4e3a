"""Evidence accumulation: cues on two sides, and after a delay the question which side had more."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Hz, Quantity, hertz, ms, second

from snn.fields import number, si
from snn.serial import serialisable
from tasks.data import Data, Drawn, Split
from tasks.task import Task

STEP = 1e-3  # seconds of a row of values
GROUPS = 4
LEFT, RIGHT, RECALL, BACKGROUND = range(GROUPS)


@serialisable
@dataclass(frozen=True)
class EvidenceAccumulation(Task):
    """Seven cues come from the left or the right; after a delay, tell the side of most of them (Bellec et al. 2020).

    A sequence is `cues` times a pause and a cue, then the delay, then the recall, in which the answer is wanted
    (``LeakyReadout(2, learning_window=150*ms)``). Inputs are four groups of `group` neurons: left, right, recall,
    background. The group of a cue's side fires at `rate` while the cue lasts, the recall group in the recall, the
    background at its own rate always; no input fires in the first step. One side, chosen by a coin, is favoured: each
    cue is on it with probability `bias`. The label is 0 if most cues came from the left, 1 if from the right.

    Values are spikes, for ``SpikeTrains(4*group)`` and a time step of 1 ms. Sequence k is a function of (seed, k), and
    is made when it is needed: a stream of any length takes no memory. It is presented in its order.

    Parameters
    ----------
    sequences, validation, test : int, >= 1
        Samples of each part.
    cues : int, >= 1
        Cues in a sequence, an odd number.
    cue, pause : Quantity, in whole ms, > 0 ms and >= 0 ms
        Length of a cue and of the pause before it.
    delay, recall : Quantity, in whole ms, >= 0 ms and > 0 ms
        Length of what follows. `sample`, the length of a sequence, is the sum: 2250 ms at the defaults.
    group : int, >= 1
        Inputs in a group.
    rate, background : Quantity, >= 0 Hz and <= 1000 Hz
        Rate of cues and recall, and of the background group.
    bias : float in [0.5, 1]
        Probability that a cue comes from the favoured side.
    seed : int, 0 to 2**32 - 1
        Decides all sequences.
    gap, reset, hold_out
        As in `Task`.

    Notes
    -----
    Defaults are those of NEST's tutorial on e-prop, "Learning to accumulate evidence"; 9,600 sequences are 300 updates
    of batches of 32.

    References
    ----------
    Bellec et al. 2020, Nature Communications 11:3625; Morcos & Harvey 2016, Nature Neuroscience 19:1672.
    """

    sample: Quantity = field(init=False, default_factory=lambda: 2250 * ms)
    sequences: int = number(9600, at_least=1, integer=True)
    validation: int = number(100, at_least=1, integer=True)
    test: int = number(100, at_least=1, integer=True)
    cues: int = number(7, at_least=1, integer=True)
    cue: Quantity = number(100 * ms, second, above=0)
    pause: Quantity = number(50 * ms, second, at_least=0)
    delay: Quantity = number(1050 * ms, second, at_least=0)
    recall: Quantity = number(150 * ms, second, above=0)
    group: int = number(10, at_least=1, integer=True)
    rate: Quantity = number(40 * Hz, hertz, at_least=0, at_most=1000)
    background: Quantity = number(10 * Hz, hertz, at_least=0, at_most=1000)
    bias: float = number(0.7, at_least=0.5, at_most=1)
    seed: int = number(1, at_least=0, at_most=2**32 - 1, integer=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.problems():
            object.__setattr__(self, "sample", self.steps * ms)

    def problems(self) -> list[str]:
        found = super().problems()
        if found:
            return found
        for name in ("cue", "pause", "delay", "recall"):
            length = si(getattr(self, name)) / STEP
            if abs(length - round(length)) > 1e-6:
                found.append(f"`{name}` of {self.name} must be in whole ms, but is {getattr(self, name)!r}.")
        if self.cues % 2 == 0:
            found.append(f"`cues` of {self.name} must be odd, so that one side has more, but is {self.cues}.")
        return found

    @property
    def steps(self) -> int:
        """Steps of 1 ms in a sequence."""
        return self.cues * (_steps(self.pause) + _steps(self.cue)) + _steps(self.delay) + _steps(self.recall)

    def load(self) -> Data:
        n = self.sequences + self.validation + self.test
        labels = np.array([self._label(self._cues(self._generator(k))) for k in range(n)], np.int64)
        values = Drawn((n, self.steps, GROUPS * self.group), lambda rows: np.stack([self._sequence(k) for k in rows]))
        return Data(values, labels, 2)

    def split(self, n: int) -> Split:
        return Split.cut(np.arange(n), [self.sequences, self.validation, self.test])

    def order(self, stream: np.ndarray, seed: int) -> np.ndarray:
        """As drawn: the sequences are independent."""
        return stream

    def draw(self, rng: np.random.RandomState, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """A batch in the order of random numbers that published losses need.

        Parameters
        ----------
        rng : RandomState
            The legacy generator: the published losses are those of its numbers.
        batch : int
            Number of sequences.

        Returns
        -------
        spikes : (batch, steps, 4*group) bool
        labels : (batch,) int64
        """
        share = np.array([1 - self.bias, self.bias], np.float32)
        favoured = rng.choice([0, 1], batch)
        cues = np.array([rng.choice([0, 1], self.cues, p=share[[side, 1 - side]]) for side in favoured])
        probability = np.array([self._probability(row) for row in cues])
        spikes = probability > rng.rand(probability.size).reshape(probability.shape)
        spikes[:, 0] = False
        return spikes, np.array([self._label(row) for row in cues], np.int64)

    def _generator(self, k: int) -> np.random.Generator:
        return np.random.default_rng([int(self.seed), int(k)])

    def _cues(self, rng: np.random.Generator) -> np.ndarray:
        """The side of each cue: 0 left, 1 right."""
        favoured = rng.integers(2)
        return np.where(rng.random(self.cues) < self.bias, favoured, 1 - favoured)

    def _label(self, cues: np.ndarray) -> int:
        return int(2 * np.sum(cues) > self.cues)

    def _sequence(self, k: int) -> np.ndarray:
        rng = self._generator(k)
        probability = self._probability(self._cues(rng))
        spikes = probability > rng.random(probability.shape)
        spikes[0] = False
        return spikes

    def _probability(self, cues: np.ndarray) -> np.ndarray:
        """Probability of a spike, (steps, 4*group)."""
        table = np.zeros((self.steps, GROUPS, self.group))
        begin = 0
        for side in cues:
            begin += _steps(self.pause)
            table[begin : begin + _steps(self.cue), side] = si(self.rate) * STEP
            begin += _steps(self.cue)
        table[-_steps(self.recall) :, RECALL] = si(self.rate) * STEP
        table[:, BACKGROUND] = si(self.background) * STEP
        return table.reshape(self.steps, -1)


def _steps(time: Quantity) -> int:
    return round(si(time) / STEP)
