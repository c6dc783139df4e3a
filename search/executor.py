"""Where jobs run: `submit` gives a future, `stop` kills what runs. A cluster is another subclass."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

from search.job import Job, Ran
from snn.errors import Killed

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.result import Result
    from tasks import Task


MOST_AHEAD = 16
ATTEMPTS = 3  # runs of a job whose process is killed from outside


class Executor(ABC):
    """Runs jobs, at most `workers` at a time.

    Parameters
    ----------
    workers : int
        How many jobs may run at once.
    """

    def __init__(self, workers: int):
        self.workers = workers

    @property
    def places(self) -> int:
        """How many jobs to hand over: a few wait, so that no worker waits for the driver.

        Not with one worker, where each suggestion may learn from all before it.
        """
        return self.workers + (min(MOST_AHEAD, math.ceil(self.workers / 4)) if self.workers > 1 else 0)

    @abstractmethod
    def submit(self, job: Job) -> Future[Ran]:
        """Begin a job; its future ends with what it gave or with the error that it ended with."""

    @abstractmethod
    def stop(self) -> None:
        """Kill the jobs that run; their futures end with `Cancelled`. Nothing can be submitted afterwards."""


class Runner(ABC):
    """How one thread of `Local` runs one job after the other."""

    @abstractmethod
    def run(self, job: Job) -> Result:
        """Run a job and wait for it."""

    @abstractmethod
    def stop(self) -> None:
        """Make the present job, and every later one, end with `Cancelled`; called from another thread."""


class InThread(Runner):
    """Runs the job in the calling thread, which waits there for the compiled program.

    Parameters
    ----------
    task : Task
        Shared by all threads.
    profile : Profile, optional
        Where the CPU time of jobs is counted.
    """

    def __init__(self, task: Task, profile: Profile | None = None):
        self._task = task
        self._profile = profile
        self._json = task.to_json()
        self._stopped = Event()

    def run(self, job: Job) -> Result:
        """Run a job and wait for it."""
        return job.run(self._stopped, self._task if job.task == self._json else None, self._profile)

    def stop(self) -> None:
        """Have the task kill its program."""
        self._stopped.set()


class Local(Executor):
    """Threads of this process, each with a runner of its own.

    Parameters
    ----------
    workers : int
        How many threads.
    runner : callable
        Makes the runner of a thread.
    """

    def __init__(self, workers: int, runner: Callable[[], Runner]):
        super().__init__(workers)
        self._queue: SimpleQueue[tuple[Job, Future[Ran]] | None] = SimpleQueue()
        self._runners = [runner() for _ in range(workers)]
        for number, one in enumerate(self._runners):
            # daemon: a job that cannot be stopped must not keep an interrupted search from ending
            name = f"worker {number}"
            Thread(target=self._work, args=(one, name), name=name, daemon=True).start()

    def submit(self, job: Job) -> Future[Ran]:
        """Hand the job to the next free thread."""
        future: Future[Ran] = Future()
        self._queue.put((job, future))
        return future

    def stop(self) -> None:
        """Kill the jobs that run and end the threads."""
        for runner in self._runners:
            runner.stop()
            self._queue.put(None)

    def _work(self, runner: Runner, name: str) -> None:
        while (item := self._queue.get()) is not None:
            job, future = item
            if not future.set_running_or_notify_cancel():
                continue
            began = time.time()
            try:
                result = attempt(runner, job)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(Ran(result, name, began, time.time()))


def attempt(runner: Runner, job: Job) -> Result:
    """Run a job, and again if somebody has killed its process, for which the network is not to blame."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Killed):
            return runner.run(job)
    return runner.run(job)


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
        from search.process import InProcess

        self._thread = InThread(task, profile)
        self._process = InProcess(profile)

    def run(self, job: Job) -> Result:
        """Run a job where its backend can run."""
        return (self._process if job.backend.startswith("runtime") else self._thread).run(job)

    def stop(self) -> None:
        """Stop both."""
        self._thread.stop()
        self._process.stop()


def local_executor(task: Task, workers: int, profile: Profile | None = None) -> Executor:
    """The executor of one machine."""
    return Local(workers, lambda: ByBackend(task, profile))
