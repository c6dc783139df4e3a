"""One search from beginning to end, for the command line and for notebooks."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.analysis.summary import Summary
from search.driver.interrupt import Interrupt
from search.spec.spec import Plan
from search.start.resources import check, executor_of
from snn.profile import Profile, cpu_seconds
from snn.system.notices import said_once
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from search.driver.finish import Present


def search(
    plan: Plan,
    trials: int,
    workers: int | None = None,
    interrupt: Interrupt | None = None,
    profiled_from: float | None = None,
    cluster: Any = None,
    batch: int = 1,
    keep_going: bool = False,
    present: Present | None = None,
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
        How many trials each worker runs together (`tasks.running.batch`).
    keep_going : bool, default False
        Whether to go on although the first trials all fail for one reason (`search.driver.failures`).
    present : callable, optional
        Gives each of the best trials its figures and its note after the search
        (`search.dashboard.present.present`). Without it they get none.

    Returns
    -------
    summary : Summary
        The study afterwards.
    interrupted : bool
        Whether Ctrl-C ended it.
    """
    from search.analysis.summary import summarise
    from search.analysis.trials import count, ended
    from search.driver.driver import Driver
    from search.driver.progress import make_progress
    from search.start.opening import begin, choose_sampler
    from search.start.space_change import check_space
    from search.start.warm_start import warm_up
    from search.storage.locks.ownership import owned
    from search.storage.outages import Patience

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
            driver = Driver(plan, study, executor, progress, profile, batch, keep_going, present)
            asked.then = driver.interrupt
            if asked.asked:
                driver.interrupt()
            finished = driver.run(trials)
            summary = summarise(study, plan.location)
    if profile is not None and profiled_from is not None:
        report = profile.report(ended(summary.trials) - before, cpu_seconds() - profiled_from)
        summary = replace(summary, profile=report)
    return summary, not finished
