"""The best of a search once more, on fresh seeds and the test part: what selection has flattered loses it there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from search.begin import SEED, check_objectives
from search.errors import ExecutorLost, StudyError
from search.finish import replay_jobs
from search.interrupt import Interrupt
from search.job import Job, Ran
from search.objectives import Objective, measured
from search.plan import Plan
from search.record import SCORES, Record, plain
from search.script import fault
from search.seeds import fresh_seed
from search.summary import candidates, count, ended, front, is_over, objective_names
from search.table import number, table_text
from snn.errors import OtherData
from snn.usercode import call_user

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search.executor import Executor
    from snn.result import Result

CONFIRM = "confirm:"  # user attribute of the study, with the trial's number: seed -> scores
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
        As in `search.searching.search`.
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
    from search.owner import owned
    from search.searching import check, executor_of
    from search.storage import load

    with nullcontext(interrupt) if interrupt else Interrupt() as asked:
        call_user(check, plan, cluster, workers)
        study = load(plan.location.open(create=False), plan.name, plan.location)
        check_objectives(study, plan)
        with owned(plan.location, plan.name):  # what is stored of a trial is read, added to and written back
            members = _members(study, top)
            fresh = fresh_seeds(study, plan, seeds)
            known = _stored(study)
            jobs = [(t, _job(plan, t, seed)) for t in members for seed in fresh if seed not in known.get(t.number, ())]
            finished = not jobs or _run(plan, study, jobs, executor_of(plan, workers, len(jobs), cluster), asked)
        return _confirmation(plan, study, members, fresh), not finished


def confirmed(plan: Plan, study: optuna.Study) -> Confirmation | None:
    """What confirmations have stored of a study so far, on all the seeds that any of them ran; None for nothing."""
    known = _stored(study)
    members = [trial for trial in candidates(study) if trial.number in known]
    seeds = dict.fromkeys(seed for runs in known.values() for seed in runs)
    return _confirmation(plan, study, members, tuple(seeds)) if members else None


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


def _stored(study: optuna.Study) -> dict[int, dict[int, dict[str, Any]]]:
    """Trial -> seed -> scores, of all confirmations so far."""
    return {
        int(key.removeprefix(CONFIRM)): {int(seed): scores for seed, scores in runs.items()}
        for key, runs in study.user_attrs.items()
        if key.startswith(CONFIRM)
    }


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
    runs = {**_stored(study).get(trial.number, {}), job.seed: kept}
    study.set_user_attr(f"{CONFIRM}{trial.number}", {str(seed): scores for seed, scores in runs.items()})
    measure = _measure(plan.objectives[0].name)
    return f"{what}: {measure} {number(kept[measure])}  ({ran.ended - ran.began:.1f} s)"


def _kept(objectives: Sequence[Objective], result: Result) -> dict[str, float | None]:
    scores = {name: plain(getattr(result, name)) for name in (*SCORES, *ON_TEST.values())}
    return {**scores, **{name: plain(value) for name, (value,) in measured(objectives, [result]).items()}}


def _measure(objective: str) -> str:
    return ON_TEST.get(objective, objective)


def _confirmation(
    plan: Plan, study: optuna.Study, members: Sequence[FrozenTrial], seeds: tuple[int, ...]
) -> Confirmation:
    first, direction = objective_names(study)[0], study.directions[0].name.lower()
    measure, known = _measure(first), _stored(study)
    score = "test_loss" if plan.task.data.labels is None else "test_accuracy"
    rows = []
    for trial in members:
        runs = [run for seed in seeds if (run := known.get(trial.number, {}).get(seed)) is not None]
        values = tuple(run[measure] for run in runs if run.get(measure) is not None)
        tests = [run[score] for run in runs if run.get(score) is not None]
        mean = float(np.mean(tests)) if tests else None
        rows.append(Confirmed(trial.number, trial.values[0], values, *interval(values), mean))
    return Confirmation(study.study_name, first, measure, direction, seeds, tuple(rows))
