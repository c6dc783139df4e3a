"""The executor of a cluster: its contract, what becomes of workers that die, and errors in one sentence."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from brian2 import ms

from search.errors import ExecutorLost
from search.execution.cluster import Cluster
from search.execution.faults import Faults
from search.spec.script import Script, load_module
from snn.errors import Cancelled, OtherData, RunError
from tests.support.clusters import DEADLY, FAULTY, compiled, grandchildren
from tests.support.executors import ExecutorContract, job
from tests.support.synthetic import Bowl
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster


class TestThreads(ExecutorContract):
    """Workers in this process, which know the synthetic task already."""

    @pytest.fixture
    def make_job(self):
        return lambda task, **more: job(task, "standalone", **more)

    @pytest.fixture
    def executor(self, threads):
        yield from one_worker(threads)

    @pytest.fixture
    def own_executor(self, threads):
        yield from one_worker(threads)


def one_worker(client):
    """An executor that has one job at a time on a cluster."""
    executor = Cluster(client, workers=1)
    yield executor
    executor.stop()


@pytest.mark.slow
class TestProcesses(ExecutorContract):
    """Workers that are processes, to which the script with the task is sent."""

    @pytest.fixture
    def executor(self, client):
        yield from one_worker(client)

    @pytest.fixture
    def own_executor(self, client):
        yield from one_worker(client)


def test_a_worker_that_is_gone_has_no_other_version(threads, monkeypatch):
    """Dask gives back what went wrong on the way to it, like what went wrong there."""
    from distributed.comm.core import CommClosedError

    ask, calls = threads.run, []

    def goes(*arguments, **keywords):
        calls.append(arguments)
        return ask(*arguments, **keywords) | ({"tcp://127.0.0.1:1": CommClosedError("gone")} if len(calls) < 3 else {})

    monkeypatch.setattr(threads, "run", goes)
    monkeypatch.setattr("search.execution.cluster.PAUSE", 0.01)
    Cluster(threads, workers=1).stop()
    assert len(calls) == 3


@pytest.mark.parametrize("failures", [2, 5])
def test_a_worker_that_dies_while_a_driver_comes_is_passed_over(threads, monkeypatch, failures):
    from distributed.comm.core import CommClosedError

    register, calls = threads.register_plugin, []

    def breaks(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) <= failures:
            raise CommClosedError("a worker has gone")
        return register(*arguments, **keywords)

    monkeypatch.setattr(threads, "register_plugin", breaks)
    monkeypatch.setattr("search.execution.cluster.PAUSE", 0.01)
    if failures == 5:  # no worker dies so often
        with pytest.raises(ExecutorLost):
            Cluster(threads)
        return
    executor = Cluster(threads, workers=1)
    assert executor.threads == 2 and len(calls) == 3
    executor.stop()


def test_a_job_of_a_batch_that_kills_its_workers_costs_the_others_nothing(threads, monkeypatch):
    from distributed import KilledWorker

    executor = Cluster(threads)
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
    assert "workers that died: 1" in str(ended[2])


def test_a_worker_refuses_a_job_of_other_data(threads):
    executor = Cluster(threads)
    try:
        with pytest.raises(OtherData, match="A trial must run on the data that it was given, with the hash 0123"):
            executor.submit(replace(compiled(5 * ms), data="0123456789abcdef")).result(120)
    finally:
        executor.stop()


def test_a_growing_cluster_is_followed(thread_cluster, threads, monkeypatch):
    monkeypatch.setattr("search.execution.cluster.FOLLOW", 0.05)
    executor = Cluster(threads)
    try:
        assert (executor.workers, executor.threads) == (2, 2)
        thread_cluster.scale(3)
        wait_for(lambda: executor.workers == 3)
        thread_cluster.scale(2)
        wait_for(lambda: executor.workers == 2)
    finally:
        executor.stop()


def test_a_job_whose_thread_comes_after_the_search_is_over_begins_nothing(folder, make_job):
    from search.execution.cluster_worker import Bench

    bench = Bench("search")
    bench.setup(SimpleNamespace(local_directory=str(folder)))
    asyncio.run(bench.teardown(SimpleNamespace()))
    with pytest.raises(Cancelled):
        bench.run("search-1", [make_job(Bowl(slow=0.1))], (folder / "mine.py").read_text(), Faults(print))


def test_a_result_that_was_damaged_on_its_way_is_run_again():
    from search.execution.answer import results

    data = job(Bowl(), "standalone").run().to_bytes()
    errors = [None, None, {"error": "ExecutorLost", "message": "no room"}, {"error": "RunError", "message": "broke"}]
    answer = {"worker": "tcp://127.0.0.1:1", "errors": errors}
    whole, damaged, lost, broke = results(answer, [data, data[:-40], b"", b""])
    assert whole.seed == 3 and type(broke) is RunError
    assert type(damaged) is type(lost) is ExecutorLost and "127.0.0.1:1: no room" in str(lost)


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


@pytest.mark.slow
def test_compiled_programs_run_in_the_worker_and_give_the_same_numbers(client):
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


@pytest.mark.slow
def test_stop_ends_every_job_and_leaves_no_process_behind(client, make_job):
    for jobs in ([compiled(300 * ms)] * 3, [make_job(Bowl(slow=0.1))] * 3):  # two run, one waits
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


@pytest.mark.slow
def test_a_job_that_nobody_waits_for_ends_and_the_others_go_on(client, make_job):
    """As when one replicate of a trial has failed."""
    executor = Cluster(client, workers=2)
    one, other = (executor.submit(make_job(Bowl(slow=0.1))) for _ in "ab")
    wait_for(lambda: len(grandchildren(client)) == 2)
    assert one.cancel()
    wait_for(lambda: len(grandchildren(client)) == 1, seconds=60)  # of 90
    executor.stop()
    with pytest.raises(Cancelled):
        other.result(30)
    wait_for(lambda: not grandchildren(client))


@pytest.mark.slow
def test_a_job_that_kills_its_workers_fails_with_a_reason(cluster, client, folder, monkeypatch):
    from search.execution.cluster import ATTEMPTS, Cluster

    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    executor = Cluster(client, workers=1)
    script = folder / "deadly.py"
    script.write_text(DEADLY)
    module = load_module(Script.read(script))
    try:
        with pytest.raises(RunError, match=f"crashed its worker {ATTEMPTS} times .workers that died: 1"):
            executor.submit(replace(job(Bowl(), "standalone", str(script)), task=module.Deadly().to_json())).result(120)
    finally:
        executor.stop()
        client.wait_for_workers(2)


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_batch_which_runs_again(client, make_job):
    import psutil

    executor = Cluster(client, workers=1)
    try:
        batch = [replace(make_job(Bowl(sleep=1.0)), seed=seed) for seed in (1, 2, 3)]
        future = executor.submit_together([*batch, replace(batch[0], upto=2.0, after=b"nothing")])
        wait_for(lambda: grandchildren(client))
        psutil.Process(grandchildren(client)[0]).parent().kill()
        *ran, failed = future.result(120)
    finally:
        executor.stop()
        client.wait_for_workers(2)
    assert [one.result.accuracy for one in ran] == [one.run().accuracy for one in batch]
    assert "is not a result that can be read" in str(failed)


@pytest.mark.slow
def test_a_fault_of_a_worker_s_machine_is_tried_again_and_named(threads, folder):
    script = folder / "faulty.py"
    script.write_text(FAULTY)
    task = load_module(Script.read(script)).Faulty(mark=str(folder / "mark"))
    said = []
    executor = Cluster(threads, workers=1, say=said.append)
    try:
        ran = executor.submit(replace(job(Bowl(), "standalone", str(script)), task=task.to_json())).result(120)
    finally:
        executor.stop()
    assert ran.result.accuracy == job(Bowl(), "standalone").run().accuracy
    assert len(said) == 1 and said[0].startswith("The disk of this machine is full. The run is tried again")
    assert f"on the worker {ran.worker}" in said[0]
