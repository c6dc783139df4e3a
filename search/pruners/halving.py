"""Asynchronous successive halving (Li et al. 2020, ASHA)."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import defaultdict

from search.pruners.base import Pruner

FREE = 4  # trials that halving lets run to their end whatever their scores are


class Halving(Pruner):
    """Asynchronous successive halving (Li et al. 2020, "A system for massively parallel hyperparameter tuning").

    After each rung a trial goes on if it is among the best 1 / `factor` of those that have run the rung so far, or is
    the best of them. Nobody waits for anybody. The first `free` trials that reach the end of the first rung are not
    pruned: the score of one short rung says little while there is little to compare it with, and a search needs some
    complete trials. Failed trials leave the ranking. If one of the first `free` fails, the next trial that ends a rung
    has its place. A trial without a score (NaN, which ranks as -inf) gets no such place.

    Parameters
    ----------
    factor : int, at least 2, default 3
        A sampler that learns suggests ever better trials, so that more than 1 / `factor` go on: with 2, half of all
        samples of a search were spent, with 3 a third, and the best was as good (tests/benchmarks/frugality.py).
    free : int, at least 0, default 4
        How many trials run to their end whatever their scores are.
    """

    def __init__(self, factor: int = 3, free: int = FREE):
        self.factor = factor
        self.free = free
        self._unpruned: set[int] = set()  # the trials that run to their end, or have done so
        self._sorted: dict[int, list[float]] = defaultdict(list)
        self._scores: dict[int, dict[int, float]] = defaultdict(dict)  # trial -> rung -> score

    def add(self, number: int, rung: int, score: float) -> None:
        """See `Pruner.add`."""
        known = self._scores[number].get(rung)
        if known is not None:
            self._sorted[rung].remove(known)
        self._scores[number][rung] = score
        insort(self._sorted[rung], score)
        if len(self._unpruned) < self.free and score > -math.inf:
            self._unpruned.add(number)

    def goes_on(self, number: int, rung: int) -> bool:
        """See `Pruner.goes_on`."""
        if number in self._unpruned:
            return True
        all_of_it = self._sorted[rung]
        better = len(all_of_it) - bisect_right(all_of_it, self._scores[number][rung])
        return better < max(1, len(all_of_it) // self.factor)

    def ended(self, number: int, complete: bool) -> None:
        """See `Pruner.ended`."""
        if not complete:  # by an earlier start: it has not run to its end, so its place is free
            self._unpruned.discard(number)

    def failed(self, number: int) -> None:
        """See `Pruner.failed`."""
        self._unpruned.discard(number)
        for rung, score in self._scores.pop(number, {}).items():
            self._sorted[rung].remove(score)
