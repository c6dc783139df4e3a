"""The job queue of a search: submits jobs to the executor and dispatches their results to callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from queue import Empty, SimpleQueue

from search.execution.executor import Executor
from search.spec.job import Job, Ran
from snn.errors import Cancelled

Then = Callable[[Future[Ran]], None]  # what is done with a job that has ended

GRACE = 3.0  # seconds that stopped jobs have to end, so that no process outlives the search


class Jobs:
    """Jobs that were submitted and have not been seen to by the one thread that submits them.

    Parameters
    ----------
    executor : Executor
        Where they run.
    batch : int
        How many jobs a worker runs together.

    Notes
    -----
    With a batch above 1, jobs are held until there are so many, and fewer are sent only where a worker would idle while
    nothing else can come: when this thread is about to wait. Those that end at the same place of the stream go first
    with each other.
    """

    def __init__(self, executor: Executor, batch: int = 1):
        self._executor, self._batch = executor, batch
        self._inbox: SimpleQueue[tuple[Future[Ran], Then] | None] = SimpleQueue()
        self._underway: set[Future[Ran]] = set()
        self._held: list[tuple[Job, Future[Ran]]] = []
        self._sent: set[Future[list[Ran | Exception]]] = set()  # batches

    def __len__(self) -> int:
        return len(self._underway)

    @property
    def room(self) -> bool:
        """Whether another one is of use: executor and batches take it."""
        return len(self._underway) < self._executor.places * self._batch

    @property
    def waiting(self) -> bool:
        """Whether one has ended and waits to be seen to."""
        return not self._inbox.empty()

    def submit(self, job: Job, then: Then) -> Future[Ran]:
        """Begin a job; when it has ended, `then` is called in a call of `next`."""
        future: Future[Ran] = self._executor.submit(job) if self._batch == 1 else Future()
        self._underway.add(future)
        future.add_done_callback(lambda done: self._inbox.put((done, then)))
        if self._batch > 1:
            self._held.append((job, future))
            self._send()
        return future

    def next(self, timeout: float | None = None) -> None:
        """Wait for a job to end, for so many seconds at most, and do what it was submitted for."""
        if self._held and not self.waiting:
            self._send(all_of_them=True)
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
        for _, future in self._held:
            if future.set_running_or_notify_cancel():
                future.set_exception(Cancelled("The run was stopped."))
        self._held.clear()
        self._executor.stop()
        wait(self._underway, GRACE)

    # ---- batches

    def _send(self, all_of_them: bool = False) -> None:
        """Send whole batches while the executor takes them; if asked to, all others to workers that would idle."""
        self._sent = {batch for batch in self._sent if not batch.done()}
        while len(self._held) >= self._batch and len(self._sent) < self._executor.places:
            self._send_batch(self._batch)
        while all_of_them and self._held and (idle := self._executor.workers - len(self._sent)) > 0:
            self._send_batch(min(self._batch, math.ceil(len(self._held) / idle)))

    def _send_batch(self, size: int) -> None:
        """Send so many of those that are held, or fewer."""
        first = self._held[0][0]
        fitting = [item for item in self._held if item[0].kind == first.kind]
        fitting.sort(key=lambda item: item[0].upto != first.upto)
        chosen = fitting[:size]
        taken = {future for _, future in chosen}
        self._held = [item for item in self._held if item[1] not in taken]
        batch = [(job, future) for job, future in chosen if future.set_running_or_notify_cancel()]
        if not batch:  # all were cancelled
            return
        futures = [future for _, future in batch]
        try:
            sent = self._executor.submit_together([job for job, _ in batch])
        except Exception as error:  # the executor is gone
            return _hand_out(futures, [error] * len(futures))
        self._sent.add(sent)
        sent.add_done_callback(partial(_end, futures))


def _end(futures: Sequence[Future[Ran]], sent: Future[list[Ran | Exception]]) -> None:
    """A batch has ended: so have its jobs."""
    error = Cancelled("The run was stopped.") if sent.cancelled() else sent.exception()
    _hand_out(futures, sent.result() if error is None else [error] * len(futures))


def _hand_out(futures: Sequence[Future[Ran]], results: Sequence[Ran | BaseException]) -> None:
    for future, result in zip(futures, results, strict=True):
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
