"""The rungs of a trial: pieces of the stream, each twice as long as all before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snn.results.part import Part

RUNGS = 4
MOST_RUNGS = 16


def fractions(rungs: int, samples: int) -> tuple[float, ...]:
    """Return the end of each rung as a fraction of the stream: 1/8, 1/4, 1/2 and 1 for four rungs.

    Fewer for a stream that is too short for so many.
    """
    found = {ending(0.5**k, samples): 0.5**k for k in reversed(range(rungs))}
    return tuple(sorted(found.values()))


def ending(fraction: float, samples: int) -> int:
    """The number of samples of the stream's first fraction."""
    return math.ceil(fraction * samples)


def scores(stream: Part, samples: int, ends: tuple[float, ...], loss: bool) -> list[float]:
    """The prequential score at the end of each rung that a run has behind it.

    Parameters
    ----------
    stream : Part
        As far as it went.
    samples : int
        Of the whole stream.
    ends : tuple of float
        As `fractions` gives them.
    loss : bool
        Whether the score is the loss, not the accuracy.
    """
    ended = [ending(end, samples) for end in ends if ending(end, samples) <= len(stream)]
    parts = [stream.first(n) for n in ended]
    return [part.loss if loss else part.accuracy for part in parts]
