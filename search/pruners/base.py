"""The interface of pruners, and the pruner that stops nothing."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

HALVING, NONE = "halving", "none"


class Pruner(ABC):
    """Hears of every score at the end of a rung, higher ones being better, and says who goes on."""

    @abstractmethod
    def add(self, number: int, rung: int, score: float) -> None:
        """Trial `number` has this score after `rung` rungs, counted from 1; told again, it counts once."""

    @abstractmethod
    def goes_on(self, number: int, rung: int) -> bool:
        """Whether the trial is worth the rung after this one, whose score has been added."""

    def ended(self, number: int, complete: bool) -> None:  # noqa: B027  most need not know
        """The trial has run its last rung, or was pruned."""

    def failed(self, number: int) -> None:  # noqa: B027  who ranks nobody has nothing to forget
        """The trial has failed: from now on its scores count for nothing, and no other trial is compared with it."""


class Everyone(Pruner):
    """Prunes nobody."""

    def add(self, number: int, rung: int, score: float) -> None:
        """Forget it."""

    def goes_on(self, number: int, rung: int) -> bool:
        """Yes."""
        return True


def rank(score: float, loss: bool) -> float:
    """A score as a pruner hears it: the higher the better, and what is no number is worst."""
    value = -score if loss else score
    return -math.inf if math.isnan(value) else value
