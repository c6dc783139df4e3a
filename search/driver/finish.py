"""The end of a search: its best networks are run once more, scored on the test part and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.analysis.outcome import mean, outcome
from search.analysis.trials import count, ended, front, objective_names
from search.dashboard.images import attach_images, save_note
from search.dashboard.note import markdown
from search.spec.command_line import place
from search.spec.job import Job
from search.spec.script import fault
from search.spec.spec import Plan, replay_jobs
from search.storage.attributes import FINAL, IMAGES, OVER
from search.storage.record import Record

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.results.result import Result


@dataclass
class Final:
    """A member of the front under way to its last scores.

    Parameters
    ----------
    trial : FrozenTrial
    began : float
        On the monotonic clock.
    replicates : int
        How many runs it takes.
    """

    trial: FrozenTrial
    began: float
    replicates: int
    results: dict[int, Result] = field(default_factory=dict)

    def all(self) -> list[Result] | None:
        """The results of all replicates, in order, when they are there."""
        done = len(self.results) == self.replicates
        return [self.results[place] for place in range(self.replicates)] if done else None


class Finish:
    """What is done with the best of a study when it has its number of trials.

    Parameters
    ----------
    plan : Plan
        What was searched.
    study : optuna.Study
        Where it is kept.
    test : bool
        Whether to score the test part: False draws the best so far of a search that is not over.
    """

    def __init__(self, plan: Plan, study: optuna.Study, test: bool = True):
        self._plan = plan
        self._study = study
        self._test = test

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
        """Store scores of those runs, and images of the first.

        Returns
        -------
        list of str
            What the user should know.
        """
        stored = Record(trial)
        final = None
        if self._test:
            final = {
                "test_accuracy": mean(result.test_accuracy for result in results),
                "test_loss": mean(result.test_loss for result in results),
                "seconds": round(seconds, 3),
                "builds": sum(int(result.builds) for result in results),
                "ended": datetime.now(UTC).isoformat(),
            }
        images = self._study.user_attrs.get(f"{IMAGES}{trial.number}")
        said = []
        if images is None:
            try:
                images = attach_images(self._study, trial, results[0], self._plan.location)
            except OSError as error:
                images, said = {}, [f"images of trial {trial.number} cannot be kept: {error}"]
        text = markdown(trial, objective_names(self._study), stored.attrs(final), place(self._plan))
        save_note(self._study, trial, text, images)
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
