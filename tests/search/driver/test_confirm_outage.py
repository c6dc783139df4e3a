"""Confirmation by several workers, while its storage fails, and with Ctrl-C."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError

from search import Study
from search.analysis.confirmation import Confirmation, stored_runs
from search.driver.search import search
from search.errors import ExecutorLost, StudyError
from search.execution.executor import Executor
from search.spec.job import Job, Ran
from search.start import resources
from search.storage import outages
from search.storage.attributes import CONFIRM, NETWORK
from search.storage.journal.file import Backend
from search.storage.opening import open_storage
from search.storage.outages import Patience
from snn.errors import OtherData
from snn.network.spec import NetworkSpec
from tests.support.synthetic import Bowl, network

TOP, SEEDS = 2, 4


class Storage:
    """A storage whose writes of confirmed runs fail when the test says so."""

    def __init__(self) -> None:
        self.before: Callable[[int], None] = lambda count: None
        self.after: Callable[[int], None] = lambda count: None
        self.count = 0

    def write(self, write: Callable[[], None]) -> None:
        """Write, and call the test's functions before and after, with the number of the attempt."""
        self.count += 1
        self.before(self.count)
        write()
        self.after(self.count)


@pytest.fixture
def searched(tmp_path: Path) -> Callable[..., Study]:
    """Make a study in a storage of its own, with three ended trials."""

    def make(kind: str = "journal", name: str = "s", **task: object) -> Study:
        text = str(tmp_path / f"{name}.journal") if kind == "journal" else f"sqlite:///{tmp_path}/{name}.db"
        study = Study(network, Bowl(**task), ["accuracy"], name="s", sampler=RandomSampler, pruner=None, storage=text)
        search(study.plan(), 3, 1)
        return study

    return make


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Storage:
    """The writes of confirmed runs, to a journal and to SQLite; a failed one is tried again at once."""
    monkeypatch.setattr(outages, "FIRST", 0.001)
    failing, append, set_attr = Storage(), Backend.append_logs, RDBStorage.set_study_user_attr

    def append_logs(backend, logs):
        write = partial(append, backend, logs)
        failing.write(write) if any(CONFIRM in str(log) for log in logs) else write()

    def set_study_user_attr(database, study_id, key, value):
        write = partial(set_attr, database, study_id, key, value)
        failing.write(write) if key.startswith(CONFIRM) else write()

    monkeypatch.setattr(Backend, "append_logs", append_logs)
    monkeypatch.setattr(RDBStorage, "set_study_user_attr", set_study_user_attr)
    return failing


class AtOnce(Executor):
    """Runs each job when it is submitted, and ends with an error for the jobs that `fails` chooses."""

    def __init__(self, task: Bowl, fails: Callable[[int], Exception | None] = lambda place: None):
        super().__init__(workers=4)
        self.task, self.fails, self.submitted = task, fails, 0

    def submit(self, job: Job) -> Future[Ran]:
        self.submitted += 1
        future: Future[Ran] = Future()
        if (error := self.fails(self.submitted)) is not None:
            future.set_exception(error)
        else:
            future.set_result(Ran(job.run(None, self.task), "worker", 0.0, 1.0))
        return future

    def stop(self) -> None:
        """Nothing runs."""


def opened(study: Study) -> optuna.Study:
    plan = study.plan()
    return optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False))


def stored(study: Study) -> set[tuple[int, int]]:
    """Trial and seed of each run that was stored."""
    return {(trial, seed) for trial, runs in stored_runs(opened(study)).items() for seed in runs}


def error_of(kind: str) -> Exception:
    if kind == "journal":
        return OSError(28, "No space left on device")
    return OperationalError("UPDATE", {}, sqlite3.OperationalError("disk I/O error"))


def same(one: Confirmation, other: Confirmation) -> bool:
    return one.seeds == other.seeds and one.rows == other.rows


def test_each_of_several_jobs_is_stored_under_its_trial_and_seed(searched):
    study = searched(sleep=0.01)
    confirmation = study.confirm(top=3, seeds=SEEDS, workers=3)
    trials, known = opened(study).trials, stored_runs(opened(study))
    assert len(confirmation.rows) == 3 and len(confirmation.seeds) == SEEDS
    for row in confirmation.rows:
        spec = NetworkSpec.from_json(trials[row.number].user_attrs[NETWORK])
        alone = tuple(study.task.run(spec, seed=seed, test=True).test_accuracy for seed in confirmation.seeds)
        assert row.values == alone and len(set(alone)) > 1
        assert [known[row.number][seed]["test_accuracy"] for seed in confirmation.seeds] == list(alone)


