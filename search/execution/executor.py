"""The interface of executors, which run jobs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future

from search.errors import StudyError
from search.spec.job import Job, Ran

MOST_AHEAD = 16


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
        """The number of jobs to submit. A few of them wait, so that no worker waits for the driver.

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
