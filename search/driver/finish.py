"""The runs and scores of the best trials after a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from search.analysis.outcome import mean, outcome
from search.analysis.trials import count, ended, front
from search.spec.job import Job
from search.spec.script import fault
from search.spec.spec import Plan, replay_jobs
from search.storage.attributes import FINAL, IMAGES, OVER
from search.storage.record import Record

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.results.result import Result


class Present(Protocol):
    """Prepares one of the best trials for the dashboard."""

    def __call__(
        self, plan: Plan, study: optuna.Study, trial: FrozenTrial, result: Result, final: dict[str, Any] | None
    ) -> list[str]:
        """Return lines for the user; `final` holds the scores on the test part, or is None if they are not known."""


class Finish:
    """The final evaluation of the best trials of a study that has its number of trials.

    Parameters
    ----------
    plan : Plan
        What was searched.
    study : optuna.Study
        Where it is kept.
    test : bool
        Whether to score the test part. With False, the best trials so far of a search that is not over are drawn.
    present : Present, optional
        Gives each of the trials its figures and its note. Without it they get none.
    """

    def __init__(self, plan: Plan, study: optuna.Study, test: bool = True, present: Present | None = None):
        self._plan = plan
        self._study = study
        self._test = test
        self._present = present

    def todo(self) -> list[tuple[FrozenTrial, list[Job]]]:
        """Members of the front that have not been scored (or drawn) yet, with the jobs that do it."""
        done = self._study.user_attrs
        prefix = FINAL if self._test else IMAGES
        members = [trial for trial in front(self._study) if f"{prefix}{trial.number}" not in done]
        return [(trial, self.jobs(trial)) for trial in members if Record(trial).repeatable]

    def jobs(self, trial: FrozenTrial) -> list[Job]:
        """The trial's own runs again, recording spikes, and on the test part if that is wanted."""
        return [
            replace(job, test=self._test, record=("spikes",), timeout=None) for job in replay_jobs(self._plan, trial)
        ]

    def keep(self, trial: FrozenTrial, results: Sequence[Result], seconds: float) -> list[str]:
        """Store the scores of those runs, and present the first of them.

        Returns
        -------
        list of str
            What the user should know.
        """
        final = None
        if self._test:
            final = {
                "test_accuracy": mean(result.test_accuracy for result in results),
                "test_loss": mean(result.test_loss for result in results),
                "seconds": round(seconds, 3),
                "builds": sum(int(result.builds) for result in results),
                "ended": datetime.now(UTC).isoformat(),
            }
        said = []
        if self._present is not None:
            said = self._present(self._plan, self._study, trial, results[0], final)
        if final is not None:  # at last: what has this has all
            self._study.set_user_attr(f"{FINAL}{trial.number}", final)
        try:
            values = outcome(self._plan.objectives, results)["values"]
        except Exception as error:  # of a user's function
            said.append(f"trial {trial.number} could not be scored again: {fault(error, self._plan.script)}")
        else:
            if values != trial.values:
                again = "did not give the same scores again: was the package or the data changed?"
                said.append(f"trial {trial.number} {again}")
        return said

    def over(self) -> None:
        """Say that the search is over: from now on test accuracies are shown."""
        self._study.set_user_attr(OVER, ended(count(self._study.get_trials(deepcopy=False))))
