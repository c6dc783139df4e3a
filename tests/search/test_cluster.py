"""A cluster of processes on loopback: the executors' contract, a search with the numbers of a local one, and deaths."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from brian2 import ms

from search.driver.search import search
from search.errors import ExecutorLost
from search.execution.faults import Faults
from search.spec.script import Script, load_module
from search.spec.seeds import trial_seed
from search.storage.record import SEED
from search.study import load_study
from snn.errors import Cancelled, OtherData, RunError
from tests.search.clusters import (
    DEADLY,
    MINE,
    at,
    compiled,
    could_be_lost,
    entries,
    grandchildren,
    optuna_front,
    stored,
    trials_of,
)
from tests.search.conftest import ROOT
from tests.search.synthetic import Bowl
from tests.search.test_crash import told, wait_for
from tests.search.test_executor import ExecutorContract, job

pytestmark = pytest.mark.cluster

LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


@pytest.fixture(scope="module")
def cluster():
    """Two workers of one thread, each a process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def make(folder):
    """Make a job of a task that only a script knows."""
    script = folder / "mine.py"
    script.write_text("from tests.search.synthetic import Bowl\n")
    return lambda task, **more: job(task, "standalone", str(script), **more)


@pytest.fixture
def start_module(folder):
    """Start a module as a process, `path` first on its search path."""
    started = []

    def begin(module, *arguments, path=""):
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


def test_a_worker_that_is_gone_has_no_other_version(client, monkeypatch):
    """Dask gives back what went wrong on the way to it, like what went wrong there."""
    from distributed.comm.core import CommClosedError

    from search.execution.cluster import Cluster

    ask, calls = client.run, []

    def goes(*arguments, **keywords):
        calls.append(arguments)
        return ask(*arguments, **keywords) | ({"tcp://127.0.0.1:1": CommClosedError("gone")} if len(calls) < 3 else {})

    monkeypatch.setattr(client, "run", goes)
    monkeypatch.setattr("search.execution.cluster.PAUSE", 0.01)
    Cluster(client, workers=1).stop()
    assert len(calls) == 3


@pytest.mark.parametrize("failures", [2, 5])
def test_a_worker_that_dies_while_a_driver_comes_is_passed_over(client, monkeypatch, failures):
    from distributed.comm.core import CommClosedError

    from search.errors import ExecutorLost
    from search.execution.cluster import Cluster

    register, calls = client.register_plugin, []

    def breaks(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) <= failures:
            raise CommClosedError("a worker has gone")
        return register(*arguments, **keywords)

    monkeypatch.setattr(client, "register_plugin", breaks)
    monkeypatch.setattr("search.execution.cluster.PAUSE", 0.01)
    if failures == 5:  # no worker dies so often
        with pytest.raises(ExecutorLost):
            Cluster(client)
        return
    executor = Cluster(client, workers=1)
    assert executor.threads == 2 and len(calls) == 3
    executor.stop()


class TestCluster(ExecutorContract):
    @pytest.fixture
    def executor(self, client):
        from search.execution.cluster import Cluster

        executor = Cluster(client, workers=1)
        yield executor
        executor.stop()


def test_compiled_programs_run_in_the_worker_and_give_the_same_numbers(client):
    from search.execution.cluster import Cluster

    executor = Cluster(client)
    whole, half = compiled(3 * ms), compiled(3 * ms, upto=0.5)
    try:
        there = executor.submit(whole).result(120)
        rung = executor.submit(half).result(120).result
        rest = executor.submit(replace(whole, after=rung.to_bytes())).result(120).result
    finally:
        executor.stop()
    here = whole.run()
    assert there.worker in client.scheduler_info()["workers"] and 0 < there.ended - there.began < 120
    for one in (there.result, rest):
        scores = (one.accuracy, one.prequential_accuracy, one.loss, one.counts)
        assert scores == (here.accuracy, here.prequential_accuracy, here.loss, here.counts)
    assert rung.validation is None


def test_stop_ends_every_job_and_leaves_no_process_behind(client, make):
    from search.execution.cluster import Cluster

    for jobs in ([compiled(300 * ms)] * 3, [make(Bowl(slow=0.1))] * 3):  # two run, one waits
        executor = Cluster(client, workers=3)
        futures = [executor.submit(one) for one in jobs]
        wait_for(lambda: len(grandchildren(client)) >= 2)
        executor.stop()
        wait_for(lambda: not grandchildren(client))  # soon: a stopped compiler may still be ending
        for future in futures:
            with pytest.raises(Cancelled):
                future.result(30)
        with pytest.raises(Cancelled):
            executor.submit(jobs[0]).result(30)


