"""A real database server that goes away while a search uses it."""

from __future__ import annotations

import threading
import time

import optuna
import pytest
from optuna.trial import TrialState

from search.errors import StudyError
from search.storage import outages as patient
from search.storage.location import Location
from search.storage.opening import open_storage
from search.storage.outages import Patience
from tests.support import postgres


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "FIRST", 0.001)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_restarted_loses_nothing_and_stops_nobody(server, mode, tmp_path):
    lines: list[str] = []
    location = Location.of(server.url, tmp_path / "s")
    storage = open_storage(location, create=True, patience=Patience(lines.append))
    study = optuna.create_study(study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    restart = threading.Thread(target=lambda: (time.sleep(0.3), server.restart(mode, pause=0.3)))
    restart.start()
    told, end = {}, time.monotonic() + 60
    while restart.is_alive() or len(told) < 20:
        trial = study.ask()
        told[trial.number] = trial.suggest_float("x", 0, 1)
        study.tell(trial, told[trial.number])
        assert time.monotonic() < end
    restart.join()
    found = optuna.load_study(study_name="s", storage=open_storage(location, create=False)).trials
    assert {trial.number: trial.value for trial in found} == told == {t.number: t.params["x"] for t in found}
    assert all(trial.state == TrialState.COMPLETE for trial in found)
    assert ["does not answer" in lines[0], "answers again" in lines[1]] == [True, True] and len(lines) == 2
    assert postgres.PASSWORD not in str(lines) and "pass%20word" not in str(lines)


@pytest.mark.slow
def test_a_server_that_is_away_while_a_driver_opens_the_study_is_waited_for(server, tmp_path):
    lines: list[str] = []
    server.stop()
    back = threading.Timer(0.5, server.start)
    back.start()
    storage = open_storage(Location.of(server.url, tmp_path / "s"), create=True, patience=Patience(lines.append))
    back.join()
    assert storage.get_all_studies() == [] and len(lines) == 2


def test_an_answer_that_a_server_could_not_give_any_more(server, tmp_path):
    """The commit went through, the connection did not last to say so: Optuna alone would make the trial twice."""
    storage = open_storage(Location.of(server.url, tmp_path / "s"), create=True, patience=Patience(print))
    study = optuna.create_study(study_name="s", storage=storage)
    dialect = storage._storage._backend.engine.dialect
    commit, cut = dialect.do_commit, [True]

    def do_commit(connection):
        commit(connection)
        if cut and server.sql("SELECT count(*) FROM trials WHERE number IS NOT NULL") != [(0,)]:
            cut.clear()
            pid = connection.driver_connection.info.backend_pid
            server.sql(f"SELECT pg_terminate_backend({pid}, 5000)")
            connection.driver_connection.execute("SELECT 1")  # fails as the commit's answer would have

    dialect.do_commit = do_commit
    assert study.ask().number == 0 and not cut
    assert study.ask().number == 1
    assert server.sql("SELECT count(*) FROM trials") == [(2,)]


@pytest.mark.slow
def test_new_connections_are_checked(server, tmp_path):
    """A driver that has lost its study while the server was away writes nothing more."""
    mine = True

    def check() -> None:
        if not mine:
            raise StudyError("it is another's")

    storage = open_storage(Location.of(server.url, tmp_path / "s"), create=True, patience=Patience(print, check=check))
    study = optuna.create_study(study_name="s", storage=storage)
    study.ask()
    server.restart()
    mine = False
    with pytest.raises(StudyError, match="it is another's"):
        study.ask()
    assert server.sql("SELECT count(*) FROM trials") == [(1,)]
