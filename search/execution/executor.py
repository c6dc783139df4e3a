"""Where jobs run: `submit` gives a future, `stop` kills what runs. A cluster is another subclass."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from search.errors import ExecutorLost, StudyError
from search.faults import Faults, Say, at_fault, say_aloud
from search.job import Job, Ran, run_together
from snn.ast_guard import guard_ast
from snn.errors import Cancelled, Killed
from snn.usercode import call_user

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

    def submit_together(self, jobs: Sequence[Job]) -> Future[list[Ran | Exception]]:
        """Begin jobs of one kind that one worker runs together; the future ends with what each gave, or its error."""
        raise StudyError(f"{type(self).__name__} cannot run trials together: leave `batch` at 1.")

    @abstractmethod
    def stop(self) -> None:
        """Kill the jobs that run; their futures end with `Cancelled`. Nothing can be submitted afterwards."""


class Runner(ABC):
    """How one thread of `Local` runs one job after the other."""

    @abstractmethod
    def run(self, job: Job) -> Result:
        """Run a job and wait for it."""

    def run_together(self, jobs: Sequence[Job]) -> list[Result | Exception]:
        """Run jobs of one kind and wait for them; each gives its result or its error. Here one after the other."""
        return [result_of(self.run, job) for job in jobs]

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Wait; raise `Cancelled` as soon as it is stopped."""

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
        return job.run(self._stopped, self._task_of(job), self._profile)

    def run_together(self, jobs: Sequence[Job]) -> list[Result | Exception]:
        """Run jobs side by side."""
        return run_together(jobs, self._stopped, self._task_of(jobs[0]), self._profile)

    def _task_of(self, job: Job) -> Task | None:
        return self._task if job.task == self._json else None

    def pause(self, seconds: float) -> None:
        """Wait."""
        if self._stopped.wait(seconds):
            raise Cancelled("The run was stopped.")

    def stop(self) -> None:
        """Have the task kill its program."""
        self._stopped.set()


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


def ran_together(
    results: Sequence[Result | Exception], worker: str, began: float, ended: float
) -> list[Ran | Exception]:
    """What jobs gave that one worker ran together."""
    return [one if isinstance(one, Exception) else Ran(one, worker, began, ended) for one in results]


def attempt(runner: Runner, faults: Faults, job: Job) -> Result:
    """Run a job, and again if the machine is at fault or somebody has killed its process: the network is not to blame.

    Raises
    ------
    ExecutorLost
        If the machine is at fault every time.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return faults.endure(partial(runner.run, job), runner.pause)
        except Killed as error:
            faults.tell(error, f"The run is started again, {ATTEMPTS} times at most.")
    return faults.endure(partial(runner.run, job), runner.pause)


def attempt_together(runner: Runner, faults: Faults, jobs: Sequence[Job]) -> list[Result | Exception]:
    """Run jobs together; each gives its result or its error.

    Where that fails as a whole, as when one of them crashes the process of all, the halves are run, and so on, so that
    only those fail that are to blame. Those whose process was killed, or for which the machine was at fault, run again,
    each by itself.
    """
    if len(jobs) == 1:
        return [result_of(partial(attempt, runner, faults), jobs[0])]
    try:
        results = faults.endure(partial(runner.run_together, jobs), runner.pause)
    except (Cancelled, ExecutorLost) as error:
        return [error] * len(jobs)
    except Exception:
        half = len(jobs) // 2
        return attempt_together(runner, faults, jobs[:half]) + attempt_together(runner, faults, jobs[half:])
    lost: ExecutorLost | None = None  # then the others need not wait for the same
    for place, one in enumerate(results):
        if isinstance(one, Killed) or (isinstance(one, Exception) and at_fault(one)):
            results[place] = again = lost or result_of(partial(attempt, runner, faults), jobs[place])
            lost = again if isinstance(again, ExecutorLost) else lost
    return results


def result_of(run: Callable[[Job], Result], job: Job) -> Result | Exception:
    """What a job gives, be it an error."""
    try:
        return run(job)
    except Exception as error:
        return error


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
