"""The calls that a search makes to a Dask cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from search.errors import ExecutorLost
from search.spec.job import Job
from snn import errors
from snn.system.versions import installed

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
GRACE = 5.0  # seconds that workers have to stop what they run


class DaskCalls:
    """Submits jobs to a cluster and cancels them. Several searches may share the cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected to the scheduler.

    Attributes
    ----------
    address : str
        The address of the scheduler, for messages.
    version : str
        The version of the package on this machine, which the workers must have too.
    stopped : bool
        Whether `stop` was called.
    """

    def __init__(self, client: Client):
        from search.execution.cluster_worker import PACKAGE

        self._client = client
        self._loop: Any = client.loop
        self._name = f"snnsearch-{uuid4().hex[:12]}"
        self._numbers = count()
        self._underway: set[Any] = set()
        self._lost = False
        self.address = "the cluster" if client.scheduler is None else client.scheduler.address
        self.version = installed(PACKAGE)
        self.stopped = False

    @property
    def status(self) -> str:
        """The state of the connection, in Dask's words."""
        return self._client.status

    def workers(self) -> int:
        """Count the workers."""
        return len(self._client.nthreads())

    def threads(self) -> int:
        """Count the threads of all workers."""
        return sum(self._client.nthreads().values())

    def versions(self) -> dict[str, str]:
        """Return the version of the package on each worker.

        Raises
        ------
        OSError
            If a worker has gone.
        """
        from search.execution.cluster_worker import PACKAGE

        found = self._client.run(version, PACKAGE, on_error="return")
        for answer in found.values():
            if isinstance(answer, OSError):
                raise answer
        return {
            worker: "not installed" if isinstance(answer, Exception) else answer for worker, answer in found.items()
        }

    def register(self) -> None:
        """Prepare the present and the later workers for jobs of this search."""
        from search.execution.cluster_worker import Bench

        self._client.register_plugin(Bench(self._name), name=self._name)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the event loop of the client."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop.asyncio_loop)

    def stop(self) -> None:
        """Cancel the queued jobs and kill those that run, unless the scheduler is gone."""
        self.stopped = True
        if not self._lost:
            with suppress(Exception):  # a scheduler that goes now runs nothing either
                self.spawn(self._cancel()).result(GRACE)

    def close(self) -> None:
        """Close the client."""
        with suppress(Exception):
            self._client.close(timeout=GRACE)

    def lost(self, error: BaseException | None = None) -> ExecutorLost:
        """Record that the scheduler is gone, and return the error that says so."""
        self._lost = True
        why = f" ({one_line(error)})" if isinstance(error, OSError) and str(error) else ""
        return ExecutorLost(
            f"Lost connection to the Dask scheduler at {self.address}{why}. Finished trials were saved. "
            "Restart the scheduler and rerun the same command."
        )

    # ---- on the event loop of the client

    async def threads_now(self) -> int:
        """Count the threads of all workers, on the event loop."""
        return sum((await self._client.nthreads(asynchronous=True)).values())

    async def ask(self, jobs: Sequence[Job], source: str | None) -> tuple[dict[str, Any], list[bytes]]:
        """Run jobs together on a worker, in one attempt.

        Parameters
        ----------
        jobs : sequence of Job
            Jobs of one kind.
        source : str or None
            Text of the script that defines their task, neurons or rules, if one does.

        Returns
        -------
        answer : dict
            The JSON of `search.execution.cluster_worker.run_jobs`, read.
        data : list of bytes
            The result of each job.

        Raises
        ------
        Cancelled
            If the search was stopped.
        ExecutorLost
            If the scheduler is gone.
        KilledWorker
            If too many workers died while they ran the jobs.
        RunError
            If a worker could not begin to run them.
        """
        from dask import config
        from distributed import CancelledError, KilledWorker

        from search.execution.cluster_worker import run_jobs

        if self.stopped:
            raise errors.Cancelled("The run was stopped.")
        key = f"{self._name}-{next(self._numbers)}"
        texts, afters = [replace(job, after=None).to_json() for job in jobs], [job.after for job in jobs]
        with config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):  # a state may have 10 MB
            given = (self._name, self.version, texts, afters, source)
            future = self._client.submit(run_jobs, *given, key=key, pure=False)
        self._underway.add(future)
        gathering = asyncio.ensure_future(self._client.gather(future, asynchronous=True))
        try:
            answer, data = await asyncio.shield(gathering)
            return json.loads(answer), data
        except (CancelledError, asyncio.CancelledError, OSError) as error:
            if self.stopped:
                raise errors.Cancelled("The run was stopped.") from None
            if (task := asyncio.current_task()) is not None and task.cancelling():
                await self._client.cancel([future], asynchronous=True)  # nobody waits for the job any more
                await asyncio.gather(gathering, return_exceptions=True)
                raise
            raise self.lost(error) from None
        except KilledWorker:
            raise
        except Exception as error:  # what the worker could not even begin
            raise errors.RunError(f"A worker of {self.address} failed: {type(error).__name__}: {error}") from error
        finally:
            self._underway.discard(future)

    async def _cancel(self) -> None:
        await self._client.cancel(list(self._underway), asynchronous=True)
        await self._client._unregister_worker_plugin(self._name)  # which stops its runners; not public as a coroutine
        while self._underway:
            await asyncio.sleep(0.01)


def one_line(error: BaseException) -> str:
    """Return the text of an error in one line."""
    return " ".join(str(error).split())
