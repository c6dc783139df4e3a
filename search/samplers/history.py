"""The trials that a forest learns from, bounded in number, each with a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from search.samplers.space import Space
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState

LIMIT = 1500  # trials that a fit is bounded to: a third the best, a third the newest, a third any


@dataclass(frozen=True)
class Outcome:
    """The end of a trial.

    Parameters
    ----------
    values : tuple of float or None
        By objective, larger is better; None unless it is complete.
    violation : float
        By how much constraints are violated, 0 if they hold.
    rungs : tuple of float
        The prequential score at the end of each rung, larger is better; none if it failed.
    """

    values: tuple[float, ...] | None
    violation: float = 0.0
    rungs: tuple[float, ...] = ()

    @classmethod
    def of(cls, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None, signs: Sequence[int]) -> Outcome:
        """Of a trial that ends in this state; `signs` are 1 for objectives to be maximised, -1 for others."""
        if state.name == "FAIL":
            return cls(None)
        kept = Record(trial).result
        upwards = 1 if kept.get("prequential_accuracy") is not None else -1
        good = None
        if state.name == "COMPLETE" and values is not None:
            good = tuple(sign * value for sign, value in zip(signs, values, strict=True))
        violation = sum(max(0.0, value) for value in trial.constraints.values())
        return cls(good, violation, tuple(upwards * score for score in kept.get("rungs") or () if score is not None))


class History:
    """Ended trials: where all of them lay, and how a bounded choice of them ended.

    Parameters
    ----------
    objectives : int
        How many values a trial has.
    random : numpy.random.Generator
        Chooses which outcomes are kept.
    """

    def __init__(self, objectives: int, random: np.random.Generator):
        self.space = Space({})
        self.told = 0  # trials
        self.complete = 0
        self._objectives = objectives
        self._random = random
        self._rows = np.empty((64, 0))  # more of them than are told, lest each trial copy all
        self._underway: dict[int, np.ndarray] = {}  # trial -> row
        self._kept: list[int] = []
        self._outcomes: list[Outcome] = []

    @property
    def rows(self) -> np.ndarray:
        """The parameters of all trials, in the order in which they ended."""
        return self._rows[: self.told]

    def suggested(self, number: int, row: np.ndarray, space: Space) -> None:
        """A trial is under way there, as a row of a space that this one is or was joined from."""
        self._underway[number] = row if space is self.space else self.space.recode(row[None], space)[0]

    def taken(self, since: int = 0) -> np.ndarray:
        """Return the points of trials under way, and of all ended trials but the first so many."""
        underway = np.array(list(self._underway.values())).reshape(-1, len(self.space.axes))
        return np.concatenate([self.rows[since:], underway])

    def join(self, trial: FrozenTrial) -> bool:
        """Learn what parameters a trial has; whether it has any that matter."""
        space = self.space.joined(trial.distributions)
        if space is not self.space:
            before, self.space = self.space, space
            self._rows = space.recode(self._rows, before)
            self._underway = {key: space.recode(row[None], before)[0] for key, row in self._underway.items()}
        return bool(trial.params) and bool(space.axes)

    def tell(self, trial: FrozenTrial, outcome: Outcome) -> None:
        """One more trial has ended."""
        self._underway.pop(trial.number, None)
        if not self.join(trial):
            return
        if self.told == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self.told] = self.space.encode(trial.params)
        self._kept.append(self.told)
        self._outcomes.append(outcome)
        self.told += 1
        self.complete += outcome.values is not None
        if len(self._kept) >= 2 * LIMIT:
            self._forget()

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and ranks of at most `LIMIT` trials."""
        good = ranks(self._outcomes, self._objectives)
        chosen = self._choose(good)
        return self.rows[np.array(self._kept, int)[chosen]], good[chosen]

    def _forget(self) -> None:
        chosen = self._choose(ranks(self._outcomes, self._objectives))
        self._kept = [self._kept[index] for index in chosen]
        self._outcomes = [self._outcomes[index] for index in chosen]

    def _choose(self, good: np.ndarray) -> np.ndarray:
        if len(good) <= LIMIT:
            return np.arange(len(good))
        share = LIMIT // 3
        best = np.argsort(-good.mean(axis=1), kind="stable")[:share]
        newest = np.arange(len(good) - share, len(good))
        rest = np.setdiff1d(np.arange(len(good)), np.concatenate([best, newest]))
        anyone = self._random.choice(rest, size=min(share, len(rest)), replace=False)
        return np.unique(np.concatenate([best, newest, anyone]))


def ranks(outcomes: Sequence[Outcome], objectives: int) -> np.ndarray:
    """By trial and objective, the share of complete trials that the trial beats.

    Trials that violate constraints lie behind all that do not, the worst violation last. A pruned trial has the share
    of complete trials that it was ahead of when it was pruned, at most one half: it was stopped because it was behind.
    A failed trial has 0, as has a pruned one that no complete trial compares with.
    """
    good = np.zeros((len(outcomes), objectives))
    complete = [index for index, one in enumerate(outcomes) if one.values is not None]
    if not complete:
        return good
    values = np.array([outcomes[index].values for index in complete])
    violation = np.array([outcomes[index].violation for index in complete])
    for objective in range(objectives):
        keys = np.column_stack([-violation, values[:, objective]])
        _, place, times = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        good[complete, objective] = ((np.cumsum(times) - times / 2) / len(keys))[place.ravel()]
    at_rung: dict[int, np.ndarray] = {}
    for index, one in enumerate(outcomes):
        if one.values is None and one.rungs:
            last = len(one.rungs) - 1
            if last not in at_rung:
                chains = [outcomes[other].rungs for other in complete]
                at_rung[last] = np.sort([chain[last] for chain in chains if len(chain) > last])
            if len(at_rung[last]):
                good[index] = min(0.5, np.searchsorted(at_rung[last], one.rungs[-1]) / len(at_rung[last]))
    return good
