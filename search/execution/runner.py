"""Runners run one job at a time, and retry jobs killed by an external signal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from search.errors import ExecutorLost
from search.execution.faults import Faults, at_fault
from search.spec.job import Job, Ran, run_together
from snn.errors import Cancelled, Killed

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.results.result import Result
    from tasks import Task

ATTEMPTS = 3  # runs of a job whose process is killed from outside


class Runner(ABC):
    """Runs jobs one after the other, for one thread of `Local`."""

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


def ran_together(
    results: Sequence[Result | Exception], worker: str, began: float, ended: float
) -> list[Ran | Exception]:
    """Return the results of jobs that one worker ran together."""
    return [one if isinstance(one, Exception) else Ran(one, worker, began, ended) for one in results]


def attempt(runner: Runner, faults: Faults, job: Job) -> Result:
    """Run a job; retry it after a fault of the machine, or if an external signal killed its process.

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
    """Return the result of a job, or the error that it raised."""
    try:
        return run(job)
    except Exception as error:
        return error
