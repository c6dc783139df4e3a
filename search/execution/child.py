"""The child process of a runner: reads jobs from standard input and answers on standard output."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from search.execution.faults import at_fault
from search.spec.job import Job, run_together
from search.spec.script import Script, load_module
from snn.errors import MachineError, SNNError
from snn.profile import Profile, stage
from snn.system.ast_guard import guard_ast
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from snn.results.result import Result
    from tasks import Task


def main() -> None:
    """Serve until standard input ends, which it also does when the driver dies."""
    guard_ast()  # a user's code may start threads
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a run prints must not be taken for an answer
    jobs: SimpleQueue[str] = SimpleQueue()
    Thread(target=_read, args=(jobs,), daemon=True).start()
    import tasks  # noqa: F401  the long imports, before the clock of the first job starts

    answers.write("ready\n")
    kept = Kept()
    while True:
        answers.flush()
        answers.write(_serve(jobs.get(), kept) + "\n")


@dataclass
class Kept:
    """Data kept between jobs: the scripts that were imported, and tasks (by their JSON) with their data."""

    imported: set[str] = field(default_factory=set)
    tasks: dict[str, Task] = field(default_factory=dict)


def _read(jobs: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # in the middle of a run too: nobody waits for it any more


def _serve(line: str, kept: Kept) -> str:
    told = json.loads(line)
    profile = Profile() if told["profile"] else None
    jobs = [Job.from_json(text) for text in told["jobs"]]
    results = _run([job for job, _ in jobs], profile, kept)
    ended = [_answer(one, job, more["result"], profile) for one, (job, more) in zip(results, jobs, strict=True)]
    return json.dumps({"ended": ended} if profile is None else {"ended": ended, "profile": profile.to_json()})


def _limit(memory: int | None) -> None:
    """Have allocations fail that would take this process beyond the limit of its present job."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = resource.RLIM_INFINITY if memory is None else memory
    if hard != resource.RLIM_INFINITY:
        wanted = hard if memory is None else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _out_of_memory(error: BaseException | None) -> bool:
    """Whether that is why, below what Brian2 has made of it."""
    if error is None or isinstance(error, MemoryError):
        return error is not None
    return _out_of_memory(error.__cause__ or error.__context__)


def _run(jobs: Sequence[Job], profile: Profile | None, kept: Kept) -> list[Result | Exception]:
    """Run jobs of one kind; what went wrong, if anything did, in place of a result."""
    one = jobs[0]
    try:
        task = call_user(_task, one, kept)
        _limit(one.memory)
        return run_together(jobs, task=task, profile=profile)
    except Exception as error:
        return [error] * len(jobs)


def _task(one: Job, kept: Kept) -> Task:
    """The task of a job, whose script is imported first."""
    from tasks import Task

    if one.script is not None and one.script not in kept.imported:
        with suppress(OSError):  # another machine without that folder
            os.chdir(one.started_in or ".")
        load_module(Script.read(one.script))
        kept.imported.add(one.script)
    if one.task not in kept.tasks:
        kept.tasks[one.task] = Task.from_json(one.task)
    return kept.tasks[one.task]


def _answer(result: Result | Exception, job: Job, path: str, profile: Profile | None) -> dict[str, str]:
    """Write a result; what went wrong, if anything did."""
    try:
        if isinstance(result, Exception):
            raise result
        with stage(profile, "read"):  # how it comes back from here
            _save(result, path)
    except SNNError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except Exception as error:
        _limit(None)
        if at_fault(error):
            return {"error": MachineError.__name__, "message": f"{type(error).__name__}: {error}"}
        if job.memory is not None and _out_of_memory(error):
            words = f"The run needs more than the {job.memory / 2**20:.4g} MiB of memory that it was given"
            return {"error": "RunError", "message": f"{words}: raise --memory-limit or make the network smaller."}
        return {"error": "RunError", "message": f"{type(error).__name__}: {error}"}
    return {}


def _save(result: Result, path: str) -> None:
    try:
        result.save(path)
    except OSError as error:
        raise MachineError(f"A result cannot be written to {path}: {error.strerror or error}.") from error
