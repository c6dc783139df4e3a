"""Paths keep their meaning when a user's code changes the working folder; `~`, `%` and other characters in them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import optuna
import pytest

from search import Study
from search.errors import StudyError
from search.storage.address import absolute_reference
from search.storage.location import Location
from search.storage.locks.ownership import owned
from search.storage.opening import open_storage
from snn.backends.standalone.cache.folder import cache_folder
from snn.system.paths import absolute, child_environment, pinned, working_folder
from tests.support.synthetic import Bowl, network

SCRIPT = """\
import os
from pathlib import Path

from search import Study
from tests.support.synthetic import Bowl, network as bowl

{top}

def network(trial):
    {inside}
    return bowl(trial)


def objective(result):
    {inside}
    return 1 - result.accuracy


study = Study(network, Bowl({task}), ["accuracy", objective], pruner=None{more})
"""


@pytest.fixture
def elsewhere(folder: Path) -> Path:
    """A folder to which a user's code changes; it has a module with the name of one of ours."""
    away = folder / "elsewhere"
    away.mkdir()
    (away / "snn.py").write_text("raise ImportError('this is not snnsearch')")
    return away


@pytest.fixture
def back(folder: Path):
    """Change back to the folder in which commands are started."""
    return lambda: os.chdir(folder)


def script(folder: Path, top: str = "", inside: str = "pass", more: str = "", task: str = "", name="bowl.py") -> str:
    (folder / name).write_text(SCRIPT.format(top=top, inside=inside, more=more, task=task))
    return name  # relative, as one types it


STORAGES = [
    ([], "", "bowl.journal"),
    (["--storage", "x.journal"], "", "x.journal"),
    (["--storage", "sqlite:///x.db"], "", "x.db"),
    ([], ", storage='x.journal'", "x.journal"),
    ([], ", storage='sqlite:///x.db'", "x.db"),
]


QUICK = {("top", 0), ("inside", 2), ("top", 3)}
CHANGES = [
    pytest.param(place, *STORAGES[number], marks=() if (place, number) in QUICK else pytest.mark.slow)
    for place in ("top", "inside")
    for number in range(len(STORAGES))
]


@pytest.mark.parametrize(("place", "arguments", "more", "file"), CHANGES)
def test_a_change_of_the_working_folder_moves_no_file(folder, elsewhere, back, snnsearch, place, arguments, more, file):
    study = script(folder, more=more, **{place: f"os.chdir({str(elsewhere)!r})"})
    for total in (2, 3):
        done = snnsearch("run", study, "--trials", total, "--workers", 1, *arguments)
        assert done.status == 0 and Path.cwd() == elsewhere, done.err
        back()
    assert (folder / file).exists() and {path.name for path in elsewhere.iterdir()} == {"snn.py"}
    assert any(path.suffix == ".artifacts" for path in folder.iterdir())
    shown = json.loads(snnsearch("show", study, "--json", *arguments).out)
    assert shown["trials"]["complete"] == 3 and shown["storage"].endswith(str(folder / file))
    stem = folder / ("x" if file == "x.journal" else "bowl")
    assert Path(shown["files"]["states"]).parent == stem.with_suffix(".states")
    assert shown["files"]["images"] == str(stem.with_suffix(".artifacts"))
    back()
    words = snnsearch("show", study, *arguments).out
    assert shown["files"]["states"] in words and shown["files"]["images"] in words


