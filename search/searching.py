"""One search from beginning to end, for the command line and for notebooks."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.interrupt import Interrupt
from search.plan import Plan
from search.summary import Summary
from snn.backends.build import compiler
from snn.backends.cache.folder import cache_limit
from snn.backends.genn.environment import check_genn
from snn.profile import Profile, cpu_seconds

if TYPE_CHECKING:
    from search.executor import Executor


def available_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def executor_of(plan: Plan, workers: int | None, cluster: Any = None, profile: Profile | None = None) -> Executor:
    """Where jobs run: on this machine, or on a cluster."""
    from search.executor import local_executor

    if cluster is None:
        return local_executor(plan.task, workers or available_cpus(), profile)
    from search.cluster import connect

    return connect(cluster, workers)


def check(plan: Plan, cluster: Any = None) -> None:
    """What would make every trial fail is an error before the first one; what a cluster has is known there.

    Raises
    ------
    SNNError
        If the task's numbers are wrong, its data cannot be read or it does not have an objective or what is bounded,
        or if there is no compiler for the backend, or what else it needs, or the limit of the cache is none.
    """
    if problems := plan.task.problems():
        raise StudyError(problems)
    measured = [*plan.objectives, *(one.objective for one in plan.constraints)]
    kinds = (  # the data are read once for all trials
        (plan.task.data.labels is None, "labels", "without labels", "write objectives=['loss']"),
        (
            not plan.task.hold_out,
            "held_out",
            "without a validation part",
            "leave hold_out=True, or write objectives=['prequential_accuracy']",
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

    with nullcontext(interrupt) if interrupt else Interrupt() as asked, make_progress(plan.objectives) as progress:
        check(plan, cluster)
        with owned(plan.location, plan.name) as owner:
            study = begin(plan, progress.say, Patience(progress.say, lambda: asked.asked, owner.check))
            profile = None if profiled_from is None else Profile()
            before = ended(count(study.get_trials(deepcopy=False)))
            if before < trials:
                check_space(plan, study)
            warm_up(study, plan, progress.say)
            executor = executor_of(plan, workers, cluster, profile)
            choose_sampler(study, plan, executor.workers * batch)
            if cluster is not None:
                progress.say(f"{executor}, each of {batch} trials" if batch > 1 else str(executor))
            driver = Driver(plan, study, executor, progress, profile, batch)
            asked.then = driver.interrupt
            if asked.asked:
                driver.interrupt()
            finished = driver.run(trials)
            summary = summarise(study, plan.location)
    if profile is not None and profiled_from is not None:
        report = profile.report(ended(summary.trials) - before, cpu_seconds() - profiled_from)
        summary = replace(summary, profile=report)
    return summary, not finished
