"""The facts that figures are drawn from: one reading of the storage, and a run of the best network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from search.analysis.trials import front, objective_names
from search.spec.constraints import feasible, total_violation
from search.storage.record import is_warm

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search.spec.objectives import Objective
    from search.spec.spec import Plan
    from snn.results.result import Result


NOTHING = "No trial is complete yet."
UNITS = {"_j": "J", "_ms": "ms", "_hz": "Hz", "_bits": "bits"}


class Undrawable(Exception):
    """There is nothing to draw; the sentence says why."""


@dataclass(frozen=True)
class Axis:
    """One objective, as figures show it.

    Parameters
    ----------
    name : str
        Its name.
    sign : int
        1 if it is minimised, -1 if it is maximised: `sign * value` is to be small.
    unit : str
        What one unit of it is; empty if that is not known.
    """

    name: str
    sign: int
    unit: str = ""

    @property
    def words(self) -> str:
        """The name as figures write it."""
        return words(self.name)

    @property
    def better(self) -> str:
        """Whether lower or higher values are better, in words."""
        return "lower is better" if self.sign > 0 else "higher is better"


@dataclass(frozen=True)
class Facts:
    """A study, read once.

    Parameters
    ----------
    name : str
        The study's.
    axes : tuple of Axis
        Its objectives.
    trials : sequence of FrozenTrial
        All that ran here, by number.
    front : sequence of FrozenTrial
        The Pareto front, the best by the first objective first; one trial if there is one objective. Of the trials that
        keep to all constraints; where none does, of those that break them least.
    result : Result or None
        The best network run again with recorded spikes, if it could be.
    unable : str
        Why it could not be.
    taken : int
        Trials that were added from another study, which shows them.
    """

    name: str
    axes: tuple[Axis, ...]
    trials: Sequence[FrozenTrial]
    front: Sequence[FrozenTrial]
    result: Result | None = None
    unable: str = ""
    taken: int = 0

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        """Trials with finite values."""
        return [t for t in self.trials if t.state.name == "COMPLETE" and np.all(np.isfinite(t.values or [np.nan]))]

    @cached_property
    def values(self) -> np.ndarray:
        """Values of the complete trials, shape (complete trials, objectives)."""
        return np.array([trial.values for trial in self.complete], float).reshape(len(self.complete), len(self.axes))

    @cached_property
    def feasible(self) -> np.ndarray:
        """A bool for each complete trial: whether it keeps all constraints."""
        return np.array([feasible(trial) for trial in self.complete], bool)

    @cached_property
    def ranked(self) -> list[FrozenTrial]:
        """Complete trials, the best by the first objective first; at the end those that break a constraint, the least
        first.
        """
        sign = self.axes[0].sign
        return sorted(self.complete, key=lambda trial: (total_violation(trial), sign * trial.values[0], trial.number))

    @property
    def best(self) -> FrozenTrial | None:
        """The best by the first objective."""
        return self.front[0] if self.front else None

    @property
    def median(self) -> FrozenTrial | None:
        """The one in the middle by the first objective."""
        return self.ranked[len(self.ranked) // 2] if self.ranked else None

    def numbers(self, state: str) -> np.ndarray:
        """Numbers of the trials in a state (`"PRUNED"`, `"FAIL"`)."""
        return np.array([trial.number for trial in self.trials if trial.state.name == state], int)

    def need_complete(self) -> None:
        """Nothing can be drawn without a complete trial."""
        if not self.complete:
            raise Undrawable(NOTHING)

    def need_result(self) -> Result:
        """The best network's run."""
        if self.result is None:
            raise Undrawable(self.unable or NOTHING)
        return self.result


def gather(plan: Plan, study: optuna.Study) -> Facts:
    """Read a study, as its script declares it and as it is kept; its best network has not been run again yet."""
    members = front(study)  # first: of a search that goes on, all its members are then among the trials
    trials = study.get_trials(deepcopy=False)
    own = [trial for trial in trials if not is_warm(trial)]
    return Facts(
        name=study.study_name,
        axes=axes(plan.objectives, study),
        trials=own,
        front=members,
        taken=len(trials) - len(own),
    )


def axes(objectives: Sequence[Objective], study: optuna.Study) -> tuple[Axis, ...]:
    """The objectives that a study was begun with, with units where the script still knows them."""
    signs = [1 if direction.name == "MINIMIZE" else -1 for direction in study.directions]
    units = {objective.name: objective.unit for objective in objectives}
    names = objective_names(study)
    return tuple(Axis(name, sign, units.get(name, "")) for name, sign in zip(names, signs, strict=True))


def words(name: str) -> str:
    """A name for readers: `settling_time_ms` becomes "settling time (ms)"."""
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")
