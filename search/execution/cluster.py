"""An executor that sends jobs to a cluster through the client of dask.distributed.

A scheduler and workers are started with Dask's own means, for example by hand::

    dask scheduler --host 10.0.0.1                                        # on one machine
    dask worker tcp://10.0.0.1:8786 --nworkers 8 --nthreads 1             # on each of the others
    snnsearch run my_study.py --trials 2000 --cluster tcp://10.0.0.1:8786

or from Python by dask-jobqueue, which submits workers as jobs of Slurm, PBS and others::

    from dask_jobqueue import SLURMCluster  # or PBSCluster
    from distributed import Client

    cluster = SLURMCluster(cores=8, processes=8, memory="16 GB", walltime="04:00:00")
    cluster.scale(jobs=16)
    study.run(trials=2000, cluster=Client(cluster))

Workers need this package in the driver's version, a C++ compiler where programs are compiled, and nothing else: not
the study's storage, not its script. A script that defines a task, a neuron or a rule is sent along; modules of yours
that it imports must be installed on the workers, or lie beside it on a file system that they share. Programs are
built once for each cache, that is for each machine, or once for all machines that share the folder
``SNNSEARCH_CACHE``.

Dask's connections are open to everybody on the network unless it is configured for TLS, and who can reach a scheduler
can run code on its workers: keep it inside the cluster's own network.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import ExecutorLost, StudyError
from search.execution.answer import results
from search.execution.dask_calls import DaskCalls, one_line
from search.execution.executor import Executor
from search.execution.faults import Faults, Say, say_aloud
from search.execution.runner import ran_together
from search.spec.job import Job, Ran
from search.storage.location import mask
from snn import errors, serial

if TYPE_CHECKING:
    from distributed import Client
OURS = {"snn", "tasks"}  # packages whose classes every worker has
ATTEMPTS = 2  # how often Dask is asked to run a job; each time it bears with `allowed-failures` dead workers (3)
CONNECT = 10.0  # seconds within which a scheduler must answer
FOLLOW = 2.0  # seconds between two looks at how many threads the cluster has
TRIES, PAUSE = 5, 0.5  # to reach all workers, and seconds between


class Cluster(Executor):
    """Runs jobs on the workers of a cluster; what travels is text and bytes.

    A worker that dies costs the job that it ran, which Dask runs again on another one.

    Parameters
    ----------
    client : distributed.Client
        Connected to the scheduler.
    workers : int, optional
        Jobs at a time; by default as many as the cluster has threads, at any moment. A cluster that adapts itself to
        its load grows only if it is asked for more than it has: give it the number that it may grow to.
    owned : bool, default False
        Whether to close the client in the end.
    say : callable, optional
        Told of faults of a worker's machine, on standard error by default.

    Raises
    ------
    StudyError
        If workers lack the package or have another version of it.
    """

    def __init__(self, client: Client, workers: int | None = None, owned: bool = False, say: Say = say_aloud):
        self._calls = DaskCalls(client)
        self._faults = Faults(say)
        self._owned = owned
        self._sources: dict[str, str] = {}
        self.threads = self._settle_in()
        super().__init__(workers or max(1, self.threads))
        self._follower = None if workers else self._calls.spawn(self._follow())

    def __str__(self) -> str:
        workers = self._calls.workers()
        waits = "" if workers else "; trials wait for workers"
        at_a_time = f"threads {self.threads}, jobs at a time {self.workers}{waits}"
        return f"cluster {self._calls.address}: workers {workers}, {at_a_time}"

    def submit(self, job: Job) -> Future[Ran]:
        """Hand the job to the scheduler."""
        return self._calls.spawn(self._run_one(job, self._checked_source([job])))

    def submit_together(self, jobs: Sequence[Job]) -> Future[list[Ran | Exception]]:
        """Hand the jobs to the scheduler, as one."""
        return self._calls.spawn(self._run(jobs, self._checked_source(jobs)))

    def stop(self) -> None:
        """Cancel what is queued, and kill what runs."""
        if self._calls.stopped:
            return
        self._calls.stop()
        if self._follower is not None:
            self._follower.cancel()
        if self._owned:
            self._calls.close()

    def _settle_in(self) -> int:
        """Have the workers know what a job is; the number of their threads.

        A worker that dies in this very moment breaks the call to all of them, which is then made again.
        """
        tries = 0
        while True:
            tries += 1
            try:
                if problem := self._other_versions(self._calls.versions()):
                    raise StudyError(problem)
                self._calls.register()
                return self._calls.threads()
            except OSError as error:
                if tries == TRIES or self._calls.status != "running":
                    raise self._calls.lost(error) from None
                time.sleep(PAUSE)

    # ---- on the client's event loop

    async def _run_one(self, job: Job, source: str | None) -> Ran:
        (ran,) = await self._run([job], source)
        if isinstance(ran, Exception):
            raise ran
        return ran

    async def _run(self, jobs: Sequence[Job], source: str | None) -> list[Ran | Exception]:
        """Jobs that run together; if they cannot, their halves."""
        from distributed import KilledWorker

        problem: errors.RunError | ExecutorLost | None = None
        for _ in range(ATTEMPTS if len(jobs) == 1 else 1):
            try:
                answer, data = await self._calls.ask(jobs, source)
            except KilledWorker as error:
                problem = _given_up(f"workers that died: {error.allowed_failures + 1}")
            except errors.Cancelled:
                raise
            except errors.RunError as error:
                problem = error
                break
            else:
                ran = self._ran(answer, data)
                lost = next((one for one in ran if isinstance(one, ExecutorLost)), None)
                if lost is None and not any(isinstance(one, errors.Cancelled) for one in ran):
                    return ran
                problem = lost or _given_up(f"{answer['worker']} was told to stop")
        if half := len(jobs) // 2:
            first, second = await asyncio.gather(self._run(jobs[:half], source), self._run(jobs[half:], source))
            return first + second
        assert problem is not None
        return [problem]

    async def _follow(self) -> None:
        """Keep to the number of threads of a cluster that grows and shrinks."""
        while not self._calls.stopped:
            await asyncio.sleep(FOLLOW)
            with suppress(OSError):  # jobs will say so
                self.threads = await self._calls.threads_now()
                self.workers = max(1, self.threads)

    # ---- answers

    def _ran(self, answer: dict[str, Any], data: Sequence[bytes]) -> list[Ran | Exception]:
        worker = answer["worker"]
        if mismatch := next((said for said in answer["errors"] if said and said["error"] == "Mismatch"), None):
            raise ExecutorLost(self._other_versions({worker: mismatch["message"]}))
        for text in answer["faults"]:
            self._faults.tell(errors.MachineError(text), f"That was on the worker {worker}.")
        return ran_together(results(answer, data), worker, answer["began"], answer["ended"])

    def _other_versions(self, found: dict[str, str]) -> str:
        mine = self._calls.version
        others = {worker: theirs for worker, theirs in found.items() if theirs != mine}
        if not others:
            return ""
        worker, other = next(iter(others.items()))
        more = f", and {len(others) - 1} more differ" if len(others) > 1 else ""
        return (
            f"Workers must have the driver's version of snnsearch, {mine}, but {worker} has {other}{more}: "
            f"install snnsearch {mine} there."
        )

    def _checked_source(self, jobs: Sequence[Job]) -> str | None:
        """The source of one of the jobs, if the cluster is there to run them."""
        if self._calls.status not in ("running", "connecting"):
            raise self._calls.lost()
        return next(filter(None, map(self._source, jobs)), None)

    def _source(self, job: Job) -> str | None:
        """Text of the job's script, if its task, neurons or rules come from there and not from the package."""
        if job.script is None or serial.packages(job.task) | serial.packages(job.network) <= OURS:
            return None
        if job.script not in self._sources:
            # workers never open the storage: they need not know its password
            self._sources[job.script] = mask(Path(job.script).read_text(encoding="utf-8"))
        return self._sources[job.script]