def test_a_job_whose_thread_comes_after_the_search_is_over_begins_nothing(folder, make):
    from search.execution.cluster_worker import Bench

    bench = Bench("search")
    bench.setup(SimpleNamespace(local_directory=str(folder)))
    asyncio.run(bench.teardown(SimpleNamespace()))
    with pytest.raises(Cancelled):
        bench.run("search-1", [make(Bowl(slow=0.1))], (folder / "mine.py").read_text(), Faults(print))


def test_a_job_that_nobody_waits_for_ends_and_the_others_go_on(client, make):
    """As when one replicate of a trial has failed."""
    from search.execution.cluster import Cluster

    executor = Cluster(client, workers=2)
    one, other = (executor.submit(make(Bowl(slow=0.1))) for _ in "ab")
    wait_for(lambda: len(grandchildren(client)) == 2)
    assert one.cancel()
    wait_for(lambda: len(grandchildren(client)) == 1, seconds=60)  # of 90
    executor.stop()
    with pytest.raises(Cancelled):
        other.result(30)
    wait_for(lambda: not grandchildren(client))


def test_a_worker_that_dies_costs_its_rung_and_nothing_else(cluster, write, snnsearch, folder):
    alone = snnsearch("run", write(MINE.format(task="")), *at("here"), "--trials", 8, "--workers", 2)
    assert alone.status == 0
    diary = folder / "diary"
    diary.touch()
    script = write(MINE.format(task=f"sleep=0.4, diary={str(diary)!r}, deadly={trial_seed(0, 3)}"))
    address = cluster.scheduler_address
    ended = snnsearch("run", script, *at("there"), "--trials", 8, "--workers", 2, "--cluster", address)
    assert ended.status == 0, ended.err
    assert stored(folder / "here.journal", "here") == stored(folder / "there.journal", "there")
    begun = Counter((seed, upto) for what, _, seed, upto in entries(diary) if what == "begins")
    once = Counter((trial_seed(0, number), upto) for number in range(8) for upto in (0.125, 0.25, 0.5, 1.0))
    # the best are run once more in the end
    finals = Counter((trial.user_attrs[SEED], 1.0) for trial in optuna_front(folder / "there.journal", "there"))
    again, (deadly, lost) = begun - once - finals, could_be_lost(diary)
    assert not once + finals - begun
    assert deadly in again and set(again) <= lost and set(again.values()) == {1}, (again, diary.read_text())


@pytest.mark.slow
def test_a_job_that_kills_its_workers_fails_with_a_reason(cluster, client, folder, monkeypatch):
    from search.execution.cluster import ATTEMPTS, Cluster

    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    executor = Cluster(client, workers=1)
    script = folder / "deadly.py"
    script.write_text(DEADLY)
    module = load_module(Script.read(script))
    try:
        with pytest.raises(RunError, match=f"1 of them died while they did, and was given up after {ATTEMPTS}"):
            executor.submit(replace(job(Bowl(), "standalone", str(script)), task=module.Deadly().to_json())).result(120)
    finally:
        executor.stop()
        client.wait_for_workers(2)


def test_a_job_of_a_batch_that_kills_its_workers_costs_the_others_nothing(client, monkeypatch):
    from distributed import KilledWorker

    from search.execution.cluster import Cluster

    executor = Cluster(client)
    ask = executor._calls.ask

    async def deadly(jobs, source):
        if any(one.seed == 2 for one in jobs):
            raise KilledWorker("a job", SimpleNamespace(address="tcp://127.0.0.1:1"), 0)
        return await ask(jobs, source)

    monkeypatch.setattr(executor._calls, "ask", deadly)
    try:
        jobs = [replace(job(Bowl(), "standalone"), seed=seed) for seed in range(4)]
        ended = executor.submit_together(jobs).result(120)
    finally:
        executor.stop()
    assert [isinstance(one, RunError) for one in ended] == [False, False, True, False]
    assert "1 of them died while they did" in str(ended[2])


@pytest.fixture
def hidden(client, folder):
    """A path of the folder that leads there in this process only."""
    descriptor = os.open(folder, os.O_RDONLY)
    path = Path(f"/proc/self/fd/{descriptor}")
    (folder / "mine.py").write_text(MINE.format(task=""))
    assert (path / "mine.py").is_file() and not any(client.run(os.path.exists, str(path / "mine.py")).values())
    yield path
    os.close(descriptor)


def test_a_worker_refuses_a_job_of_other_data(client):
    from search.execution.cluster import Cluster

    executor = Cluster(client)
    try:
        with pytest.raises(OtherData, match="A trial must run on the data that it was given, with the hash 0123"):
            executor.submit(replace(compiled(5 * ms), data="0123456789abcdef")).result(120)
    finally:
        executor.stop()


