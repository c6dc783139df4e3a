"""One search from beginning to end, for the command line and for notebooks."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace

from search.errors import StudyError
from search.interrupt import Interrupt
from search.plan import Plan
from search.summary import Summary
from snn.backends.build import compiler
from snn.backends.cache.folder import cache_limit
from snn.profile import Profile, cpu_seconds


def available_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(plan: Plan) -> None:
    """What would make every trial fail is an error before the first one.

    Raises
    ------
    SNNError
        If the task's numbers are wrong, its data cannot be read or it does not have an objective, or if there is no
        compiler for the backend, or the limit of the cache is none.
    """
    if problems := plan.task.problems():
        raise StudyError(problems)
    if plan.task.data.labels is None:  # reads the data, once for all trials
        absent = [objective.name for objective in plan.objectives if objective.labels]
        if absent:
            raise StudyError(
                f"`objectives` must be what {plan.task.name} has, which is a task without labels, but has "
                f"{' and '.join(map(repr, absent))}: write objectives=['loss']."
            )
    if plan.backend == "standalone":
        compiler()
        cache_limit()


def search(
    plan: Plan, trials: int, workers: int, interrupt: Interrupt | None = None, profiled_from: float | None = None
) -> tuple[Summary, bool]:
    """Search, and say how.

    Parameters
    ----------
    plan : Plan
        What to search.
    trials : int
        Total of complete, pruned and failed trials.
    workers : int
        Trials at a time.
    interrupt : Interrupt, optional
        One that has been entered already.
    profiled_from : float, optional
        `snn.profile.cpu_seconds` from which on to say where the CPU went.

    Returns
    -------
    summary : Summary
        The study afterwards.
    interrupted : bool
        Whether Ctrl-C ended it.
    """
    from search.begin import begin
    from search.driver import Driver
    from search.executor import local_executor
    from search.owner import claim, release
    from search.progress import make_progress
    from search.summary import count, ended, summarise

    with nullcontext(interrupt) if interrupt else Interrupt() as asked, make_progress(plan.objectives) as progress:
        check(plan)
        study = begin(plan, progress.say)
        profile = None if profiled_from is None else Profile()
        before = ended(count(study.get_trials(deepcopy=False)))
        claim(study)
        try:
            driver = Driver(plan, study, local_executor(plan.task, workers, profile), progress, profile)
            asked.then = driver.interrupt
            if asked.asked:
                driver.interrupt()
            finished = driver.run(trials)
        finally:
            release(study)
        summary = summarise(study, plan.location)
    if profile is not None and profiled_from is not None:
        report = profile.report(ended(summary.trials) - before, cpu_seconds() - profiled_from)
        summary = replace(summary, profile=report)
    return summary, not finished