def _given_up(reason: str) -> errors.RunError:
    return errors.RunError(f"The run crashed its worker {ATTEMPTS} times ({reason}). The workers may be out of memory.")


def connect(cluster: str | Client, workers: int | None = None, say: Say = say_aloud) -> Cluster:
    """The executor of a cluster.

    Parameters
    ----------
    cluster : str or distributed.Client
        Address of the scheduler, such as ``"tcp://10.0.0.1:8786"``, or a client that is connected to it.
    workers : int, optional
        As in `Cluster`.
    say : callable, optional
        Told of faults of a worker's machine, on standard error by default.

    Raises
    ------
    StudyError
        If there is no such scheduler, or the extra `cluster` is not installed.
    """
    try:
        from distributed import Client
    except ImportError:
        raise StudyError(
            "A cluster needs dask.distributed, which is not installed: `pip install 'snnsearch[cluster]'`."
        ) from None
    if isinstance(cluster, Client):
        return Cluster(cluster, workers, say=say)
    if not isinstance(cluster, str) or not re.fullmatch(r"[a-z]+://[^\s/]+:\d+", cluster):
        raise StudyError(
            f"`cluster` must be the address of a scheduler, such as tcp://10.0.0.1:8786, or a distributed.Client, "
            f"but is {cluster!r}."
        )
    for name in ("distributed", "distributed.client"):  # what they report is an error of ours, said once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(cluster, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"The Dask scheduler at {cluster} does not answer ({one_line(error)}). "
            "Start one with `dask scheduler`, or give the address that it printed."
        ) from None
    try:
        return Cluster(client, workers, owned=True, say=say)
    except BaseException:
        client.close()
        raise
