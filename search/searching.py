"""One search from beginning to end, for the command line and for notebooks."""

from __future__ import annotations

import os
from contextlib import nullcontext

from search.errors import StudyError
from search.interrupt import Interrupt
from search.plan import Plan
from search.summary import Summary
from snn.backends.build import compiler


def available_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(plan: Plan) -> None:
    """What would make every trial fail is an error before the first one.

    Raises
    ------
    SNNError
        If the task's numbers are wrong, its data cannot be read or it does not have an objective, or if there is no
        compiler for the backend.
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


def search(plan: Plan, trials: int, workers: int, interrupt: Interrupt | None = None) -> tuple[Summary, bool]:
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
    from search.summary import summarise

    with nullcontext(interrupt) if interrupt else Interrupt() as asked, make_progress(plan.objectives) as progress:
        check(plan)
        study = begin(plan, progress.say)
        claim(study)
        try:
            driver = Driver(plan, study, local_executor(plan.task, workers), progress)
            asked.then = driver.interrupt
            if asked.asked:
                driver.interrupt()
            finished = driver.run(trials)
        finally:
            release(study)
        summary = summarise(study, plan.location)
    return summary, not finished
