"""The best of a search once more, on fresh seeds and the test part: what selection has flattered loses it there."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from search.analysis.confirmation import ON_TEST, Confirmation, confirmation_of, measure_of, stored_runs
from search.analysis.outcome import plain
from search.analysis.tables import number
from search.analysis.trials import candidates, count, ended, front, is_over
from search.driver.interrupt import Interrupt
from search.errors import ExecutorLost, StudyError
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
    """Run the best of a finished search on fresh seeds, what has not been run before.

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
        If the search is not over, or the script has other objectives by now.
    """
    from search.driver.resources import check, executor_of
    from search.storage.locks.ownership import owned
    from search.storage.opening import load, open_storage

    with nullcontext(interrupt) if interrupt else Interrupt() as asked:
        call_user(check, plan, cluster, workers)
        study = load(open_storage(plan.location, create=False), plan.name, plan.location)
        check_objectives(study, plan)
        with owned(plan.location, plan.name):  # what is stored of a trial is read, added to and written back
            members = _members(study, top)
            fresh = fresh_seeds(study, plan, seeds)
            known = stored_runs(study)
            jobs = [(t, _job(plan, t, seed)) for t in members for seed in fresh if seed not in known.get(t.number, ())]
            finished = not jobs or _run(plan, study, jobs, executor_of(plan, workers, len(jobs), cluster), asked)
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


def _run(
    plan: Plan, study: optuna.Study, jobs: list[tuple[FrozenTrial, Job]], executor: Executor, asked: Interrupt
) -> bool:
    """Run jobs in parallel, storing each result as it comes; whether all came to their end before Ctrl-C."""
    inbox: SimpleQueue[tuple[FrozenTrial, Job, Future[Ran]] | None] = SimpleQueue()
    asked.then = lambda: inbox.put(None)
    try:
        for trial, job in jobs:
            executor.submit(job).add_done_callback(partial(_put, inbox, trial, job))
        for place in range(1, len(jobs) + 1):
            if asked.asked or (item := inbox.get()) is None:
                return False
            print(f"[{place}/{len(jobs)}] {_keep(plan, study, *item)}", file=sys.stderr, flush=True)
        return True
    finally:
        executor.stop()


def _put(inbox: SimpleQueue, trial: FrozenTrial, job: Job, future: Future[Ran]) -> None:
    inbox.put((trial, job, future))


def _keep(plan: Plan, study: optuna.Study, trial: FrozenTrial, job: Job, future: Future[Ran]) -> str:
    """Store what a run gave, and say it."""
    what = f"trial {trial.number}, seed {job.seed}"
    try:
        ran = future.result()
        kept = _kept(plan.objectives, ran.result)  # calls the user's functions
    except (ExecutorLost, OtherData):
        raise
    except Exception as error:
        return f"{what} failed: {fault(error, plan.script)}"
    runs = {**stored_runs(study).get(trial.number, {}), job.seed: kept}
    study.set_user_attr(f"{CONFIRM}{trial.number}", {str(seed): scores for seed, scores in runs.items()})
    measure = measure_of(plan.objectives[0].name)
    return f"{what}: {measure} {number(kept[measure])}  ({ran.ended - ran.began:.1f} s)"


def _kept(objectives: Sequence[Objective], result: Result) -> dict[str, float | None]:
    scores = {name: plain(getattr(result, name)) for name in (*SCORES, *ON_TEST.values())}
    return {**scores, **{name: plain(value) for name, (value,) in measured(objectives, [result]).items()}}
