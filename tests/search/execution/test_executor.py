"""What every executor promises, and what a process behind it adds. A new one inherits the contract by a fixture."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace

import pytest

from search.execution.local import Local, local_executor
from search.execution.runner import ATTEMPTS, Runner
from search.spec.job import Job
from snn.errors import Killed, RunError
from tests.support.executors import ExecutorContract, job, kill_processes
from tests.support.synthetic import Bowl

HOG = """
from dataclasses import dataclass
import numpy as np
from snn.serial import serialisable
from tests.support.synthetic import Bowl

@serialisable
@dataclass(frozen=True)
class Hog(Bowl):
    def run(self, *arguments, **options):
        np.ones(2**27)  # 1 GiB
        return super().run(*arguments, **options)
"""


ENDS = """
import os
from dataclasses import dataclass
from snn.serial import serialisable
from tests.support.synthetic import Bowl

@serialisable
@dataclass(frozen=True)
class Ends(Bowl):
    how: str = ""

    def __post_init__(self):
        if self.how == "made":
            raise SystemExit("not made")

    def run(self, *arguments, **options):
        if self.how == "exit":
            raise SystemExit("not run")
        if self.how == "fork":
            os.fork()
        return super().run(*arguments, **options)
"""


class TestThreads(ExecutorContract):
    @pytest.fixture
    def make_job(self):
        return lambda task, **more: job(task, "standalone", **more)

    @pytest.fixture(scope="class")
    def executor(self):
        yield from one_worker()

    @pytest.fixture
    def own_executor(self):
        yield from one_worker()


def one_worker():
    """An executor of one local worker."""
    executor = local_executor(Bowl(), workers=1)
    yield executor
    executor.stop()


class TestProcesses(TestThreads):
    @pytest.fixture
    def make_job(self, folder):
        script = folder / "mine.py"  # a process knows the task only after it has imported the script that uses it
        script.write_text("from tests.support.synthetic import Bowl\n")
        return lambda task, **more: job(task, "runtime", str(script), **more)

    def test_a_crash_costs_its_own_job_only(self, executor, make_job):
        with pytest.raises(RunError, match="signal SIGSEGV"):
            executor.submit(make_job(Bowl(crash=0.1))).result(120)
        assert executor.submit(make_job(Bowl())).result(120).result.seed == 3

    @pytest.mark.slow
    def test_a_process_that_is_killed_from_outside_costs_nothing(self, executor, make_job, tmp_path):
        log = tmp_path / "log"
        future = executor.submit(make_job(Bowl(sleep=1.0, log=str(log))))
        assert set(kill_processes(executor, log)) == {-signal.SIGKILL}
        assert future.result(120).result.seed == 3

    @pytest.mark.slow
    def test_a_run_that_needs_too_much_memory_costs_its_own_job_only(self, executor, make_job, folder):
        script = folder / "mine.py"
        script.write_text(HOG)
        hungry = json.dumps({**json.loads(Bowl().to_json()), "type": "Hog"})
        one = replace(make_job(Bowl()), task=hungry)
        with pytest.raises(RunError, match=r"more than the 1024 MiB of memory that it was given: raise --memory-limit"):
            executor.submit(replace(one, memory=2**30)).result(120)
        assert executor.submit(one).result(120).result.seed == 3  # without a limit there is room

    @pytest.mark.slow
    def test_a_task_that_ends_the_process_or_forks_costs_its_own_job_only(self, executor, make_job, folder):
        (folder / "mine.py").write_text(ENDS)

        def one(how):
            task = {**json.loads(Bowl().to_json()), "type": "Ends", "how": how}
            return replace(make_job(Bowl()), task=json.dumps(task))

        for how, message in (("exit", "not run"), ("made", "not made")):
            with pytest.raises(RunError, match=rf"raised SystemExit\('{message}'\) in mine.py, line "):
                executor.submit(one(how)).result(120)
        process = executor._runners[0]._process._process
        assert executor.submit(one("fork")).result(120).result.seed == 3
        assert executor.submit(one("")).result(120).result.seed == 3
        assert executor._runners[0]._process._process is process  # it was never started again


class Fragile(Runner):
    """Its process is killed so many times."""

    def __init__(self, times: int):
        self.times = times

    def run(self, job: Job):
        self.times -= 1
        if self.times >= 0:
            raise Killed("killed by SIGKILL")
        return job.run()

    def pause(self, seconds: float) -> None:
        """It is not the machine that is at fault."""
        raise AssertionError

    def stop(self) -> None:
        """Nothing runs."""


@pytest.mark.parametrize("times", [ATTEMPTS - 1, ATTEMPTS])
def test_a_killed_run_is_run_again_but_not_for_ever(times):
    executor = Local(1, lambda: Fragile(times))
    future = executor.submit(job(Bowl(), "standalone"))
    if times < ATTEMPTS:
        assert future.result(60).result.seed == 3
    else:
        with pytest.raises(Killed):
            future.result(60)
    executor.stop()


def test_a_job_survives_the_journey():
    one = job(Bowl(sleep=0.5), "standalone", test=True, record=("spikes",), timeout=2.0)
    assert Job.from_json(one.to_json(result="r")) == (one, {"result": "r"})


@pytest.mark.slow
def test_search_on_the_runtime_backend(snnsearch, write):
    ended = snnsearch("run", write(), "--trials", 3, "--workers", 1, "--backend", "runtime", "--json")
    assert ended.status == 0 and '"backend": "runtime"' in ended.out and '"complete": 3' in ended.out


def test_a_cluster_without_its_package_names_the_extra(monkeypatch):
    from search.errors import StudyError
    from search.execution.cluster import connect

    monkeypatch.setitem(sys.modules, "distributed", None)  # what Python does where it is not installed
    with pytest.raises(StudyError, match=r"pip install 'snnsearch\[cluster\]'"):
        connect("tcp://127.0.0.1:8786")
