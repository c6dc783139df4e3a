"""Fixtures of executors: clusters of Dask on loopback, in threads and in processes, for all tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brian2 import ms

from search.execution.faults import Faults
from search.execution.local import ByBackend, Local
from search.spec.job import Job
from tasks import Digits
from tests.support.clusters import LOOPBACK
from tests.support.command_line import ROOT
from tests.support.executors import job
from tests.support.waiting import wait_for


@pytest.fixture(scope="package")
def thread_cluster() -> Iterator[Any]:
    """A scheduler and two workers of one thread, all in this process."""
    from distributed import LocalCluster

    settings = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": None}
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, **settings) as cluster:
        yield cluster


@pytest.fixture
def threads(thread_cluster: Any) -> Iterator[Any]:
    """A client of the workers in this process."""
    yield from connected(thread_cluster)


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    """Two workers of one thread, each a process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    """A client of the workers that are processes."""
    yield from connected(cluster)


def connected(cluster: Any) -> Iterator[Any]:
    """Connect to a cluster when its two workers are there."""
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def make_job(folder: Path) -> Callable[..., Job]:
    """Make a job of a task that only a script knows."""
    script = folder / "mine.py"
    script.write_text("from tests.support.synthetic import Bowl\n")
    return lambda task, **more: job(task, "standalone", str(script), **more)


@pytest.fixture
def start_module(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a module as a process, `path` first on its search path."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(module: str, *arguments: object, path: object = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        search_path = os.pathsep.join(filter(None, [str(path), str(ROOT)]))
        process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": search_path}
        )
        started.append(process)
        return process

    yield begin
    for process in reversed(started):
        process.terminate()
        process.wait()


@pytest.fixture
def own(folder: Path, start_module: Callable[..., Any]) -> tuple[subprocess.Popen[bytes], str]:
    """A scheduler as a process of its own, and its address."""
    file = folder / "s.json"
    scheduler = start_module("distributed.cli.dask_scheduler", *LOOPBACK, "--port", 0, "--scheduler-file", file)
    wait_for(lambda: file.is_file() and file.read_text().endswith("}"))
    return scheduler, json.loads(file.read_text())["address"]


@pytest.fixture
def said() -> list[str]:
    """What is said of faults."""
    return []


@pytest.fixture
def faulty_executor(said: list[str]) -> Iterator[Local]:
    """One local worker that hardly waits after a fault."""
    executor = Local(1, lambda: ByBackend(Digits(sample=2 * ms)), Faults(said.append, waits=(0.01,) * 4))
    yield executor
    executor.stop()
