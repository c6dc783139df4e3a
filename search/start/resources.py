"""What a search needs from the machine: processors, a compiler, an executor, a sampler."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.execution.faults import Say, say_aloud
from search.spec.bounds import problems_with_workers, useful_workers
from search.spec.spec import Plan
from snn.backends.genn.environment import check_genn
from snn.backends.standalone.cache.folder import cache_limit
from snn.backends.standalone.compiler import compiler
from snn.profile import Profile

if TYPE_CHECKING:
    from search.execution.executor import Executor


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
    """Make the executor for so many jobs, on this machine or on a cluster. `say` reports faults of the machine."""
    from search.execution.local import local_executor

    if cluster is None:
        cpus = available_cpus()
        return local_executor(plan.task, useful_workers(workers or cpus, jobs, cpus), profile, say)
    from search.execution.cluster import connect

    return connect(cluster, workers, say)


def check(plan: Plan, cluster: Any = None, workers: int | None = None) -> None:
    """Check, before the first trial, for anything that would make every trial fail.

    A cluster checks its own workers.

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
