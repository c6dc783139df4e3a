"""The jobs of a search: handed to the executor, and when they have ended, to who wants to know."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue

from search.executor import Executor
from search.job import Job, Ran

Then = Callable[[Future[Ran]], None]  # what is done with a job that has ended

GRACE = 3.0  # seconds that stopped jobs have to end, so that no process outlives the search


class Jobs:
    """Jobs that were submitted and have not been seen to by the one thread that submits them.

    Parameters
    ----------
    executor : Executor
        Where they run.
    """

    def __init__(self, executor: Executor):
        self._executor = executor
        self._inbox: SimpleQueue[tuple[Future[Ran], Then] | None] = SimpleQueue()
        self._underway: set[Future[Ran]] = set()

    def __len__(self) -> int:
        return len(self._underway)

    @property
    def room(self) -> bool:
        """Whether the executor takes another one."""
        return len(self._underway) < self._executor.places

    @property
    def waiting(self) -> bool:
        """Whether one has ended and waits to be seen to."""
        return not self._inbox.empty()

    def submit(self, job: Job, then: Then) -> Future[Ran]:
        """Begin a job; when it has ended, `then` is called in a call of `next`."""
        future = self._executor.submit(job)
        self._underway.add(future)
        future.add_done_callback(lambda done: self._inbox.put((done, then)))
        return future

    def next(self, timeout: float | None = None) -> None:
        """Wait for a job to end, for so many seconds at most, and do what it was submitted for."""
        try:
            item = self._inbox.get(timeout=timeout)
        except Empty:
            return
        if item is not None:
            future, then = item
            self._underway.discard(future)
            then(future)

    def wake(self) -> None:
        """Have `next` return; may be called from a signal handler."""
        self._inbox.put(None)

    def stop(self) -> None:
        """Kill what runs; it then waits to be seen to like all else, if it has ended in time."""
        self._executor.stop()
        wait(self._underway, GRACE)
