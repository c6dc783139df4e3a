"""The levels that a weight can have on a chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLACK = 1e-4  # of a step: a bound so near to a level is that level


@dataclass(frozen=True)
class Grid:
    r"""Equal steps over a range, :math:`w_k = \text{low} + k\,\text{step}`.

    Parameters
    ----------
    low, high : float, low < high
        The range: levels 0 and :math:`2^\text{bits} - 1`.
    bits : int, 1 to 32
        :math:`\text{step} = (\text{high} - \text{low}) / (2^\text{bits} - 1)`.
    w_min, w_max : float or None
        Narrower bounds: levels beyond them are not used.
    """

    low: float
    high: float
    bits: int
    w_min: float | None = None
    w_max: float | None = None

    @property
    def step(self) -> float:
        """The distance between neighbouring levels."""
        return (self.high - self.low) / (2**self.bits - 1)

    @property
    def bounds(self) -> tuple[float, float]:
        """The part of the range that is within the narrower bounds."""
        low = self.low if self.w_min is None else max(self.low, self.w_min)
        return low, self.high if self.w_max is None else min(self.high, self.w_max)

    @property
    def levels(self) -> tuple[int, int]:
        """The numbers k of the lowest and the highest level that are used; in the wrong order if there is none."""
        low, high = ((bound - self.low) / self.step for bound in self.bounds)
        return int(np.ceil(low - SLACK)), int(np.floor(high + SLACK))

    def nearest(self, weights: np.ndarray) -> np.ndarray:
        r"""Each weight's nearest level; halfway between two, the upper one.

        .. math:: k = \lfloor (w - \text{low}) / \text{step} + 1/2 \rfloor
        """
        level = np.clip(np.floor((weights - self.low) * (1 / self.step) + 0.5), *self.levels)
        return np.clip(self.low + self.step * level, *self.bounds)
