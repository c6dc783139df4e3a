"""The end of a search: its best networks are run once more, scored on the test part and drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.errors import StudyError
from search.images import IMAGES, attach_images, save_note
from search.job import Job
from search.plan import Plan
from search.record import FINAL, Record, outcome, plain
from search.summary import OVER, count, ended, front
from search.table import markdown

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.result import Result


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

    def todo(self) -> list[tuple[FrozenTrial, Job]]:
        """Members of the front that have not been scored (or drawn) yet, with the job that does it."""
        done = self._study.user_attrs
        prefix = FINAL if self._test else IMAGES
        members = [trial for trial in front(self._study) if f"{prefix}{trial.number}" not in done]
        return [(trial, self.job(trial)) for trial in members if Record(trial).network is not None]

    def job(self, trial: FrozenTrial) -> Job:
        """The trial's own run again, recording spikes, and on the test part if that is wanted."""
        again = replay_job(self._plan, trial)
        return replace(again, test=self._test, record=("spikes",), timeout=None)

    def keep(self, trial: FrozenTrial, result: Result, seconds: float) -> list[str]:
        """Store scores and images of that run.

        Returns
        -------
        list of str
            What the user should know.
        """
        stored = Record(trial)
        final = None
        if self._test:
            final = {
                "test_accuracy": plain(result.test_accuracy),
                "test_loss": plain(result.test_loss),
                "seconds": round(seconds, 3),
                "builds": int(result.builds),
                "ended": datetime.now(UTC).isoformat(),
            }
            self._study.set_user_attr(f"{FINAL}{trial.number}", final)
        images = self._study.user_attrs.get(f"{IMAGES}{trial.number}")
        if images is None:
            images = attach_images(self._study, trial, result, self._plan.location)
        save_note(self._study, trial, markdown(trial, self._study.metric_names or [], stored.attrs(final)), images)
        if outcome(self._plan.objectives, result, seconds)["values"] != trial.values:
            return [f"trial {trial.number} did not give the same scores again: was the package or the data changed?"]
        return []

    def over(self) -> None:
        """Say that the search is over: from now on test accuracies are shown."""
        self._study.set_user_attr(OVER, ended(count(self._study.get_trials(deepcopy=False))))


def replay_job(plan: Plan, trial: FrozenTrial) -> Job:
    """The run of a stored trial: its network, seed, task, backend and precision, whatever the script says today."""
    stored = Record(trial)
    if stored.network is None or stored.seed is None:
        raise StudyError(f"Only a trial with a stored network can be run again, but trial {trial.number} has none.")
    origin = stored.origin
    job = replace(plan.job(stored.network, stored.seed), backend=origin["backend"], dtype=origin["dtype"])
    return replace(job, task=origin["task"])
