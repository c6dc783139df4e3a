"""Executors of this machine: threads, each with a runner of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from search.execution.executor import Executor
from search.execution.faults import Faults, Say, say_aloud
from search.execution.runner import InThread, Runner, attempt, attempt_together, ran_together
from search.spec.job import Job, Ran
from snn.system.ast_guard import guard_ast
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.results.result import Result
    from tasks import Task

Work = Callable[[Runner, str], Any]  # what a thread does, with its runner and its name


class Local(Executor):
    """Threads of this process, each with a runner of its own.

    Parameters
    ----------
    workers : int
        How many threads.
    runner : callable
        Makes the runner of a thread.
    faults : Faults, optional
        What to do about faults of the machine; by default they are told on standard error.
    """

    def __init__(self, workers: int, runner: Callable[[], Runner], faults: Faults | None = None):
        super().__init__(workers)
        guard_ast()
        self._faults = faults or Faults(say_aloud)
        self._queue: SimpleQueue[tuple[Work, Future[Any]] | None] = SimpleQueue()
        self._runners = [runner() for _ in range(workers)]
        for number, one in enumerate(self._runners):
            # daemon: a job that cannot be stopped must not keep an interrupted search from ending
            name = f"worker {number}"
            Thread(target=self._work, args=(one, name), name=name, daemon=True).start()

    def submit(self, job: Job) -> Future[Ran]:
        """Hand the job to the next free thread."""
        return self._hand_over(partial(_ran, self._faults, job))

    def submit_together(self, jobs: Sequence[Job]) -> Future[list[Ran | Exception]]:
        """Hand the jobs to the next free thread."""
        return self._hand_over(partial(_ran_together, self._faults, jobs))

    def _hand_over(self, work: Work) -> Future[Any]:
        future: Future[Any] = Future()
        self._queue.put((work, future))
        return future

    def stop(self) -> None:
        """Kill the jobs that run and end the threads."""
        for runner in self._runners:
            runner.stop()
            self._queue.put(None)

    def _work(self, runner: Runner, name: str) -> None:
        while (item := self._queue.get()) is not None:
            work, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                done = call_user(work, runner, name)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(done)


def _ran(faults: Faults, job: Job, runner: Runner, name: str) -> Ran:
    began = time.time()
    return Ran(attempt(runner, faults, job), name, began, time.time())


def _ran_together(faults: Faults, jobs: Sequence[Job], runner: Runner, name: str) -> list[Ran | Exception]:
    began = time.time()
    return ran_together(attempt_together(runner, faults, jobs), name, began, time.time())


class ByBackend(Runner):
    """A thread for compiled programs; for Brian2 in process, which has global state, a process behind the thread.

    Parameters
    ----------
    task : Task
        Shared by all threads.
    profile : Profile, optional
        Where the CPU time of jobs is counted.
    """

    def __init__(self, task: Task, profile: Profile | None = None):
        from search.execution.child_process import InProcess

        self._thread = InThread(task, profile)
        self._process = InProcess(profile)

    def run(self, job: Job) -> Result:
        """Run a job where its backend can run."""
        return self._runner(job).run(job)

    def run_together(self, jobs: Sequence[Job]) -> list[Result | Exception]:
        """Run jobs where their backend can run."""
        return self._runner(jobs[0]).run_together(jobs)

    def _runner(self, job: Job) -> Runner:
        return self._process if job.backend.startswith("runtime") else self._thread

    def pause(self, seconds: float) -> None:
        """Wait."""
        self._thread.pause(seconds)

    def stop(self) -> None:
        """Stop both."""
        self._thread.stop()
        self._process.stop()


def local_executor(task: Task, workers: int, profile: Profile | None = None, say: Say = say_aloud) -> Executor:
    """The executor of one machine; `say` is told of faults of the machine."""
    return Local(workers, lambda: ByBackend(task, profile), Faults(say))
