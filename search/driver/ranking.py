"""The ranking of trials by their rungs' scores, of this start and of earlier ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from search.pruners.base import rank
from search.pruners.make import make_pruner
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan


class Ranking:
    """The pruner of a plan, told of scores and of the ends of trials.

    Parameters
    ----------
    plan : Plan
        What is searched.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self.pruner = make_pruner(plan.pruner)

    def learn(self, trial: FrozenTrial) -> None:
        """Tell the pruner of a trial of an earlier start. Failed ones have no place in the ranking."""
        if trial.state.name in ("COMPLETE", "PRUNED"):
            self.hear(trial.number, Record(trial).result)
            self.pruner.ended(trial.number, trial.state.name == "COMPLETE")

    def hear(self, number: int, kept: dict[str, Any]) -> None:
        """Tell the pruner of all rungs that a trial has behind it, but not of one whose score was copied."""
        upto, rungs = kept.get("upto"), kept.get("rungs", [])
        if upto is None or "same_as" in kept:
            return
        for back, score in enumerate(reversed(rungs)):
            end = upto * 0.5**back  # rungs may have been fewer, or more, in an earlier start
            if end in self._plan.ends:
                self._add(number, self._plan.ends.index(end) + 1, math.nan if score is None else score)

    def goes_on(self, number: int, scores: list[float], last: bool) -> bool:
        """Whether a trial with these scores, one a rung, is worth its next rung; not after the last one."""
        for rung, score in enumerate(scores, start=1):
            self._add(number, rung, score)
        return not last and self.pruner.goes_on(number, len(scores))

    def ended(self, number: int, state: str) -> None:
        """A trial is COMPLETE, PRUNED or FAIL."""
        if state == "FAIL":
            self.pruner.failed(number)
        else:
            self.pruner.ended(number, state == "COMPLETE")

    def _add(self, number: int, rung: int, score: float) -> None:
        self.pruner.add(number, rung, rank(score, self._plan.by_loss))
