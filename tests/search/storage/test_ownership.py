"""One driver at a time: excluded while it lives, replaced at once when it is dead, named to others."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path

import pytest

from search.errors import StudyError
from search.storage.location import Location
from search.storage.locks.ownership import owned, owner_of
from tests.support.waiting import wait_for


@pytest.fixture(params=["journal", "sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("server").url
    return str(tmp_path / "s.journal") if request.param == "journal" else f"sqlite:///{tmp_path}/s.db"


class Driver:
    """A process that takes a study when it is told to, and keeps it until it is told again."""

    def __init__(self, storage: str, folder: Path):
        ours, theirs = Pipe()
        self.pid = os.fork()  # a fresh interpreter would take a second to import
        if self.pid == 0:
            try:
                drive(theirs, storage, folder)
            finally:
                os._exit(0)
        self.pipe = ours

    def go(self) -> None:
        self.pipe.send("go")

    def said(self) -> str:
        assert self.pipe.poll(20), "it says nothing"
        return self.pipe.recv()

    def kill(self) -> None:
        """Kill it; as long as nobody waits for it, it stays in the table of processes."""
        os.kill(self.pid, signal.SIGKILL)


def drive(pipe, storage: str, folder: Path) -> None:
    pipe.recv()
    try:
        with owned(location(storage, folder), "study"):
            pipe.send("mine")
            pipe.recv()
    except StudyError as error:
        pipe.send(str(error))


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[[str], Driver]]:
    started: list[Driver] = []

    def start(storage: str) -> Driver:
        started.append(Driver(storage, tmp_path))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        os.waitpid(process.pid, 0)


def location(storage: str, folder: Path) -> Location:
    return Location.of(storage, folder / "s")


def test_a_living_driver_is_named(storage, driver, tmp_path):
    process = driver(storage)
    process.go()
    assert process.said() == "mine"
    host = re.escape(os.uname().nodename[:20])
    with pytest.raises(StudyError, match=rf"'study' is driven by process {process.pid} of \w+ on {host}.*, since 20"):
        owned(location(storage, tmp_path), "study").__enter__()
    with owned(location(storage, tmp_path), "another"):
        pass
    process.go()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with owned(location(storage, tmp_path), "study"):
        pass


def test_a_dead_drivers_study_is_free_at_once(storage, driver, tmp_path):
    process = driver(storage)
    process.go()
    assert process.said() == "mine"
    process.kill()
    wait_for(lambda: taken(storage, tmp_path))


def taken(storage: str, folder: Path) -> bool:
    owner = owner_of(location(storage, folder), "study")
    try:
        return owner.acquire()
    finally:
        owner.release()


def test_of_drivers_that_start_in_the_same_instant_one_goes_on(storage, driver):
    processes = [driver(storage) for _ in range(4)]
    for process in processes:
        process.go()
    said = [process.said() for process in processes]
    assert said.count("mine") == 1
    winner = processes[said.index("mine")]
    others = [line for line in said if line != "mine"]
    assert all(f"driven by process {winner.pid} of" in line for line in others), others


def test_two_threads_of_one_process_exclude_each_other_too(storage, tmp_path):
    with (
        owned(location(storage, tmp_path), "study"),
        pytest.raises(StudyError, match=f"driven by process {os.getpid()} "),
        owned(location(storage, tmp_path), "study"),
    ):
        pass


def test_a_journal_is_the_same_by_whatever_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.journal").symlink_to("s.journal")
    with owned(location("s.journal", Path()), "study"):
        for path in (tmp_path / "s.journal", "link.journal", "../" + tmp_path.name + "/s.journal"):
            assert not taken(str(path), tmp_path)


@pytest.mark.parametrize("study", ["../../etc/passwd", "..", "", "a" * 400, "größe und mehr", "a/b\0c"])
def test_any_name_of_a_study_makes_a_file_beside_the_storage(study, tmp_path):
    with owned(location(str(tmp_path / "s.journal"), tmp_path), study):
        (file,) = tmp_path.iterdir()
        assert file.name.startswith("s.journal.") and file.name.endswith(".driver.lock")
    assert not list(tmp_path.iterdir())  # nobody else waits for it


def test_a_folder_that_cannot_be_written_is_a_users_error(tmp_path):
    with (
        pytest.raises(StudyError, match="must be one that can be opened"),
        owned(location(str(tmp_path / "none" / "s.journal"), tmp_path), "s"),
    ):
        pass


def test_a_database_in_memory_needs_no_lock(tmp_path):
    with owned(location("sqlite://", tmp_path), "s"), owned(location("sqlite:///:memory:", tmp_path), "s"):
        pass


def test_databases_without_a_lock_of_ours_are_refused(tmp_path):
    with (
        pytest.raises(StudyError, match=r"journal file, SQLite or PostgreSQL; but mysql://ann:\*\*\*@host/db"),
        owned(location("mysql://ann:secret@host/db", tmp_path), "s"),
    ):
        pass


@pytest.mark.slow
def test_a_lock_that_a_restarted_server_has_lost_is_taken_back(server, tmp_path):
    with owned(location(server.url, tmp_path), "study") as owner:
        server.restart()
        owner.check()
        assert not taken(server.url, tmp_path)
        owner.check()


@pytest.mark.slow
def test_a_lock_that_could_not_be_taken_back_is_still_missing(server, tmp_path):
    with owned(location(server.url, tmp_path), "study") as owner:
        server.stop()
        for _ in range(2):
            with pytest.raises(ConnectionError):
                owner.check()
        server.start()
        owner.check()
        assert not taken(server.url, tmp_path)


@pytest.mark.slow
def test_a_driver_whose_study_was_taken_while_the_server_was_away_stops(server, driver, tmp_path):
    with owned(location(server.url, tmp_path), "study") as owner:
        server.restart()
        other = driver(server.url)
        other.go()
        assert other.said() == "mine"
        with pytest.raises(StudyError, match=f"has lost the study: .* driven by process {other.pid} of ann on"):
            owner.check()


@pytest.mark.slow
def test_studies_of_one_name_in_two_schemas_are_two(server, tmp_path):
    server.sql("CREATE SCHEMA IF NOT EXISTS second")
    second = server.url + "?options=-csearch_path%3Dsecond"
    with owned(location(server.url, tmp_path), "study"), owned(location(second, tmp_path), "study"):
        pass
