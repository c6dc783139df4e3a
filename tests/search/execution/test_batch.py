"""Trials that workers run together: the same numbers, no neighbour's fault, and batches as full as can be."""

from __future__ import annotations

import signal
from concurrent.futures import Future
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from search import Study
from search.driver.search import search
from search.errors import StudyError
from search.execution.executor import Executor
from search.execution.local import local_executor
from search.execution.queue import Jobs
from search.samplers.forest import ForestSampler
from search.spec.job import Ran, run_together
from search.storage.attributes import REASON, RESULT
from snn.errors import Cancelled, RunError, RunTimeout
from tests.support.executors import job, kill_processes
from tests.support.figures import make_trial
from tests.support.studies import assert_same, run
from tests.support.synthetic import Bowl, network


@pytest.mark.parametrize("backend", ["standalone", pytest.param("runtime", marks=pytest.mark.slow)])
def test_numbers_do_not_depend_on_the_batch(in_rungs, backend):
    one, three = (run(in_rungs(f"b{k}"), 5, batch=k, backend=backend)[1] for k in (1, 3))
    assert_same(one, three)
    assert {t.state for t in three} == {TrialState.COMPLETE}


def test_pruned_trials_leave_and_others_join(in_rungs):
    summary, trials = run(in_rungs(pruner="halving"), 30, batch=4)
    assert summary.trials["pruned"] >= 10 and sum(summary.trials.values()) == 30
    alone = run(in_rungs("alone"), 30, batch=1)[1]
    for one in trials:
        rungs, others = (t.user_attrs[RESULT]["rungs"] for t in (one, alone[one.number]))
        assert rungs == others[: len(rungs)]
        assert one.values is None or one.values == alone[one.number].values


def test_replicates_fill_batches(in_rungs):
    one, many = (run(in_rungs(f"b{k}", replicates=3), 4, batch=k)[1] for k in (1, 8))
    assert_same(one, many)


@pytest.mark.slow
def test_only_the_guilty_fail(in_rungs):
    """Above x = 0.6 they break, above 0.4 they take too long; the others of their batches are complete."""
    _, trials = run(in_rungs(rungs=1, task=Bowl(fail=0.6)), 12, batch=4)
    assert {t.number for t in trials if t.state == TrialState.FAIL} == {t.number for t in trials if t.params["x"] > 0.6}
    _, trials = run(in_rungs("slow", rungs=1, task=Bowl(slow=0.4)), 6, batch=4, timeout=0.5)
    late = [t for t in trials if t.state == TrialState.FAIL]
    assert 0 < len(late) < 6 and all("within 0.5 s" in t.user_attrs[REASON] for t in late)
    assert {t.number for t in late} == {t.number for t in trials if t.params["x"] > 0.4}


def test_the_default_sampler_goes_by_the_trials_under_way(in_rungs, monkeypatch):
    chosen = []
    choose = "search.start.opening.choose_sampler"
    from search.start import opening as begin

    real = begin.choose_sampler

    def watched(study, plan, workers=1):
        real(study, plan, workers)
        chosen.append(type(study.sampler))

    monkeypatch.setattr(choose, watched)
    study = in_rungs()
    for k in (4, 5):
        other = Study(network, Bowl(), ["accuracy"], name=f"k{k}", storage=study.storage, rungs=1)
        search(other.plan(), 2, 2, batch=k)
    assert chosen[1] is optuna.samplers.TPESampler and chosen[3] is ForestSampler


# ---- batches


class Held(Executor):
    """Holds batches until the test ends them."""

    def __init__(self, workers):
        super().__init__(workers)
        self.batches = []

    def submit(self, job):
        raise AssertionError("jobs go in batches")

    def submit_together(self, jobs):
        future: Future = Future()
        self.batches.append((list(jobs), future))
        return future

    def stop(self):
        for _, future in self.batches:
            if not future.done():
                future.set_exception(Cancelled("stopped"))

    def end(self, place):
        jobs, future = self.batches[place]
        future.set_result([Ran(one, "worker", 0.0, 1.0) for one in run_together(jobs)])


