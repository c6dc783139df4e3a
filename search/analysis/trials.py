"""Selections of trials: finished ones, feasible ones, the Pareto front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.analysis.pareto import pareto
from search.spec.constraints import feasible, preferred
from search.storage.attributes import OVER
from search.storage.record import Record, is_warm

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


def objective_names(study: optuna.Study) -> list[str]:
    """Names of its objectives; of a study that was begun elsewhere, which may have none, their places."""
    return list(study.metric_names or (f"objective_{place}" for place in range(len(study.directions))))


def ended(counts: dict[str, int]) -> int:
    """Trials that count towards `--trials`."""
    return counts["complete"] + counts["fail"] + counts["pruned"]


def count(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """Count the trials in each state, without those that were added from another study."""
    found = Counter(trial.state.name.lower() for trial in trials if not is_warm(trial))
    return {state: found[state] for state in ("complete", "fail", "pruned", "running")}


def is_over(study: optuna.Study, counts: dict[str, int]) -> bool:
    """Whether the search has come to its total, and has not gone on since: only then the test part is shown."""
    return study.user_attrs.get(OVER) == ended(counts) and not counts["running"]


def candidates(study: optuna.Study) -> list[FrozenTrial]:
    """Complete trials that ran here and keep to all constraints, the best by the first objective first.

    Where none keeps to all, those that break them least. Those that were told the scores of another are left out.
    """
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    sign = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    own = preferred([trial for trial in complete if not is_warm(trial) and "same_as" not in Record(trial).result])
    return sorted(own, key=lambda trial: (sign * trial.values[0], trial.number))


def front(study: optuna.Study) -> list[FrozenTrial]:
    """The Pareto front, the best by the first objective first; one trial if there is one objective.

    Of the trials that keep to all constraints; where none does, those that break them least.
    """
    found = candidates(study)
    if len(study.directions) == 1:
        return found[:1]
    return pareto(found, study.directions) if any(map(feasible, found)) else found
