"""One search from beginning to end, for the command line and for notebooks."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.bounds import problems_with_workers, useful_workers
from search.errors import StudyError
from search.faults import Say, say_aloud
from search.interrupt import Interrupt
from search.plan import Plan
from search.summary import Summary
from snn.backends.build import compiler
from snn.backends.cache.folder import cache_limit
from snn.backends.genn.environment import check_genn
from snn.notices import said_once
from snn.profile import Profile, cpu_seconds
from snn.usercode import call_user

if TYPE_CHECKING:
    from search.executor import Executor


def available_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def executor_of(
    plan: Plan,
    workers: int | None,
    jobs: int,
    cluster: Any = None,
    profile: Profile | None = None,
    say: Say = say_aloud,
) -> Executor:
    """Where so many jobs run: on this machine, or on a cluster; `say` is told of faults of the machine."""
    from search.executor import local_executor

    if cluster is None:
        cpus = available_cpus()
        return local_executor(plan.task, useful_workers(workers or cpus, jobs, cpus), profile, say)
    from search.cluster import connect

    return connect(cluster, workers, say)


def check(plan: Plan, cluster: Any = None, workers: int | None = None) -> None:
    """What would make every trial fail is an error before the first one; what a cluster has is known there.

    Raises
    ------
    SNNError
        If the task's numbers, its data or its split are wrong, if the data cannot be read, if the stream is empty or
        the task does not have an objective or what is bounded, if there is no compiler for the backend, or what else
        it needs, if the limit of the cache is none, or if there are too many workers.
    """
    problems = problems_with_workers(workers, cluster is not None)
    if problems := problems + plan.task.problems():
        raise StudyError(problems)
    measured = [*plan.objectives, *(one.objective for one in plan.constraints)]
    if not plan.streamed:
        raise StudyError(
            f"The stream must hold a sample, so that networks can learn, but that of {plan.task.name} is empty; let "
            "`split` give it samples."
        )
    kinds = (  # the data are read and checked once for all trials
        (plan.task.data.labels is None, "labels", "without labels", "write objectives=['loss']"),
        (
            not plan.task.hold_out,
            "held_out",
            "without a validation part",
            "leave hold_out=True, or write objectives=['prequential_accuracy']",
        ),
        (
            plan.task.hold_out and not len(plan.task.parts.validation),
            "held_out",
            "with an empty validation part",
            "let `split` give it samples, or write objectives=['prequential_accuracy']",
        ),
    )
    problems = [
        f"`objectives` and `constraints` must be what {plan.task.name} has, which is a task {without}, but the study "
        f"has {' and '.join(map(repr, dict.fromkeys(absent)))}: {remedy}."
        for holds, needed, without, remedy in kinds
        if holds and (absent := [objective.name for objective in measured if getattr(objective, needed)])
    ]
    if problems:
        raise StudyError(problems)
    if plan.backend == "standalone":
        compiler()
        cache_limit()
    if plan.backend.startswith("genn") and cluster is None:
        check_genn(gpu=plan.backend == "genn")


def search(
    plan: Plan,
    trials: int,
    workers: int | None = None,
    interrupt: Interrupt | None = None,
    profiled_from: float | None = None,
    cluster: Any = None,
    batch: int = 1,
    keep_going: bool = False,
) -> tuple[Summary, bool]:
    """Search, and say how.

    Parameters
    ----------
    plan : Plan
        What to search.
    trials : int
        Total of complete, pruned and failed trials.
    workers : int, optional
        Trials, or batches of them, at a time; by default one for each CPU, or for each thread of the cluster.
    interrupt : Interrupt, optional
        One that has been entered already.
    profiled_from : float, optional
        `snn.profile.cpu_seconds` from which on to say where the CPU went.
    cluster : str or distributed.Client, optional
        Where trials run, if not on this machine.
    batch : int, default 1
        How many trials each worker runs together (`tasks.together`).
    keep_going : bool, default False
        Whether to go on although the first trials all fail for one reason (`search.failures`).

    Returns
    -------
    summary : Summary
        The study afterwards.
    interrupted : bool
        Whether Ctrl-C ended it.
    """
    from search.begin import begin, choose_sampler
    from search.driver import Driver
    from search.owner import owned
    from search.patient import Patience
    from search.progress import make_progress
    from search.space_change import check_space
    from search.summary import count, ended, summarise
    from search.warm import warm_up

    with (
        nullcontext(interrupt) if interrupt else Interrupt() as asked,
        make_progress(plan.objectives) as progress,
        said_once(progress.say),
    ):
        call_user(check, plan, cluster, workers)  # it reads a user's data
        with owned(plan.location, plan.name) as owner:
            study = begin(plan, progress.say, Patience(progress.say, lambda: asked.asked, owner.check))
            profile = None if profiled_from is None else Profile()
            counts = count(study.get_trials(deepcopy=False))
            before = ended(counts)
            if before < trials:
                check_space(plan, study)
            warm_up(study, plan, progress.say)
            jobs = max(trials - before, counts["running"]) * plan.replicates
            executor = executor_of(plan, workers, jobs, cluster, profile, progress.say)
            choose_sampler(study, plan, (workers or executor.workers) * batch)
            if cluster is not None:
                progress.say(f"{executor}, each of {batch} trials" if batch > 1 else str(executor))
            driver = Driver(plan, study, executor, progress, profile, batch, keep_going)
            asked.then = driver.interrupt
            if asked.asked:
                driver.interrupt()
            finished = driver.run(trials)
            summary = summarise(study, plan.location)
    if profile is not None and profiled_from is not None:
        report = profile.report(ended(summary.trials) - before, cpu_seconds() - profiled_from)
        summary = replace(summary, profile=report)
    return summary, not finished
