"""The choice of the next suggestion among candidates that are already scored."""

from __future__ import annotations

import numpy as np

from search.samplers.space import Axis
from search.samplers.surrogate import NEAR, Batch, far, scalar

ASKED = 4  # trees that a suggestion asks: others than the next one does, so that they do not all go to one place
VISIT = 0.2  # share of suggestions that are the best of some category or pattern, instead of the best of all


class Picker:
    """Picks from a batch, nothing twice and nothing close to what was picked before.

    Parameters
    ----------
    batch : Batch
        The candidates.
    taken : array of shape (n, parameters)
        What was suggested while the batch was made.
    """

    def __init__(self, batch: Batch, taken: np.ndarray):
        self.batch = batch
        self._free = far(batch.features, batch.space.features(taken))
        self._shared = np.zeros(len(batch.rows))
        axes = list(batch.space.axes.values())
        self._levels = [axis.level(batch.rows[:, column]) for column, axis in enumerate(axes) if axis.levels]
        self._patterns = np.unique(~np.isnan(batch.rows), axis=0, return_inverse=True)[1].ravel()

    def pick(self, kappa: float, random: np.random.Generator) -> np.ndarray | None:
        """The free candidate with the highest mean of a few trees + kappa x deviation of all; None if none is left.

        With several objectives that is by weights drawn at random. The deviation is less near what was picked before,
        by the share of trees that put both into one leaf: the trial under way there will tell.
        """
        batch = self.batch
        if not self._free.any():
            return None
        deviation = batch.deviation * (1 - self._shared)[:, None]
        some = batch.values[random.integers(len(batch.values), size=ASKED)].mean(axis=0)
        bound = scalar(some + kappa * deviation, random.dirichlet(np.ones(some.shape[1])))
        index = int(np.argmax(np.where(self._eligible(random), bound, -np.inf)))
        self._free &= (np.abs(batch.features - batch.features[index]) >= NEAR).any(axis=1)
        self._shared = np.maximum(self._shared, (batch.leaves == batch.leaves[index]).mean(axis=1))
        return batch.rows[index]

    def near(self, name: str, axis: Axis, random: np.random.Generator) -> float | None:
        """A number close to that of a good trial that has this parameter; None if there is none."""
        known = self.batch.space.axes.get(name)
        if known is None or known.distribution != axis.distribution:
            return None
        numbers = self.batch.elite[:, list(self.batch.space.axes).index(name)]
        numbers = numbers[~np.isnan(numbers)]
        if not len(numbers):
            return None
        number = numbers[int(len(numbers) * random.random() ** 2)]  # the best more often
        if axis.choices:
            return float(number)
        moved = number + 0.1 * random.standard_normal()
        return float(axis.snap(np.array([1 - abs(1 - abs(moved) % 2)]))[0])

    def _eligible(self, random: np.random.Generator) -> np.ndarray:
        """All that are free, or only those that have a category or a pattern of parameters drawn at random."""
        if random.random() >= VISIT:
            return self._free
        levels = self._patterns
        if self._levels and random.random() < 0.5:
            levels = self._levels[random.integers(len(self._levels))]
        known = np.unique(levels[self._free & ~np.isnan(levels)])
        return self._free & (levels == known[random.integers(len(known))]) if len(known) else self._free
