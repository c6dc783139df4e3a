"""Searches on a cluster: the numbers of a local search, and what the death of any process costs."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Thread

import optuna
import pytest

from search.analysis.trials import front
from search.driver.search import search
from search.execution.cluster import Cluster
from search.spec.script import Script
from search.spec.seeds import trial_seed
from search.storage.attributes import SEED
from search.storage.journal.file import open_journal
from search.study import load_study
from tests.support.clusters import LOOPBACK, MINE, at, could_be_lost, entries, grandchildren
from tests.support.executors import job
from tests.support.studies import assert_same, count_ended, journal_trials, load, run
from tests.support.synthetic import Bowl
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster


def test_a_search_gives_the_numbers_of_a_local_one(threads, make_study, monkeypatch):
    monkeypatch.setattr(
        "search.execution.cluster.OURS", {"snn", "tasks", "tests"}
    )  # which the workers of this process have
    here = run(make_study("here"), 6)[1]
    for batch in (1, 3):
        study = make_study(f"there{batch}")
        summary, interrupted = search(study.plan(), 6, cluster=threads, batch=batch)
        assert not interrupted and summary.trials["complete"] == 6
        assert_same(here, load(study).trials)


@pytest.mark.slow
def test_a_search_on_processes_gives_the_numbers_of_a_local_one(cluster, write, snnsearch, folder):
    script = write(MINE.format(task=""))
    there = ["--cluster", cluster.scheduler_address]
    for name, more in {"here": [], "together": [*there, "--batch", 3], "there": there}.items():
        ended = snnsearch("run", script, *at(name), "--trials", 8, "--json", *more)
        assert ended.status == 0, ended.err
    here, *others = (journal_trials(folder / f"{name}.journal", name) for name in ("here", "together", "there"))
    for other in others:
        assert_same(here, other)


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_rung_and_nothing_else(cluster, write, snnsearch, folder):
    alone = snnsearch("run", write(MINE.format(task="")), *at("here"), "--trials", 8, "--workers", 2)
    assert alone.status == 0
    diary = folder / "diary"
    diary.touch()
    script = write(MINE.format(task=f"sleep=0.4, diary={str(diary)!r}, deadly={trial_seed(0, 3)}"))
    address = cluster.scheduler_address
    ended = snnsearch("run", script, *at("there"), "--trials", 8, "--workers", 2, "--cluster", address)
    assert ended.status == 0, ended.err
    assert_same(*(journal_trials(folder / f"{name}.journal", name) for name in ("here", "there")))
    begun = Counter((seed, upto) for what, _, seed, upto in entries(diary) if what == "begins")
    once = Counter((trial_seed(0, number), upto) for number in range(8) for upto in (0.125, 0.25, 0.5, 1.0))
    # the best are run once more in the end
    finals = Counter((trial.user_attrs[SEED], 1.0) for trial in front_of(folder / "there.journal", "there"))
    again, (deadly, lost) = begun - once - finals, could_be_lost(diary)
    assert not once + finals - begun
    assert deadly in again and set(again) <= lost and set(again.values()) == {1}, (again, diary.read_text())


def front_of(journal, name):
    """The best trials that a journal holds."""
    return front(optuna.load_study(study_name=name, storage=open_journal(journal)))


@pytest.fixture
def hidden(client, folder):
    """A path of the folder that leads there in this process only."""
    descriptor = os.open(folder, os.O_RDONLY)
    path = Path(f"/proc/self/fd/{descriptor}")
    (folder / "mine.py").write_text(MINE.format(task=""))
    assert (path / "mine.py").is_file() and not any(client.run(os.path.exists, str(path / "mine.py")).values())
    yield path
    os.close(descriptor)


@pytest.mark.slow
def test_a_script_that_is_not_on_the_workers_is_sent(client, hidden):
    task = load_study(Script.read(hidden / "mine.py")).task
    executor = Cluster(client)
    one = replace(job(Bowl(), "standalone", str(hidden / "mine.py")), task=task.to_json())
    try:
        assert executor.submit(one).result(120).result.accuracy == one.run().accuracy
    finally:
        executor.stop()


@pytest.mark.slow
def test_workers_never_open_the_storage_and_a_client_stays_open(client, hidden, folder):
    study = load_study(Script.read(folder / "mine.py"))
    plan = study.plan(Script.read(folder / "mine.py"), storage=hidden / "s.journal")
    summary, _ = search(plan, 4, cluster=client)
    assert client.status == "running" and client.submit(os.getpid).result() in client.run(os.getpid).values()
    assert summary.trials["complete"] == 4 and len(journal_trials(folder / "s.journal", "mine")) == 4
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
def test_a_lost_scheduler_ends_the_search_which_can_go_on(own, write, snnsearch, start_module):
    scheduler, address = own
    start_module("distributed.cli.dask_worker", address, *LOOPBACK, "--nthreads", 2)
    script = write(task="sleep=0.3")
    killer = Thread(target=lambda: (wait_for(lambda: count_ended(script) >= 2), scheduler.kill()))
    killer.start()
    lost = snnsearch("run", script, "--trials", 40, "--workers", 2, "--cluster", address)
    killer.join()
    assert lost.status == 2 and "Lost connection to the Dask scheduler" in lost.err
    assert lost.err.count("\n") == 3 + count_ended(script), lost.err
    trials = journal_trials(script.with_suffix(".journal"), script.stem)
    states = Counter(trial.state.name for trial in trials)
    assert states["FAIL"] == 0 and states["RUNNING"] == 3 and states["COMPLETE"] >= 2
    assert "Restart the scheduler and rerun the same command" in lost.err
    assert f"Kept: {states['COMPLETE']} trials that have ended, and the rungs behind the 3 under way." in lost.err
    ended = snnsearch("run", script, "--trials", len(trials), "--workers", 2)  # here, for once
    assert ended.status == 0 and f"goes on from {states['COMPLETE']} of {len(trials)} trials" in ended.err
    after = journal_trials(script.with_suffix(".journal"), script.stem)
    assert [t.values for t in after if trials[t.number].values] == [t.values for t in trials if t.values]


@pytest.fixture
def empty_cluster():
    """A scheduler in this process that has no workers yet."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_worker_of_another_version_ends_a_search_and_lets_none_begin(
    empty_cluster, start_module, write, snnsearch, folder
):
    """It has another version of the package installed, by what is first on its search path."""
    about = folder / "other" / "snnsearch-0.0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: snnsearch\nVersion: 0.0.1\n")
    address, script = empty_cluster.scheduler_address, write()

    def comes_later():
        wait_for(lambda: empty_cluster.scheduler.clients and script.with_suffix(".journal").exists())
        worker = [address, *LOOPBACK, "--nthreads", 1, "--no-nanny"]
        start_module("distributed.cli.dask_worker", *worker, path=folder / "other")

    later = Thread(target=comes_later)
    later.start()
    ended = snnsearch("run", script, "--trials", 2, "--cluster", address)
    later.join()
    assert ended.status == 2 and "trials wait for workers\n" in ended.err
    assert "has 0.0.1: install snnsearch" in ended.err and "Traceback" not in ended.err
    assert {trial.state.name for trial in journal_trials(script.with_suffix(".journal"), "bowl")} == {"RUNNING"}
    ended = snnsearch("run", write(name="other.py"), "--trials", 2, "--cluster", address)
    assert ended.status == 2 and "has 0.0.1: install snnsearch" in ended.err and "Traceback" not in ended.err
    assert not (folder / "other.journal").exists() or not journal_trials(folder / "other.journal", "other")