@pytest.mark.slow
def test_a_script_that_is_not_on_the_workers_is_sent(client, hidden):
    from search.execution.cluster import Cluster

    task = load_study(Script.read(hidden / "mine.py")).task
    executor = Cluster(client)
    one = replace(job(Bowl(), "standalone", str(hidden / "mine.py")), task=task.to_json())
    try:
        assert executor.submit(one).result(120).result.accuracy == one.run().accuracy
    finally:
        executor.stop()


def test_workers_never_open_the_storage_and_a_client_stays_open(client, hidden, folder):
    study = load_study(Script.read(folder / "mine.py"))
    plan = study.plan(Script.read(folder / "mine.py"), storage=hidden / "s.journal")
    summary, _ = search(plan, 4, cluster=client)
    assert client.status == "running" and client.submit(os.getpid).result() in client.run(os.getpid).values()
    assert summary.trials["complete"] == 4 and len(stored(folder / "s.journal", "mine")) == 4
    assert str(plan.location.text) not in plan.job("{}", 0).to_json()


@pytest.mark.slow
def test_jobs_end_on_their_workers_when_their_driver_is_killed(cluster, client, write, start):
    script = write(MINE.format(task="slow=0"))
    driver = start("run", script, "--trials", 4, "--cluster", cluster.scheduler_address)
    wait_for(lambda: len(grandchildren(client)) == 2)
    driver.kill()
    wait_for(lambda: grandchildren(client) == [], seconds=60)  # of 90


@pytest.mark.slow
def test_ctrl_c_stops_the_cluster_s_jobs_and_tells_how_to_go_on(cluster, client, write, start):
    script = write(MINE.format(task="slow=0"))
    driver = start("run", script, "--trials", 4, "--cluster", cluster.scheduler_address, "--json")
    wait_for(lambda: len(grandchildren(client)) == 2)
    driver.send_signal(signal.SIGINT)
    out, err = driver.communicate(timeout=60)  # a job takes 90 s
    wait_for(lambda: grandchildren(client) == [], seconds=60)
    assert driver.returncode == 130 and "Traceback" not in err
    assert f"to go on: snnsearch run {script} --trials 4 --cluster {cluster.scheduler_address}" in err
    assert json.loads(out)["trials"] == {"complete": 0, "fail": 0, "pruned": 0, "running": 3}  # two run, one waits


@pytest.mark.slow
def test_a_growing_cluster_is_followed(cluster, client):
    from search.execution.cluster import Cluster

    executor = Cluster(client)
    try:
        assert (executor.workers, executor.threads) == (2, 2)
        cluster.scale(3)
        wait_for(lambda: executor.workers == 3)
        cluster.scale(2)
        wait_for(lambda: executor.workers == 2)
    finally:
        executor.stop()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1 does not"),
        ("127.0.0.1", "must be the address of a scheduler"),
        ("nonsense://a:1", "does not"),
    ],
)
def test_no_scheduler_is_one_sentence(write, snnsearch, address, words, monkeypatch):
    monkeypatch.setattr("search.execution.cluster.CONNECT", 1.0)
    ended = snnsearch("run", write(), "--trials", 2, "--cluster", address)
    assert ended.status == 2 and words in ended.err
    assert ended.err.count("\n") == 1 and "Traceback" not in ended.err


@pytest.fixture
def own(folder, start_module):
    """A scheduler as a process of its own; gives its address."""
    scheduler = start_module("distributed.cli.dask_scheduler", *LOOPBACK, "--port", 0, "--scheduler-file", "s.json")
    wait_for(lambda: (folder / "s.json").is_file() and (folder / "s.json").read_text().endswith("}"))
    return scheduler, json.loads((folder / "s.json").read_text())["address"]


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_search_which_can_go_on(own, write, snnsearch, start, start_module):
    scheduler, address = own
    start_module("distributed.cli.dask_worker", address, *LOOPBACK, "--nthreads", 2)
    script = write(MINE.format(task="sleep=0.3"))
    driver = start("run", script, "--trials", 40, "--workers", 2, "--cluster", address)
    wait_for(lambda: told(script) >= 2)
    scheduler.kill()
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 2 and "is lost or has dropped the search" in err
    assert err.count("\n") == 3 + told(script), err
    trials = trials_of(script.with_suffix(".journal"), script.stem)
    states = Counter(trial.state.name for trial in trials)
    assert states["FAIL"] == 0 and states["RUNNING"] == 3 and states["COMPLETE"] >= 2
    assert "start it, and the same command goes on" in err
    assert f"Kept: {states['COMPLETE']} trials that have ended, and the rungs behind the 3 under way." in err
    ended = snnsearch("run", script, "--trials", len(trials), "--workers", 2)  # here, for once
    assert ended.status == 0 and f"goes on from {states['COMPLETE']} of {len(trials)} trials" in ended.err
    after = trials_of(script.with_suffix(".journal"), script.stem)
    assert [t.values for t in after if trials[t.number].values] == [t.values for t in trials if t.values]


