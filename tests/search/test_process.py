"""Jobs in a process of their own: answers, errors, crashes, timeouts, stopping."""

from __future__ import annotations

import time

import pytest
from optuna.trial import FixedTrial

from search.executor import local_executor
from search.job import Job
from snn.errors import Cancelled, RunError, RunTimeout
from tests.search.synthetic import Bowl, network

SCRIPT = "from tests.search.synthetic import Bowl\n"


def job(task, folder, x=0.5, **more):
    script = folder / "mine.py"
    script.write_text(SCRIPT)
    text = network(FixedTrial({"x": x, "y": 0.5})).freeze().to_json()
    return Job(text, task.to_json(), 3, "runtime", "float64", script=str(script), **more)


@pytest.fixture
def executor(folder):
    executor = local_executor(Bowl(), workers=1)
    yield executor
    executor.stop()


def test_a_job_survives_the_journey(folder):
    one = job(Bowl(sleep=0.5), folder, test=True, record=("spikes",), timeout=2.0)
    assert Job.from_json(one.to_json(result="r")) == (one, {"result": "r"})


def test_one_process_after_the_other(executor, folder):
    """The same numbers as here; an error keeps its kind; a crash or a timeout costs its own job only."""
    here = job(Bowl(), folder).run()
    there = executor.submit(job(Bowl(), folder)).result(30)
    assert (there.accuracy, there.spikes, there.seed) == (here.accuracy, here.spikes, 3)
    with pytest.raises(RunError, match="the bowl broke"):
        executor.submit(job(Bowl(fail=0.1), folder)).result(30)
    with pytest.raises(RunError, match="signal SIGSEGV"):
        executor.submit(job(Bowl(crash=0.1), folder)).result(30)
    with pytest.raises(RunTimeout, match="within"):
        executor.submit(job(Bowl(slow=0.1), folder, timeout=0.2)).result(30)
    assert executor.submit(job(Bowl(), folder)).result(30).accuracy == here.accuracy


def test_stop_kills_the_process(executor, folder):
    future = executor.submit(job(Bowl(slow=0.1), folder))
    time.sleep(0.2)
    executor.stop()
    with pytest.raises(Cancelled):
        future.result(5)


def test_search_on_the_runtime_backend(snnsearch, write):
    ended = snnsearch("run", write(), "--trials", 3, "--workers", 1, "--backend", "runtime", "--json")
    assert ended.status == 0 and '"backend": "runtime"' in ended.out and '"complete": 3' in ended.out