def sizes(executor):
    return [len(jobs) for jobs, _ in executor.batches]


@pytest.fixture
def two():
    """Two workers of batches of four; what they have ended is in the list."""
    executor = Held(2)
    seen: list = []
    return executor, Jobs(executor, 4), seen


def test_batches_are_full_and_rungs_of_one_length_go_together(two):
    executor, jobs, seen = two
    assert executor.places == 3
    long, short = job(Bowl(), "standalone"), job(Bowl(), "standalone", upto=0.5)
    for place in range(12):
        assert jobs.room
        jobs.submit(replace(short if place % 2 else long, seed=place), seen.append)
    assert not jobs.room and sizes(executor) == [4, 4, 4]
    executor.end(0)
    for _ in range(4):
        jobs.next(1)
    assert {future.result().result.seed for future in seen} == {0, 1, 2, 3}
    for place in range(12, 20):
        jobs.submit(replace(short if place % 2 else long, seed=place), seen.append)
    assert sizes(executor) == [4, 4, 4, 4]
    executor.end(1)
    executor.end(2)
    jobs.next(1)
    jobs.submit(replace(short, seed=20), seen.append)  # of the five held, two are long; the first decides
    assert [one.upto for one in executor.batches[4][0]] == [1.0, 1.0, 0.5, 0.5]
    jobs.stop()


def test_no_worker_idles_while_jobs_are_held(two):
    executor, jobs, seen = two
    for _ in range(3):
        jobs.submit(job(Bowl(), "standalone"), seen.append)
    assert sizes(executor) == []  # more may come
    jobs.next(0.01)  # nothing can come but from these: each worker has its part
    assert sizes(executor) == [2, 1]
    jobs.submit(job(Bowl(), "standalone"), seen.append)
    jobs.next(0.01)
    assert sizes(executor) == [2, 1]  # both work
    executor.end(1)
    jobs.next(1)
    jobs.next(0.01)
    assert sizes(executor) == [2, 1, 1] and len(seen) == 1
    jobs.stop()


def test_what_is_held_is_stopped_and_what_is_cancelled_is_not_sent(two):
    executor, jobs, seen = two
    first, second = (jobs.submit(job(Bowl(), "standalone"), seen.append) for _ in "ab")
    assert first.cancel()
    jobs.stop()
    assert first.cancelled() and isinstance(second.exception(1), Cancelled) and sizes(executor) == []
    jobs.next(1)
    jobs.next(1)
    assert len(seen) == 2 and not len(jobs)


def test_an_executor_that_runs_single_jobs_says_so():
    class Single(Executor):
        def submit(self, job):
            return Future()

        def stop(self):
            pass

    with pytest.raises(StudyError, match="Single cannot run trials together: leave `batch` at 1"):
        Single(1).submit_together([])


# ---- processes


def batch_of(task, n, script, **more):
    """Jobs for the process behind a thread, with seeds of their own and x from 0.1 to 0.9."""
    from optuna.trial import FixedTrial

    places = [FixedTrial({"x": 0.1 + 0.8 * place / (n - 1), "y": 0.5}) for place in range(n)]
    texts = [network(fixed).freeze().to_json() for fixed in places]
    return [
        replace(job(task, "runtime", str(script), **more), network=text, seed=seed) for seed, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "mine.py").write_text("from tests.support.synthetic import Bowl\n")
    executor = local_executor(Bowl(), workers=1)
    yield executor, folder / "mine.py"
    executor.stop()


