"""Optuna's pruners, applied to the rungs of a search."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from search.pruners.base import HALVING, NONE, Pruner

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner


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

        from search.pruners.unfailed import Unfailed

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


def _short(name: str) -> str:
    return name.removesuffix("Pruner").lower() if name not in (HALVING, NONE) else name
