"""Runs of the best networks of a search on fresh seeds, scored on the test part.

Selection prefers networks that were lucky on their seeds. Fresh seeds show their true scores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from search.analysis.confirmation import ON_TEST, Confirmation, confirmation_of, measure_of, stored_runs
from search.analysis.outcome import plain
from search.analysis.tables import number
from search.analysis.trials import candidates, count, ended, front, is_over
from search.driver.interrupt import Interrupt
from search.errors import ExecutorLost, StudyError
from search.execution.faults import say_aloud
from search.execution.queue import Jobs
from search.execution.stop import Stop
from search.spec.job import Job, Ran
from search.spec.objectives import Objective, measured
from search.spec.script import fault
from search.spec.seeds import fresh_seed
from search.spec.spec import Plan, replay_jobs
from search.start.opening import check_objectives
from search.storage.attributes import CONFIRM, SEED
from search.storage.record import SCORES, Record
from snn.errors import OtherData
from snn.system.usercode import call_user

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search.execution.executor import Executor
    from snn.results.result import Result


def fresh_seeds(study: optuna.Study, plan: Plan, n: int) -> tuple[int, ...]:
    """The first n seeds for confirmation that no trial has run with: they follow from the study's seed."""
    begun_with = study.user_attrs.get(SEED, plan.seed)  # the script may say another
    used = {seed for trial in study.get_trials(deepcopy=False) for seed in Record(trial).seeds}

    def draw() -> Iterator[int]:
        place = 0
        while True:
            if (seed := fresh_seed(begun_with, place)) not in used:
                used.add(seed)
                yield seed
            place += 1

    return tuple(islice(draw(), n))


def confirm(
    plan: Plan,
    top: int,
    seeds: int,
    workers: int | None = None,
    interrupt: Interrupt | None = None,
    cluster: Any = None,
) -> tuple[Confirmation, bool]:
    """Run the best networks of a finished search on fresh seeds. Runs that are stored already are not repeated.

    Parameters
    ----------
    plan : Plan
        Of the study.
    top : int
        How many networks: the best by the first objective; with several objectives those of the front.
    seeds : int
        How many fresh seeds.
    workers, cluster
        As in `search.driver.search.search`.
    interrupt : Interrupt, optional
        One that has been entered already.

    Returns
    -------
    confirmation : Confirmation
        What is known afterwards.
    interrupted : bool
        Whether Ctrl-C ended it; what was run is kept.

    Raises
    ------
    StudyError
        If the search is not over, if the script has other objectives by now, or if the storage does not answer.
    KeyboardInterrupt
        If Ctrl-C ends the wait for a storage.
    """
    from search.start.resources import check, executor_of
    from search.storage.locks.ownership import owned
    from search.storage.opening import check_file, load, open_storage
    from search.storage.outages import Patience

    with nullcontext(interrupt) if interrupt else Interrupt() as asked:
        call_user(check, plan, cluster, workers)
        check_file(plan.location)
        with owned(plan.location, plan.name) as owner:  # the stored runs of a trial are read, added to and written back
            patience = Patience(say_aloud, lambda: asked.asked, owner.check)
            study = load(open_storage(plan.location, create=False, patience=patience), plan.name, plan.location)
            check_objectives(study, plan)
            members = _members(study, top)
            fresh = fresh_seeds(study, plan, seeds)
            known = stored_runs(study)
            jobs = [(t, _job(plan, t, seed)) for t in members for seed in fresh if seed not in known.get(t.number, ())]
            finished = True
            if jobs:
                runs = _FreshRuns(plan, study, executor_of(plan, workers, len(jobs), cluster))
                finished = runs.run(jobs, asked)
            return confirmation_of(plan, study, members, fresh), not finished


def _members(study: optuna.Study, top: int) -> list[FrozenTrial]:
    counts = count(study.get_trials(deepcopy=False))
    if not is_over(study, counts):
        raise StudyError(
            f"The test part is read only when a search is over, but {study.study_name!r} is not ({ended(counts)} "
            f"trials ended, {counts['running']} under way): `snnsearch run` it to its total first."
        )
    best = candidates(study) if len(study.directions) == 1 else front(study)
    found = [t for t in best if Record(t).repeatable]
    if not found:
        raise StudyError(f"Only complete trials can be confirmed, but {study.study_name!r} has none.")
    return found[:top]


def _job(plan: Plan, trial: FrozenTrial, seed: int) -> Job:
    return replace(replay_jobs(plan, trial)[0], seed=seed, test=True)


class _FreshRuns:
    """Runs networks on fresh seeds, and stores the scores of each run as soon as it ends.

    Parameters
    ----------
    plan : Plan
        The settings of the study.
    study : optuna.Study
        The study in its storage.
    executor : Executor
        Runs the jobs. It is stopped in the end.
    """

    def __init__(self, plan: Plan, study: optuna.Study, executor: Executor):
        self._plan = plan
        self._study = study
        self._jobs = Jobs(executor)
        self._stop = Stop(self._jobs.wake)
        self._ended = self._total = 0

    def run(self, runs: Sequence[tuple[FrozenTrial, Job]], asked: Interrupt) -> bool:
        """Run all jobs in parallel.

        Returns
        -------
        bool
            Whether all of them have ended, so that Ctrl-C has left none.

        Raises
        ------
        ExecutorLost
            If the executor is gone, or its workers have other data than this process.
        StudyError
            If the storage does not answer.
        KeyboardInterrupt
            If Ctrl-C ends the wait for a storage.
        """
        self._total = len(runs)
        asked.then = self._stop.request
        if asked.asked:
            self._stop.request()
        try:
            self._run(deque(runs))
        except ExecutorLost as error:
            self._stop.fail(error)
        finally:
            self._jobs.stop()
        while self._jobs.waiting:  # runs that had ended before the stop
            self._jobs.next(0)
        if self._stop.error is not None:
            raise self._stop.error
        return self._ended == self._total

    def _run(self, left: deque[tuple[FrozenTrial, Job]]) -> None:
        while not self._stop.requested:
            while left and self._jobs.room:
                trial, job = left.popleft()
                self._jobs.submit(job, partial(self._end, trial, job))
            if not self._jobs:
                return
            self._jobs.next()

    def _end(self, trial: FrozenTrial, job: Job, future: Future[Ran]) -> None:
        """Store the scores of a run that has ended."""
        name = f"trial {trial.number}, seed {job.seed}"
        try:
            ran = future.result()
            scores = _scores(self._plan.objectives, ran.result)  # calls the user's functions
        except (ExecutorLost, OtherData) as error:
            return self._stop.fail(error)
        except Exception as error:
            if not self._stop.requested:  # else the stop has ended the run
                self._say(f"{name} failed: {fault(error, self._plan.script)}")
            return
        runs = {**stored_runs(self._study).get(trial.number, {}), job.seed: scores}
        self._study.set_user_attr(f"{CONFIRM}{trial.number}", {str(seed): one for seed, one in runs.items()})
        measure = measure_of(self._plan.objectives[0].name)
        self._say(f"{name}: {measure} {number(scores[measure])}  ({ran.ended - ran.began:.1f} s)")

    def _say(self, text: str) -> None:
        self._ended += 1
        say_aloud(f"[{self._ended}/{self._total}] {text}")


def _scores(objectives: Sequence[Objective], result: Result) -> dict[str, float | None]:
    scores = {name: plain(getattr(result, name)) for name in (*SCORES, *ON_TEST.values())}
    return {**scores, **{name: plain(value) for name, (value,) in measured(objectives, [result]).items()}}