@pytest.mark.slow
def test_a_crash_of_the_process_costs_the_guilty_alone(one_process):
    executor, script = one_process
    there = executor.submit_together(batch_of(Bowl(crash=0.8), 3, script)).result(120)
    for ran, one in zip(there[:2], batch_of(Bowl(), 3, script), strict=False):
        assert isinstance(ran, Ran) and ran.result.accuracy == one.run().accuracy
    assert isinstance(there[2], RunError) and "signal SIGSEGV" in str(there[2])


@pytest.mark.slow
def test_a_batch_whose_process_is_killed_runs_again(one_process, tmp_path):
    executor, script = one_process
    log = tmp_path / "log"
    future = executor.submit_together(batch_of(Bowl(sleep=0.5, log=str(log)), 3, script))
    assert set(kill_processes(executor, log)) == {-signal.SIGKILL}
    ran = future.result(120)
    assert [one.result.seed for one in ran] == [0, 1, 2] and len({(one.began, one.ended) for one in ran}) == 1


@pytest.mark.slow
def test_a_batch_ends_when_the_time_of_all_is_up(one_process):
    executor, script = one_process
    ran = executor.submit_together(batch_of(Bowl(slow=0.6), 2, script, timeout=1.0)).result(120)
    assert isinstance(ran[0], Ran) and isinstance(ran[1], RunTimeout)


@pytest.mark.slow
def test_real_networks_in_a_process(folder):
    """Brian2 in process, and two structures."""
    script = folder / "real.py"
    script.write_text("from tests.support.noise import Ramp, follower\nfrom tests.support.corners import Corners\n")
    from brian2 import ms

    from tests.support.corners import Corners, learner, taught

    task = Corners(sample=4 * ms)
    one = replace(job(Bowl(), "runtime", str(script), upto=0.25), task=task.to_json())
    networks = [learner(), taught(0.5), learner(0.2)]
    mixed = [replace(one, seed=seed, network=net.freeze().to_json()) for seed, net in enumerate(networks)]
    executor = local_executor(task, workers=1)
    try:
        there = executor.submit_together(mixed).result(120)
    finally:
        executor.stop()
    for ran, one in zip(there, mixed, strict=True):
        here = one.run(task=task)
        assert ran.result.counts == here.counts and ran.result.stream.losses.tobytes() == here.stream.losses.tobytes()


# ---- settings


@pytest.mark.parametrize(("flags", "words"), [
    (["--batch", "0"], "must be a whole number from 1 to 4096, but is '0'"),
    (["--batch", "many"], "must be a whole number from 1 to 4096, but is 'many'"),
])  # fmt: skip
def test_what_is_no_batch_is_an_error(snnsearch, write, flags, words):
    ended = snnsearch("run", write(), *flags)
    assert ended.status == 2 and words in ended.err and "Traceback" not in ended.err
    assert "--batch K" in snnsearch("run", "--help").out


def test_a_study_takes_a_batch_too(in_rungs):
    with pytest.raises(StudyError, match="`batch` must be a whole number from 1 to 4096, but is 0"):
        in_rungs().run(trials=2, batch=0)
    with pytest.raises(StudyError, match=r"no setting 'bacth'.*nearest: 'batch'"):
        in_rungs().run(trials=2, bacth=2)
    assert in_rungs().run(trials=3, workers=1, batch=3).trials["complete"] == 3


def test_runs_of_a_batch_share_its_time_in_the_timeline():
    from search.report.figures.timeline import runs, sessions, utilisation

    worked = [
        make_trial(0, [1.0, 1.0], runs=[["worker 0", 0.0, 9.0], ["worker 0", 9.0, 10.0]]),
        make_trial(1, [1.0, 1.0], runs=[["worker 0", 0.0, 9.0]]),
        make_trial(2, [1.0, 1.0], runs=[["worker 0", 0.0, 9.0], ["worker 1", 0.0, 5.0]]),
    ]
    found = runs(worked)
    assert [(r.began, r.ended) for r in found if r.worker == "worker 0"] == [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert utilisation(sessions(found)) == pytest.approx(15 / 20)
