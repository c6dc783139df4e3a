"""A storage that fails in every place once, before and after the call went through, holds what it would have held."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from sqlalchemy import create_engine, exc, text

from search.errors import StudyError
from search.storage import outages as patient
from search.storage.location import Location
from search.storage.opening import open_storage
from search.storage.outages import Patience

optuna.logging.set_verbosity(optuna.logging.WARNING)
Fault = Callable[[str], None]  # told "before" and "after" every write; what it raises is the storage's error


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "FIRST", 0.001)


def text_of(kind: str, folder: Path) -> str:
    return str(folder / "s.journal") if kind == "journal" else f"sqlite:///{folder}/s.db"


def breaking(kind: str, folder: Path, fault: Fault, **patience) -> BaseStorage:
    """A patient storage above one whose writes call `fault` where they reach the disk."""
    given = {"say": lambda line: None} | patience
    storage = open_storage(Location.of(text_of(kind, folder), folder / "s"), create=True, patience=Patience(**given))
    beneath = storage._storage._backend
    if kind == "journal":
        append = beneath.append_logs

        def append_logs(logs):
            fault("before")
            append(logs)
            fault("after")

        beneath.append_logs = append_logs
    else:
        commit = beneath.engine.dialect.do_commit

        def do_commit(connection):
            fault("before")
            commit(connection)
            fault("after")

        beneath.engine.dialect.do_commit = do_commit
    return storage


def error_of(kind: str) -> Exception:
    return OSError(28, "No space left on device") if kind == "journal" else sqlite3.OperationalError("disk I/O error")


def search(storage: BaseStorage) -> None:
    """Every call that writes, as a driver makes them."""
    study = optuna.create_study(study_name="s", storage=storage, directions=["minimize", "maximize"])
    study.set_user_attr("seed", 1)
    study.set_user_attr("seed", 2)
    study.enqueue_trial({"x": 0.25})
    study.add_trial(optuna.create_trial(state=TrialState.COMPLETE, values=[3, 4], user_attrs={"warm_start": "t#1"}))
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    for number in (0, 2, 3):
        trial = study.ask()
        assert trial.number == number
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("network", f"n{x}")
        storage.set_trial_intermediate_value(trial._trial_id, 1, 0.5)
        study.tell(trial, [x, 1 - x] if number != 2 else None, state=TrialState.FAIL if number == 2 else None)


def held(storage: BaseStorage) -> list:
    (study,) = storage.get_all_studies()
    trials = storage.get_all_trials(study._study_id)
    kept = [(t.number, t.state, t.values, t.params, t.user_attrs, t.intermediate_values) for t in trials]
    return [study.study_name, study.user_attrs, sorted(study.system_attrs), *kept]


LONG = pytest.mark.nightly


@pytest.mark.parametrize(
    ("kind", "when", "step"),
    [
        ("journal", "before", 1),
        ("journal", "after", 1),
        pytest.param("sqlite", "before", 3, marks=pytest.mark.slow),
        pytest.param("sqlite", "after", 3, marks=pytest.mark.slow),
        pytest.param("sqlite", "before", 1, marks=LONG),
        pytest.param("sqlite", "after", 1, marks=LONG),
    ],
)
def test_a_write_that_fails_once_leaves_what_it_should(kind, when, step, tmp_path):
    """Each `step`-th of the writes of a search fails, in a search of its own."""
    seen, fails = 0, -1
    lines: list[str] = []

    def fault(moment: str) -> None:
        nonlocal seen
        if moment == when:
            seen += 1
            if seen == fails:
                raise error_of(kind)

    def one(number: int) -> list:
        nonlocal seen, fails
        folder = tmp_path / str(number)
        folder.mkdir()
        for file in template.iterdir():  # making the tables of a database takes longer than a search
            shutil.copy(file, folder)
        seen, fails = 0, -1
        storage = breaking(kind, folder, fault, say=lines.append)
        seen, fails = 0, number
        search(storage)
        read = open_storage(Location.of(text_of(kind, folder), folder / "s"), create=False)  # by somebody else
        assert held(read) == held(storage)
        return held(read)

    template = tmp_path / "template"
    template.mkdir()
    breaking(kind, template, lambda moment: None).remove_session()
    undisturbed = one(0)
    assert [trial[1] for trial in undisturbed[3:]].count(TrialState.COMPLETE) == 3
    writes = seen
    assert writes >= 20
    for number in range(1, writes + 1, step):
        lines.clear()
        assert one(number) == undisturbed, f"write {number} of {writes}"
        assert len(lines) == 2 and "does not answer" in lines[0] and "answers again" in lines[1]


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_long_outage_is_said_once_and_ends_with_a_sentence(kind, tmp_path):
    lines: list[str] = []
    away = False

    def fault(moment: str) -> None:
        if away:
            raise error_of(kind)

    storage = breaking(kind, tmp_path, fault, say=lines.append, seconds=0.3)
    study = optuna.create_study(study_name="s", storage=storage)
    away = True
    with pytest.raises(StudyError, match=r"was unreachable for 0\.3 s \(.*(No space|disk I/O).*Rerun the command"):
        study.set_user_attr("seed", 1)
    assert len(lines) == 1 and "trying again for 0.3 s" in lines[0]


def test_ctrl_c_ends_the_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(patient, "FIRST", 1000.0)
    monkeypatch.setattr(patient, "LONGEST", 1000.0)
    stop = threading.Event()
    away, asked = False, []

    def fault(moment: str) -> None:
        if away:
            asked.append(moment)
            raise error_of("journal")

    storage = breaking("journal", tmp_path, fault, stop=stop.is_set, seconds=1e6)
    study = optuna.create_study(study_name="s", storage=storage)
    away = True
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(KeyboardInterrupt):
        study.ask()
    assert asked == ["before"]  # it was not tried again, for which it would have waited for a quarter of an hour


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_mistakes_are_not_tried_again(kind, tmp_path):
    lines: list[str] = []
    storage = breaking(kind, tmp_path, lambda moment: None, say=lines.append)
    study = optuna.create_study(study_name="s", storage=storage)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "s")
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("t")
    trial = study.ask()
    study.tell(trial, 1.0)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [2.0])
    assert not lines


DISORDER = [
    sqlite3.InternalError("in disorder"),
    sqlite3.InterfaceError("in disorder"),
    exc.PendingRollbackError("in disorder"),
    exc.ResourceClosedError("in disorder"),
    exc.TimeoutError("in disorder"),
]


@pytest.mark.parametrize(
    "error",
    [DISORDER[0], *(pytest.param(error, marks=pytest.mark.slow) for error in DISORDER[1:])],
    ids=lambda error: type(error).__name__,
)
def test_no_trial_fails_by_what_a_connection_in_disorder_reports(error, tmp_path):
    """Errors of the kinds that a server that goes away may leave behind, but that are not its own."""
    lines, left = [], -1

    def fault(moment: str) -> None:
        nonlocal left
        left -= moment == "before"
        if left == 0:
            raise error

    storage = breaking("sqlite", tmp_path, fault, say=lines.append)
    study = optuna.create_study(study_name="s", storage=storage)
    place = 0
    while left <= 0:  # each commit of a trial fails once
        place = left = place + 1
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 0, 1)
        trial.set_user_attr("a", 1)
        study.tell(trial, 1.0)
    stored = open_storage(Location.of(text_of("sqlite", tmp_path), tmp_path / "s"), create=False).get_all_trials(1)
    assert len(stored) == place > 5 and len(lines) == 2 * (place - 1)
    assert all(one.state == TrialState.COMPLETE and len(one.params) == 2 and one.user_attrs for one in stored)


@pytest.mark.slow
def test_what_a_database_refuses_ends_the_search_and_costs_no_trial(write, snnsearch, tmp_path, monkeypatch):
    from optuna.storages import RDBStorage

    set_param, calls = RDBStorage._set_trial_param, []

    def refuse(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            raise StorageInternalError from exc.ProgrammingError("INSERT", {}, Exception("permission denied"))
        return set_param(*arguments)

    monkeypatch.setattr(RDBStorage, "_set_trial_param", refuse)
    command = ("run", write(), "--storage", f"sqlite:///{tmp_path}/s.db", "--trials", 6, "--workers", 1, "--json")
    ended = snnsearch(*command)
    assert ended.status == 2 and "refuses a write (ProgrammingError: " in ended.err and "Traceback" not in ended.err
    ended = snnsearch(*command)
    trials = json.loads(ended.out)["trials"]
    assert trials == {"complete": 6, "fail": 0, "pruned": 0, "running": 0}, ended.err


def test_a_line_that_a_full_disk_has_cut_short_is_mended(tmp_path):
    storage = breaking("journal", tmp_path, lambda moment: None)
    study = optuna.create_study(study_name="s", storage=storage)
    beneath = storage._storage._backend
    append, torn = beneath.append_logs, []

    def append_logs(logs):
        if not torn:
            with open(tmp_path / "s.journal", "ab") as file:
                file.write(b'{"op_code":2,"stu')
            torn.append(True)
            raise error_of("journal")
        append(logs)

    beneath.append_logs = append_logs
    study.set_user_attr("seed", 1)
    assert torn and open_storage(Location.of(str(tmp_path / "s.journal"), tmp_path), create=False).get_study_user_attrs(
        0
    ) == {"seed": 1}


def test_a_file_that_is_no_database_is_not_waited_for(tmp_path):
    (tmp_path / "no.db").write_bytes(b"not a database " * 100)
    engine = create_engine(f"sqlite:///{tmp_path / 'no.db'}")
    with pytest.raises(exc.DatabaseError) as error, engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM trials"))
    assert not patient.passing(error.value)
