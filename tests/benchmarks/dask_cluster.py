"""A cluster of Dask on loopback whose workers can be killed, for `tests.benchmarks.faults`."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import free_port

LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


class DaskCluster:
    """A scheduler, and workers of one thread without anybody who starts them again; each is a process.

    Parameters
    ----------
    folder : Path
        For what they write and say.
    workers : int
        How many.
    """

    def __init__(self, folder: Path, workers: int):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._folder = folder
        port = self.address.rpartition(":")[2]
        self._scheduler = self._start("distributed.cli.dask_scheduler", "--port", port)
        self._workers = [self._worker() for _ in range(workers)]

    def _start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *words, *LOOPBACK]
        with (self._folder / "cluster.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder)

    def _worker(self) -> subprocess.Popen[bytes]:
        words = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder / "dask"))
        return self._start("distributed.cli.dask_worker", self.address, *words)

    def busy(self) -> list[subprocess.Popen[bytes]]:
        """The workers that have a compiled program running."""
        return [worker for worker in self._workers if children(worker.pid)]

    def kill(self) -> bool:
        """Kill a worker in the middle of a rung, and start another in its place; whether there was one."""
        busy = self.busy()
        if not busy:
            return False
        worker = random.choice(busy)
        worker.kill()
        worker.wait()
        self._workers[self._workers.index(worker)] = self._worker()
        return True

    def stop(self) -> None:
        """End all of it."""
        for process in (*self._workers, self._scheduler):
            process.kill()
            process.wait()

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until the scheduler answers."""
        end = time.monotonic() + seconds
        place = ("127.0.0.1", int(self.address.rpartition(":")[2]))
        while True:
            with contextlib.suppress(OSError), socket.create_connection(place, 1):
                return
            if time.monotonic() > end or self._scheduler.poll() is not None:
                said = (self._folder / "cluster.log").read_text()[-2000:]
                raise RuntimeError(f"the scheduler did not start:\n{said}")
            time.sleep(0.1)


def children(pid: int) -> list[int]:
    """The processes that a process has started, from whichever thread."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has just ended
            found += map(int, file.read_text().split())
    return found


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[DaskCluster]:
    """A cluster that is gone afterwards."""
    cluster = DaskCluster(folder, workers)
    try:
        cluster.wait()
        yield cluster
    finally:
        cluster.stop()