@pytest.mark.slow
def test_what_is_written_and_read_besides_stays_too(folder, elsewhere, back, snnsearch):
    study = script(folder, top=f"os.chdir({str(elsewhere)!r})", inside=f"os.chdir({str(elsewhere)!r})")
    assert snnsearch("run", study, "--trials", 2, "--workers", 1).status == 0
    back()
    for command in (["report", study, "-o", "page.html", "--figures", "figures"], ["best", study, "-o", "net.json"]):
        done = snnsearch(*command)
        assert done.status == 0, done.err
        back()
    assert (folder / "page.html").exists() and (folder / "net.json").exists() and list((folder / "figures").iterdir())
    second = script(folder, top=f"os.chdir({str(elsewhere)!r})", name="second.py")
    script(folder, more=", storage='bowl.journal', name='bowl'", name="other.py")
    for number, other in enumerate(("bowl.py", "other.py", "bowl.journal", "bowl.journal#bowl")):
        done = snnsearch("run", second, "--trials", 0, "--warm-start", other, "--name", f"s{number}")
        assert done.status == 0 and "2 of 2 trials" in done.err, done.err
        back()
    third = script(folder, top=f"os.chdir({str(elsewhere)!r})", more=", warm_start='bowl.journal'", name="third.py")
    assert "2 of 2 trials" in snnsearch("run", third, "--trials", 0).err
    assert {path.name for path in elsewhere.iterdir()} == {"snn.py"}


@pytest.mark.slow
def test_a_worker_process_begins_where_the_command_was_started(folder, elsewhere, snnsearch):
    """The script changes to a relative folder when it is read, which works once, and again in network()."""
    study = script(folder, top="os.chdir('elsewhere')", inside="os.chdir('/')", task=f"log={str(folder / 'log')!r}")
    done = snnsearch("run", study, "--trials", 3, "--workers", 1, "--backend", "runtime")
    assert done.status == 0 and "3 complete" in done.out, done.err + done.out
    assert len((folder / "log").read_text().splitlines()) >= 3


@pytest.mark.slow
def test_a_program_is_found_and_built_from_any_working_folder(folder, elsewhere, monkeypatch):
    from brian2 import ms

    from snn import LIF, Dense, LeakyReadout, Network, SpikeTrains
    from snn.backends.program import Candidate
    from snn.backends.registry import load_program

    monkeypatch.setattr("snn.system.paths.STARTED_IN", folder)
    monkeypatch.setenv("SNNSEARCH_CACHE", "programs")
    monkeypatch.setenv("PYTHONPATH", "lib")
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population("hidden", LIF(), n=3)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    monkeypatch.chdir(elsewhere)
    assert load_program(Candidate(net.freeze(), 0), "standalone", "float32").built
    assert list((folder / "programs").iterdir()) and {path.name for path in elsewhere.iterdir()} == {"snn.py"}
    assert child_environment()["PYTHONPATH"] == str(folder / "lib")
    assert child_environment()["SNNSEARCH_CACHE"] == str(folder / "programs")


def test_a_study_made_in_python_keeps_its_paths(folder, elsewhere):
    def moves(trial):
        os.chdir(elsewhere)
        return network(trial)

    study = Study(moves, Bowl(), ["accuracy"], storage="x.journal", name="s", pruner=None)
    os.chdir(elsewhere)
    assert study.run(trials=2, workers=1).trials["complete"] == 2
    os.chdir(folder)
    assert (folder / "x.journal").exists() and not list(elsewhere.glob("x*"))


# ---- what a path may look like


