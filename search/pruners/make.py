"""Which trials are not worth their next rung."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from bisect import bisect_right, insort
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from snn.errors import nearest

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner

HALVING, NONE = "halving", "none"
FREE = 4  # trials that halving lets run to their end whatever their scores are


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


class OptunaPruner(Pruner):
    """Any of Optuna's pruners, which know studies of one objective: one in memory, with an entry for each trial.

    Its direction is to maximise, and its steps are rungs' lengths in units of the first: 1, 2, 4, ... The pruner does
    not see failed trials.

    Parameters
    ----------
    pruner : optuna.pruners.BasePruner
    """

    def __init__(self, pruner: BasePruner):
        import optuna

        from search.unfailed import Unfailed

        self._study = optuna.create_study(storage=Unfailed(), direction="maximize", pruner=pruner)
        self._trials: dict[int, optuna.Trial] = {}
        self._told: set[tuple[int, int]] = set()

    def add(self, number: int, rung: int, score: float) -> None:
        """See `Pruner.add`."""
        if number not in self._trials:
            self._trials[number] = self._study.ask()
        if (number, rung) not in self._told:
            self._told.add((number, rung))
            self._trials[number].report(score, 2 ** (rung - 1))

    def goes_on(self, number: int, rung: int) -> bool:
        """See `Pruner.goes_on`."""
        return not self._trials[number].should_prune()

    def ended(self, number: int, complete: bool) -> None:
        """See `Pruner.ended`."""
        from optuna.trial import TrialState

        trial = self._trials.pop(number, None)
        if trial is None:
            return
        reached = self._study._storage.get_trial(trial._trial_id).intermediate_values
        if complete:
            self._study.tell(trial, reached[max(reached)])
        else:
            self._study.tell(trial, state=TrialState.PRUNED)

    def failed(self, number: int) -> None:
        """See `Pruner.failed`."""
        from optuna.trial import TrialState

        if (trial := self._trials.pop(number, None)) is not None:
            self._study.tell(trial, state=TrialState.FAIL)


def pruner_names() -> list[str]:
    """The names of pruners: ours, and those of Optuna's that need no arguments, as ``median`` or ``MedianPruner``."""
    return [HALVING, NONE, *(name.removesuffix("Pruner").lower() for name in _classes())]


def _classes() -> dict[str, Any]:
    """Optuna's pruners that can be made without arguments."""
    from optuna import pruners

    found = {name: getattr(pruners, name) for name in pruners.__all__ if name not in ("BasePruner", "NopPruner")}
    return {name: kind for name, kind in found.items() if _stands_alone(kind)}


def _stands_alone(kind: Any) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are experimental, which is said when they are chosen
        try:
            kind()
        except (TypeError, ValueError):
            return False
    return True


def problems_with_pruner(pruner: str | BasePruner | None) -> list[str]:
    """What is wrong with a choice of pruner, each one sentence."""
    from optuna.pruners import BasePruner

    if pruner is None or isinstance(pruner, BasePruner):
        return []
    names = pruner_names()
    if isinstance(pruner, str) and _short(pruner) in names:
        return []
    return [
        f"`pruner` must be one of Optuna's or a name, but is {pruner!r}; {nearest(str(pruner), names)}; one that needs "
        "arguments is given as an object, such as optuna.pruners.PercentilePruner(25.0)."
    ]


def _short(name: str) -> str:
    return name.removesuffix("Pruner").lower() if name not in (HALVING, NONE) else name


def make_pruner(pruner: str | BasePruner | None) -> Pruner:
    """The pruner of one start of a search.

    Parameters
    ----------
    pruner : str, optuna.pruners.BasePruner or None
        ``"halving"``, ``"none"`` (or None), the name of one of Optuna's, or an object of Optuna's.

    Raises
    ------
    StudyError
        If it is not known.
    """
    from optuna.pruners import BasePruner, NopPruner

    if problems := problems_with_pruner(pruner):
        raise StudyError(problems)
    if pruner is None or pruner == NONE or isinstance(pruner, NopPruner):
        return Everyone()
    if pruner == HALVING:
        return Halving()
    if isinstance(pruner, BasePruner):
        return OptunaPruner(pruner)
    kinds = {name.removesuffix("Pruner").lower(): kind for name, kind in _classes().items()}
    return OptunaPruner(kinds[_short(pruner)]())


def rank(score: float, loss: bool) -> float:
    """A score as a pruner hears it: the higher the better, and what is no number is worst."""
    value = -score if loss else score
    return -math.inf if math.isnan(value) else value
