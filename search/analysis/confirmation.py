"""The confirmation of the best trials on new seeds, with confidence intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from search.analysis.tables import number, table_text
from search.analysis.trials import candidates, objective_names
from search.spec.spec import Plan
from search.storage.attributes import CONFIRM

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

RESAMPLES = 10_000
LEVEL = 0.95
ON_TEST = {"accuracy": "test_accuracy", "loss": "test_loss"}  # where an objective of the validation part is confirmed


@dataclass(frozen=True)
class Confirmed:
    """One network on fresh seeds.

    Parameters
    ----------
    number : int
        Its trial's.
    search : float
        The first objective as the search saw it, on the trial's own seeds.
    values : tuple of float
        The same on fresh seeds: accuracy and loss on the test part, other objectives as they are.
    low, high : float or None
        Percentile bootstrap interval of their mean over seeds, 95 %; None for fewer than two.
    test : float or None
        Mean accuracy on the test part, or loss in a task without labels.
    """

    number: int
    search: float
    values: tuple[float, ...]
    low: float | None
    high: float | None
    test: float | None

    @property
    def mean(self) -> float | None:
        """Mean over fresh seeds."""
        return float(np.mean(self.values)) if self.values else None

    @property
    def difference(self) -> float | None:
        """The mean on fresh seeds minus what the search saw."""
        return None if self.mean is None else self.mean - self.search


@dataclass(frozen=True)
class Confirmation:
    """The best of a study on fresh seeds.

    Parameters
    ----------
    study : str
        Its name.
    objective : str
        The first one.
    measure : str
        What it was confirmed by: `test_accuracy`, `test_loss`, or the objective itself.
    direction : str
        maximize or minimize.
    seeds : tuple of int
        The fresh seeds, the same for every network.
    rows : tuple of Confirmed
        The best by the search first.
    """

    study: str
    objective: str
    measure: str
    direction: str
    seeds: tuple[int, ...]
    rows: tuple[Confirmed, ...]

    def to_json(self) -> str:
        """One line."""
        rows = [{**vars(row), "mean": row.mean, "difference": row.difference} for row in self.rows]
        return json.dumps({**vars(self), "rows": rows}, allow_nan=False)

    def columns(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of a table."""
        more = [] if self.measure in ON_TEST.values() else ["test"]
        headings = ["trial", f"{self.objective} in the search", f"{self.measure} on fresh seeds", "95 % interval"]
        headings += ["difference", "seeds", *more]
        return headings, [self._row(row)[: len(headings)] for row in self.rows]

    def _row(self, row: Confirmed) -> list[str]:
        interval = "-" if row.low is None else f"{number(row.low)} to {number(row.high)}"
        difference = "-" if row.difference is None else f"{row.difference:+.4g}"
        shown = [number(row.number), number(row.search), number(row.mean), interval, difference]
        return [*shown, number(len(row.values)), number(row.test)]

    def curse(self) -> str:
        """The winner's curse in one sentence."""
        known = [row.difference for row in self.rows if row.difference is not None]
        if not known:
            return "No run on fresh seeds has come to its end."
        mean = float(np.mean(known))
        lost = mean if self.direction == "minimize" else -mean
        what = f"{number(abs(mean))} {'worse' if lost > 0 else 'better'}" if mean else "no better and no worse"
        wanted = len(self.rows) * len(self.seeds)
        missing = wanted - sum(len(row.values) for row in self.rows)
        return (
            f"On fresh seeds the networks are {what} by {self.measure} than the search saw by {self.objective}, in the "
            f"mean over {len(known)}."
            + (f" Of {wanted} runs {missing} are missing: they failed, gave no number or were not run." * (missing > 0))
        )

    def __str__(self) -> str:
        headings, rows = self.columns()
        return "\n".join([f"Confirmation of {self.study}", *table_text(headings, rows), self.curse()])

    __repr__ = __str__  # what a notebook shows


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Percentile bootstrap interval of the mean, drawn with a fixed seed; nothing for fewer than two values.

    The order of the values does not matter.
    """
    if len(values) < 2:
        return None, None
    draws = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    means = np.sort(values)[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def confirmed(plan: Plan, study: optuna.Study) -> Confirmation | None:
    """Return the stored confirmations of a study, on all seeds that any of them ran. None if there are none."""
    known = stored_runs(study)
    members = [trial for trial in candidates(study) if trial.number in known]
    seeds = dict.fromkeys(seed for runs in known.values() for seed in runs)
    return confirmation_of(plan, study, members, tuple(seeds)) if members else None


def stored_runs(study: optuna.Study) -> dict[int, dict[int, dict[str, Any]]]:
    """Trial -> seed -> scores, of all confirmations so far."""
    return {
        int(key.removeprefix(CONFIRM)): {int(seed): scores for seed, scores in runs.items()}
        for key, runs in study.user_attrs.items()
        if key.startswith(CONFIRM)
    }


def measure_of(objective: str) -> str:
    """Return the score that confirms an objective: on the test part where there is one."""
    return ON_TEST.get(objective, objective)


def confirmation_of(
    plan: Plan, study: optuna.Study, members: Sequence[FrozenTrial], seeds: tuple[int, ...]
) -> Confirmation:
    """Summarise the stored runs of trials on new seeds."""
    first, direction = objective_names(study)[0], study.directions[0].name.lower()
    measure, known = measure_of(first), stored_runs(study)
    score = "test_loss" if plan.task.data.labels is None else "test_accuracy"
    rows = []
    for trial in members:
        runs = [run for seed in seeds if (run := known.get(trial.number, {}).get(seed)) is not None]
        values = tuple(run[measure] for run in runs if run.get(measure) is not None)
        tests = [run[score] for run in runs if run.get(score) is not None]
        mean = float(np.mean(tests)) if tests else None
        rows.append(Confirmed(trial.number, trial.values[0], values, *interval(values), mean))
    return Confirmation(study.study_name, first, measure, direction, seeds, tuple(rows))