@pytest.fixture
def older(folder, own, start_module):
    """Start a worker that has another version of the package installed, by what is first on its search path."""
    about = folder / "other" / "snnsearch-0.0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: snnsearch\nVersion: 0.0.1\n")
    worker = [own[1], *LOOPBACK, "--nthreads", 1, "--no-nanny"]
    return lambda: start_module("distributed.cli.dask_worker", *worker, path=folder / "other")


def test_another_version_on_a_worker_is_one_sentence(own, older, write, snnsearch):
    from distributed import Client

    older()
    with Client(own[1], set_as_default=False) as client:
        client.wait_for_workers(1)
    ended = snnsearch("run", write(), "--trials", 2, "--cluster", own[1])
    assert ended.status == 2 and "has 0.0.1: install snnsearch" in ended.err and "Traceback" not in ended.err


@pytest.mark.slow
def test_a_worker_of_another_version_that_comes_later_ends_the_search(own, older, write, start):
    script = write()
    driver = start("run", script, "--trials", 2, "--cluster", own[1])
    assert driver.stderr.readline().endswith("trials wait for workers\n")
    older()
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 2 and "has 0.0.1: install snnsearch" in err and "Traceback" not in err
    assert {trial.state.name for trial in trials_of(script.with_suffix(".journal"), "bowl")} == {"RUNNING"}


def test_a_search_gives_the_numbers_of_a_local_one(cluster, write, snnsearch):
    script = write(MINE.format(task=""))
    there = ["--cluster", cluster.scheduler_address]
    for name, more in {"here": [], "together": [*there, "--batch", 3], "there": there}.items():
        ended = snnsearch("run", script, *at(name), "--trials", 8, "--json", *more)
        assert ended.status == 0, ended.err
    assert "threads 2, jobs at a time 2" in ended.err
    here, *others = (stored(script.parent / f"{name}.journal", name) for name in ("here", "together", "there"))
    assert len(here) == 8 and all(here == other for other in others)


def test_a_worker_that_dies_costs_its_batch_which_runs_again(client, make):
    import psutil

    from search.execution.cluster import Cluster

    executor = Cluster(client, workers=1)
    try:
        batch = [replace(make(Bowl(sleep=1.0)), seed=seed) for seed in (1, 2, 3)]
        future = executor.submit_together([*batch, replace(batch[0], upto=2.0, after=b"nothing")])
        wait_for(lambda: grandchildren(client))
        psutil.Process(grandchildren(client)[0]).parent().kill()
        *ran, failed = future.result(120)
    finally:
        executor.stop()
        client.wait_for_workers(2)
    assert [one.result.accuracy for one in ran] == [one.run().accuracy for one in batch]
    assert "is not a result that can be read" in str(failed)


FAULTY = """
import os
from dataclasses import dataclass
from snn.errors import MachineError
from snn.serial import serialisable
from tests.search.synthetic import Bowl


@serialisable
@dataclass(frozen=True)
class Faulty(Bowl):
    mark: str = ""

    def run(self, network, **settings):
        if not os.path.exists(self.mark):
            open(self.mark, "w").close()
            raise MachineError("The disk of this machine is full.")
        return super().run(network, **settings)
"""


@pytest.mark.slow
def test_a_fault_of_a_worker_s_machine_is_tried_again_and_named(client, folder):
    from search.execution.cluster import Cluster

    script = folder / "faulty.py"
    script.write_text(FAULTY)
    task = load_module(Script.read(script)).Faulty(mark=str(folder / "mark"))
    said = []
    executor = Cluster(client, workers=1, say=said.append)
    try:
        ran = executor.submit(replace(job(Bowl(), "standalone", str(script)), task=task.to_json())).result(120)
    finally:
        executor.stop()
    assert ran.result.accuracy == job(Bowl(), "standalone").run().accuracy
    assert len(said) == 1 and said[0].startswith("The disk of this machine is full. The run is tried again")
    assert f"on the worker {ran.worker}" in said[0]


def test_a_result_that_was_damaged_on_its_way_is_run_again():
    from search.execution.answer import results

    data = job(Bowl(), "standalone").run().to_bytes()
    errors = [None, None, {"error": "ExecutorLost", "message": "no room"}, {"error": "RunError", "message": "broke"}]
    answer = {"worker": "tcp://127.0.0.1:1", "errors": errors}
    whole, damaged, lost, broke = results(answer, [data, data[:-40], b"", b""])
    assert whole.seed == 3 and type(broke) is RunError
    assert type(damaged) is type(lost) is ExecutorLost and "127.0.0.1:1: no room" in str(lost)
