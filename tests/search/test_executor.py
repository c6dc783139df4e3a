"""What every executor promises, and what a process behind it adds. A new one inherits the contract by a fixture."""

from __future__ import annotations

import time

import pytest
from optuna.trial import FixedTrial

from search.executor import local_executor
from search.job import Job
from snn.errors import Cancelled, RunError, RunTimeout
from tests.search.synthetic import Bowl, network


def job(task: Bowl, backend: str, script=None, **more) -> Job:
    """A run of the synthetic task at x = 0.5."""
    text = network(FixedTrial({"x": 0.5, "y": 0.5})).freeze().to_json()
    return Job(text, task.to_json(), 3, backend, "float64", script=script, **more)


class ExecutorContract:
    """Give the fixtures `executor` (one worker) and `make` (task -> a job that it can run)."""

    def test_results_and_errors_come_back(self, executor, make):
        here = make(Bowl()).run()
        there = executor.submit(make(Bowl())).result(30)
        assert (there.accuracy, there.spikes, there.seed) == (here.accuracy, here.spikes, 3)
        with pytest.raises(RunError, match="the bowl broke"):
            executor.submit(make(Bowl(fail=0.1))).result(30)
        with pytest.raises(RunTimeout):
            executor.submit(make(Bowl(slow=0.1), timeout=0.2)).result(30)
        assert executor.submit(make(Bowl())).result(30).accuracy == here.accuracy

    def test_stop_kills_what_runs(self, executor, make):
        future = executor.submit(make(Bowl(slow=0.1)))
        time.sleep(0.2)
        executor.stop()
        with pytest.raises(Cancelled):
            future.result(5)


class TestThreads(ExecutorContract):
    @pytest.fixture
    def make(self):
        return lambda task, **more: job(task, "standalone", **more)

    @pytest.fixture
    def executor(self):
        executor = local_executor(Bowl(), workers=1)
        yield executor
        executor.stop()


class TestProcesses(TestThreads):
    @pytest.fixture
    def make(self, folder):
        script = folder / "mine.py"  # a process knows the task only after it has imported the script that uses it
        script.write_text("from tests.search.synthetic import Bowl\n")
        return lambda task, **more: job(task, "runtime", str(script), **more)

    def test_a_crash_costs_its_own_job_only(self, executor, make):
        with pytest.raises(RunError, match="signal SIGSEGV"):
            executor.submit(make(Bowl(crash=0.1))).result(30)
        assert executor.submit(make(Bowl())).result(30).seed == 3


def test_a_job_survives_the_journey():
    one = job(Bowl(sleep=0.5), "standalone", test=True, record=("spikes",), timeout=2.0)
    assert Job.from_json(one.to_json(result="r")) == (one, {"result": "r"})


def test_search_on_the_runtime_backend(snnsearch, write):
    ended = snnsearch("run", write(), "--trials", 3, "--workers", 1, "--backend", "runtime", "--json")
    assert ended.status == 0 and '"backend": "runtime"' in ended.out and '"complete": 3' in ended.out