def test_relative_paths_and_home_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert absolute("a/b") == tmp_path / "a/b" and absolute("/a/../b") == Path("/b")
    assert absolute("~/a") == Path("/home/ann/a") and absolute("~nobody-of-that-name/a").parts[-2:] == (
        "~nobody-of-that-name", "a",
    )  # fmt: skip
    with pinned(Path("/pinned")):
        assert working_folder() == Path("/pinned") and absolute("a") == Path("/pinned/a")
    assert working_folder() == tmp_path


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("a.journal#name", "HERE/a.journal#name"),
        ("script.py", "HERE/script.py"),
        ("sqlite:///a.db#name", "sqlite:///HERE/a.db#name"),
        ("sqlite:///a%23b.db?timeout=3#name", "sqlite:///HERE/a%23b.db?timeout=3#name"),
        ("postgresql://ann:secret@host/db#name", "postgresql://ann:secret@host/db#name"),
    ],
)
def test_another_study_keeps_its_name(tmp_path, monkeypatch, given, whole):
    monkeypatch.chdir(tmp_path)
    assert absolute_reference(given) == absolute_reference(whole.replace("HERE", str(tmp_path)))
    assert absolute_reference(given) == whole.replace("HERE", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "file"),
    [("~/x.journal", "x.journal"), ("sqlite:///~/x.db", "x.db"), ("sqlite:////HERE/~/x.db", "~/x.db")],
)
def test_a_home_folder_in_a_storage(folder, snnsearch, write, monkeypatch, given, file):
    home = folder / "home"
    (folder / "~").mkdir()
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    given = given.replace("/HERE", str(folder))
    where = (folder if "/~/" in given and str(folder) in given else home) / file
    assert Location.of(given, folder / "s").file == where
    assert snnsearch("run", write(), f"--storage={given}", "--trials", 0).status == 0
    assert where.exists()
    assert Study(network, Bowl(), storage=given).storage == Location.of(given, folder / "s").text


def test_a_home_folder_in_variables_and_outputs(folder, snnsearch, write, monkeypatch):
    monkeypatch.setenv("HOME", str(folder / "home"))
    (folder / "home").mkdir()
    monkeypatch.setenv("SNNSEARCH_CACHE", "~/programs")
    assert cache_folder() == folder / "home" / "programs"
    assert snnsearch("run", write(objectives=["accuracy"]), "--trials", 1, "--workers", 1).status == 0
    assert snnsearch("best", "bowl.py", "--output=~/net.json").status == 0
    assert (folder / "home" / "net.json").exists()


NAMES = ["100%", "50%ab", "a b", "größe", "a{b}", "a#b", "a?b", "a%3Fb", "a&b=c", "a+b", "a:b@c", "a'b\"c", "%"]
FILES = [("journal", name) for name in NAMES]
FILES += [pytest.param("sqlite", name, marks=pytest.mark.slow if place % 3 else ()) for place, name in enumerate(NAMES)]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_any_name_of_a_file(tmp_path, name, kind):
    (tmp_path / name).mkdir()
    file = tmp_path / name / f"{name}.db"
    escaped = str(file).replace("%", "%25").replace("?", "%3F")
    location = Location.of(str(file) if kind == "journal" else f"sqlite:///{escaped}", tmp_path / "script")
    with owned(location, "s"):
        optuna.create_study(study_name="s", storage=open_storage(location, create=True))
        assert [path.name for path in (tmp_path / name).glob("*.lock")] == [f"{name}.db.s.driver.lock"]
    assert location.file == file and file.stat().st_size > 0
    again = Location.of(location.text, tmp_path / "script")
    assert optuna.get_all_study_names(open_storage(again, create=False)) == ["s"] and again.folder(
        "s"
    ) == location.folder("s")
    assert {path.name for path in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize(("name", "remedy"), [("50%ab", "50%25ab/a.db"), ("100%25", "100%2525/a.db"), ("a?b", "%3F")])
def test_a_percent_sign_or_a_question_mark_that_must_be_escaped_is_refused(tmp_path, name, remedy):
    (tmp_path / name).mkdir()
    with pytest.raises(StudyError, match="write") as caught:
        Location.of(f"sqlite:///{tmp_path}/{name}/a.db", tmp_path / "script")
    assert remedy in str(caught.value) and not list((tmp_path / name).iterdir())


def test_a_warm_start_from_an_sqlite_database(folder, snnsearch):
    old = script(folder, name="old.py")
    for name in ("first", "second"):
        assert snnsearch("run", old, "--storage", "sqlite:///old.db", "--name", name, "--trials", 0).status == 0
    other = "sqlite:///old.db#second"
    done = snnsearch("run", script(folder), "--trials", 0, "--warm-start", other)
    assert done.status == 0 and "0 of 0 trials of sqlite:////" in done.err and "old.db#second added" in done.err
