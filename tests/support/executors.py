"""The contract of executors, jobs of the synthetic task, and processes that are killed from outside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FixedTrial

from search.execution.executor import Executor
from search.execution.local import Local
from search.spec.job import Job
from snn.errors import Cancelled, RunError, RunTimeout
from tests.support.synthetic import Bowl, network
from tests.support.waiting import wait_for


def job(task: Bowl, backend: str, script: str | None = None, **more: Any) -> Job:
    """Make a run of the synthetic task at x = 0.5."""
    text = network(FixedTrial({"x": 0.5, "y": 0.5})).freeze().to_json()
    return Job(text, task.to_json(), 3, backend, "float64", script=script, **more)


class ExecutorContract:
    """Promises of every executor.

    Give the fixtures `executor` (one worker, which tests may share), `own_executor` (one worker, of a test that stops
    it) and `make_job` (task -> a job that it can run).
    """

    def test_results_and_errors_come_back(self, executor, make_job):
        here = make_job(Bowl()).run()
        before = time.time()
        ran = executor.submit(make_job(Bowl())).result(120)
        there = ran.result
        assert ran.worker and before <= ran.began <= ran.ended <= time.time()
        assert (there.accuracy, there.spikes, there.seed) == (here.accuracy, here.spikes, 3)
        with pytest.raises(RunError, match="the bowl broke"):
            executor.submit(make_job(Bowl(fail=0.1))).result(120)
        with pytest.raises(RunTimeout):
            executor.submit(make_job(Bowl(slow=0.1), timeout=0.2)).result(120)
        assert executor.submit(make_job(Bowl())).result(120).result.accuracy == here.accuracy

    def test_a_rung_goes_on_from_the_one_before(self, executor, make_job):
        whole = executor.submit(make_job(Bowl())).result(120).result
        half = executor.submit(make_job(Bowl(), upto=0.5)).result(120).result
        assert half.state is not None and len(half.stream) == len(whole.stream) / 2
        rest = executor.submit(make_job(Bowl(), after=half.to_bytes())).result(120).result
        assert rest.accuracy == whole.accuracy and rest.state is None

    def test_stop_kills_what_runs(self, own_executor, make_job, tmp_path):
        log = tmp_path / "log"
        future = own_executor.submit(make_job(Bowl(slow=0.1, log=str(log))))
        wait_for(log.exists)  # the run has begun
        own_executor.stop()
        with pytest.raises(Cancelled):
            future.result(60)  # of 90


def kill_processes(executor: Executor, log: Path) -> list[int]:
    """Kill the process behind each thread of a local executor once a run has begun; their exit statuses."""
    assert isinstance(executor, Local)
    wait_for(log.exists)
    processes = [runner._process._process for runner in executor._runners]
    for process in processes:
        process.kill()
    return [process.wait(60) for process in processes]
