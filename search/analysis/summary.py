"""The state of a study in one object: what `--json` writes and what tables show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from search.constraints import feasible, preferred
from search.pareto import pareto
from search.record import FINAL, Record, is_warm
from search.storage import Location

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

OVER = "over"  # user attribute of the study: how many trials had ended when the best were scored on the test part


@dataclass(frozen=True)
class Best:
    """A member of the front.

    Parameters
    ----------
    number : int
        The trial's.
    values : dict
        Objective -> value.
    params : dict
        Parameter -> value.
    attrs : dict
        Seed, test accuracy (None until the search is over), scores, costs.
    """

    number: int
    values: dict[str, float]
    params: dict[str, Any]
    attrs: dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """A study as it stands.

    Parameters
    ----------
    study, storage : str
        Its name, and where it lies (without a password).
    trials : dict
        How many are `complete`, `fail`, `pruned`, `running`.
    builds : int
        Programs compiled so far.
    seconds : float
        Time in which at least one trial ran.
    best : tuple of Best
        The Pareto front, the best by the first objective first; one trial if there is one objective.
    reasons : tuple of (str, int)
        Why trials failed, and how many for each reason.
    over : bool
        Whether the search has come to its total and has not gone on since (`is_over`).
    files : dict
        What lies beside the storage: the folder of `states` of running trials and of results that the storage does not
        have yet, and the folder of `images`. A folder is there only if there is something in it.
    profile : dict or None
        Where the CPU of the search went (`snn.profile.Profile.report`), if that was asked for.
    """

    study: str
    storage: str
    trials: dict[str, int]
    builds: int
    seconds: float
    best: tuple[Best, ...]
    reasons: tuple[tuple[str, int], ...] = ()
    over: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    profile: dict[str, Any] | None = None

    def to_json(self) -> str:
        """One line."""
        fields = ("study", "storage", "trials", "builds", "seconds")
        shown = {name: getattr(self, name) for name in fields} | {"best": [vars(member) for member in self.best]}
        shown["files"] = dict(self.files)
        if self.profile is not None:
            shown["profile"] = self.profile
        return json.dumps(shown, allow_nan=False)

    def __str__(self) -> str:
        from search.table import describe

        return describe(self)

    __repr__ = __str__  # what a notebook shows


def objective_names(study: optuna.Study) -> list[str]:
    """Names of its objectives; of a study that was begun elsewhere, which may have none, their places."""
    return list(study.metric_names or (f"objective_{place}" for place in range(len(study.directions))))


def ended(counts: dict[str, int]) -> int:
    """Trials that count towards `--trials`."""
    return counts["complete"] + counts["fail"] + counts["pruned"]


def count(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """How many trials are in each state; those that were added from another study do not count."""
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


def summarise(study: optuna.Study, location: Location) -> Summary:
    """The study as it stands in its storage."""
    trials = study.get_trials(deepcopy=False)
    attributes = study.user_attrs
    counts = count(trials)
    records = [Record(trial) for trial in trials]
    finals = [value for key, value in attributes.items() if key.startswith(FINAL)]
    over, names = is_over(study, counts), objective_names(study)
    best = []
    for trial in front(study):
        final = attributes.get(f"{FINAL}{trial.number}") if over else None
        values = dict(zip(names, trial.values, strict=True))
        best.append(Best(trial.number, values, dict(trial.params), Record(trial).attrs(final)))
    intervals = [record.interval for record in records if record.interval]
    intervals += [(_timestamp(final["ended"]) - final["seconds"], _timestamp(final["ended"])) for final in finals]
    return Summary(
        study=study.study_name,
        storage=location.shown,
        trials=counts,
        builds=sum(item.get("builds", 0) for item in [*(record.result for record in records), *finals]),
        seconds=round(_covered(intervals), 3),
        best=tuple(best),
        reasons=tuple(Counter(r.reason for r in records if r.trial.state.name == "FAIL").most_common()),
        over=over,
        files={"states": str(location.folder(study.study_name)), "images": str(location.artifacts)},
    )


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total
