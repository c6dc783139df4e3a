"""The side of a cluster worker: runs jobs, and keeps data and scripts between them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, get_worker

from search.errors import ExecutorLost
from search.execution.child_process import InProcess
from search.execution.faults import Faults
from search.execution.runner import InThread, Runner, attempt_together
from search.spec.job import Job
from search.storage.location import mask
from snn.errors import Cancelled, SNNError
from snn.system.ast_guard import guard_ast
from snn.system.usercode import call_user
from snn.system.versions import installed

if TYPE_CHECKING:
    from distributed import Worker

    from snn.results.result import Result
    from tasks import Task

PACKAGE = "snnsearch"
GRACE = 3.0  # seconds that stopped jobs have to end


class Bench(WorkerPlugin):
    """Data that one worker of the cluster keeps for one search: tasks with their data, runners, copies of scripts.

    A job whose task, neurons or rules a script defines runs in a process of its own, as Brian2 in process does: the
    worker itself imports the package only, so two scripts, or two states of one, never meet in it.

    Parameters
    ----------
    name : str
        The search's: several may share a cluster.
    """

    def __init__(self, name: str):
        self.name = name

    def setup(self, worker: Worker) -> None:
        """Begin empty."""
        guard_ast()
        self._folder = Path(worker.local_directory)
        self._lock = Lock()  # never held for long: the worker's event loop takes it too
        self._reading = Lock()
        self._tasks: dict[str, Task] = {}
        self._idle: dict[tuple[str | None, ...], list[Runner]] = {}
        self._running: dict[str, Runner] = {}
        self._cancelled: set[str] = set()  # before they were seen to run
        self._inside: set[str] = set()  # jobs whose thread has not come back
        self._closed = False  # a thread that comes late begins nothing

    async def teardown(self, worker: Worker) -> None:
        """Leave no process behind."""
        with self._lock:
            self._closed = True
            runners = [*self._running.values(), *(one for idle in self._idle.values() for one in idle)]
            self._idle.clear()
            self._running.clear()
        for runner in runners:
            runner.stop()
        end = time.monotonic() + GRACE
        while self._inside and time.monotonic() < end:
            await asyncio.sleep(0.02)

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        """Stop the job `key` if nobody waits for it any more: it was cancelled, or its driver is gone."""
        if start != "executing" or finish != "released" or not str(key).startswith(self.name):
            return
        with self._lock:
            runner = self._running.pop(key, None)
            if runner is None:
                self._cancelled.add(key)
        if runner is not None:
            runner.stop()

    def run(self, key: str, jobs: Sequence[Job], source: str | None, faults: Faults) -> list[Result | Exception]:
        """Run jobs of one kind together, in the calling thread or behind it; each gives its result or its error."""
        script = None if source is None else str(self._script(jobs[0].script, source))
        jobs = [replace(job, script=script) for job in jobs]
        job = jobs[0]
        apart = script is not None or job.backend.startswith("runtime")
        place = (script, None if apart else job.task)
        with self._lock:
            runner = idle.pop() if (idle := self._idle.get(place)) else None
        runner = runner or (InProcess() if apart else InThread(self._task(job.task)))
        with self._lock:
            if self._closed or key in self._cancelled:
                self._cancelled.discard(key)
                runner.stop()  # it may have a process
                raise Cancelled("The run was stopped.")
            self._running[key] = runner
            self._inside.add(key)
        try:
            return attempt_together(runner, faults, jobs)
        finally:
            with self._lock:
                self._inside.discard(key)
                if self._running.pop(key, None) is not None:  # else it was stopped, which is for ever
                    self._idle.setdefault(place, []).append(runner)

    def _task(self, text: str) -> Task:
        """The task, whose data are read once for all threads of the worker."""
        from tasks import Task

        with self._reading:
            if text not in self._tasks:
                self._tasks[text] = Task.from_json(text)
                _ = self._tasks[text].data_hash  # reads the data
            return self._tasks[text]

    def _script(self, path: str | None, source: str) -> Path:
        """The file that holds this source: the driver's own, with what lies beside it, if it is there; or a copy."""
        here = Path(path or "script.py")
        try:
            if mask(here.read_text(encoding="utf-8")) == source:
                return here
        except (OSError, UnicodeDecodeError):
            pass  # another machine without that file
        copy = self._folder / f"{PACKAGE}-{sha256(source.encode()).hexdigest()[:16]}" / here.name
        try:
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                part = copy.with_suffix(f".{os.getpid()}-{id(source)}")
                part.write_text(source, encoding="utf-8")
                os.replace(part, copy)
        except OSError as error:  # a full disk, say: another worker may run the job
            raise ExecutorLost(f"The script cannot be written to {copy}: {error.strerror or error}.") from error
        return copy


def run_jobs(
    name: str, version: str, texts: list[str], afters: list[bytes | None], source: str | None
) -> tuple[str, list[bytes]]:
    """Run jobs of one kind together on the worker that this is called on.

    Parameters
    ----------
    name : str
        The search's.
    version : str
        The driver's version of the package.
    texts : list of str
        JSON of each job, without what it goes on from.
    afters : list of bytes or None
        What each goes on from.
    source : str or None
        Text of the script that defines their task, neurons or rules, if one does.

    Returns
    -------
    text : str
        JSON: `worker`, `began`, `ended`, for each job in `errors` None, or its `error` (the type) and `message`, and in
        `faults` what was said of faults of the worker's machine.
    results : list of bytes
        `Result.to_bytes` of each, or nothing.
    """
    worker = get_worker()
    began = time.time()
    told: list[str] = []
    try:
        if (mine := installed(PACKAGE)) != version:
            raise Mismatch(mine)
        jobs = [replace(Job.from_json(text)[0], after=after) for text, after in zip(texts, afters, strict=True)]
        bench = worker.plugins[name]
        assert isinstance(bench, Bench)
        # it may read a user's data
        results = call_user(bench.run, str(worker.get_current_task()), jobs, source, Faults(told.append))
    except Exception as error:
        results = [error] * len(texts)
    data = [b"" if isinstance(one, Exception) else one.to_bytes() for one in results]
    said = {"worker": worker.address, "began": began, "ended": time.time(), "errors": [_words(one) for one in results]}
    return json.dumps(said | {"faults": told}), data


def _words(result: Result | Exception) -> dict[str, str] | None:
    """Return the description of an error, if there is one."""
    if not isinstance(result, Exception):
        return None
    if isinstance(result, SNNError):
        return {"error": type(result).__name__, "message": str(result)}
    return {"error": "RunError", "message": f"{type(result).__name__}: {result}"}


class Mismatch(SNNError):
    """The worker has another version of the package than the driver; its text is that version."""