@pytest.mark.parametrize("kind", ["journal", pytest.param("sqlite", marks=pytest.mark.slow)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_outage_costs_no_run(kind, moment, searched, storage, capsys):
    """Each write fails once, before it reaches the disk or after."""
    undisturbed = searched(name="undisturbed").confirm(top=TOP, seeds=SEEDS, workers=2)
    study, storage.count = searched(kind), 0

    def fail(count: int) -> None:
        if count % 2:
            raise error_of(kind)

    setattr(storage, moment, fail)
    capsys.readouterr()
    assert same(study.confirm(top=TOP, seeds=SEEDS, workers=2), undisturbed)
    said = capsys.readouterr().err
    assert storage.count == 2 * TOP * SEEDS
    assert said.count("does not answer") == said.count("answers again") == TOP * SEEDS
    assert f"[{TOP * SEEDS}/{TOP * SEEDS}] trial" in said and "failed" not in said
    assert len(stored(study)) == TOP * SEEDS


def test_an_outage_that_does_not_end_is_an_error_and_the_next_call_goes_on(searched, storage, monkeypatch, tmp_path):
    log = tmp_path / "log"
    study = searched(log=str(log))
    monkeypatch.setattr(outages, "Patience", partial(Patience, seconds=0.1))

    def fail(count: int) -> None:
        if count > 3:
            raise error_of("journal")

    storage.before = fail
    with pytest.raises(StudyError, match=r"was unreachable for 0\.1 s .*No space left"):
        study.confirm(top=TOP, seeds=SEEDS, workers=1)
    assert len(stored(study)) == 3
    storage.before = lambda count: None
    log.write_text("")
    assert all(len(row.values) == SEEDS for row in study.confirm(top=TOP, seeds=SEEDS, workers=1).rows)
    assert len(log.read_text().splitlines()) == TOP * SEEDS - 3


def test_ctrl_c_ends_the_wait_for_a_storage(searched, storage, monkeypatch):
    study = searched()
    monkeypatch.setattr(outages, "FIRST", 300.0)  # the wait would outlast the test

    def fail(count: int) -> None:
        signal.raise_signal(signal.SIGINT)
        raise error_of("journal")

    storage.before = fail
    with pytest.raises(KeyboardInterrupt, match="while waiting for the storage"):
        study.confirm(top=TOP, seeds=SEEDS, workers=1)
    assert storage.count == 1 and not stored(study)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AtOnce]]:
    """Have confirmations use an `AtOnce`."""

    def use(study: Study, **settings) -> AtOnce:
        executor = AtOnce(study.task, **settings)
        monkeypatch.setattr(resources, "executor_of", lambda *arguments: executor)
        return executor

    return use


def test_runs_that_have_ended_when_ctrl_c_comes_are_kept(searched, storage, at_once):
    study = searched()
    executor = at_once(study)
    storage.before = lambda count: signal.raise_signal(signal.SIGINT) if count == 1 else None
    with pytest.raises(KeyboardInterrupt, match="call confirm again"):
        study.confirm(top=TOP, seeds=SEEDS)
    assert executor.submitted == executor.places < TOP * SEEDS
    assert len(stored(study)) == executor.submitted
    storage.before = lambda count: None
    assert all(len(row.values) == SEEDS for row in study.confirm(top=TOP, seeds=SEEDS).rows)
    assert executor.submitted == TOP * SEEDS


@pytest.mark.parametrize("error", [ExecutorLost("The cluster is gone."), OtherData("Other data.")], ids=type)
def test_an_executor_that_is_lost_ends_the_confirmation_and_what_had_ended_is_kept(error, searched, at_once):
    study = searched()
    executor = at_once(study, fails=lambda place: error if place == 1 else None)
    with pytest.raises(ExecutorLost, match=str(error)):
        study.confirm(top=TOP, seeds=SEEDS)
    assert executor.submitted == executor.places
    assert len(stored(study)) == executor.submitted - 1


def test_the_order_in_which_runs_end_does_not_matter(searched, at_once):
    study, other = searched(), searched(name="other")
    at_once(study, fails=lambda place: RuntimeError("once") if place % 2 else None)
    half = study.confirm(top=TOP, seeds=SEEDS)
    assert sum(len(row.values) for row in half.rows) == TOP * SEEDS // 2
    at_once(study)
    assert same(study.confirm(top=TOP, seeds=SEEDS), other.confirm(top=TOP, seeds=SEEDS))


@pytest.mark.parametrize("name", ["s.journal", "folder/s.journal"])
def test_a_study_that_was_never_run_leaves_no_file(name, tmp_path):
    study = Study(network, Bowl(), ["accuracy"], name="s", storage=tmp_path / name)
    with pytest.raises(StudyError, match="must have been run before it can be read, but there is no"):
        study.confirm()
    assert not list(tmp_path.iterdir())
