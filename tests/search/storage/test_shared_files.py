"""Storages of one script: each study finds its own files and no others, and nobody's files are lost."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from search import Study
from search.samplers.byindex import ByIndex
from search.storage.attributes import IDENTIFIER
from search.storage.identity import CALL_NOTES
from search.storage.location import Location
from search.storage.opening import open_storage
from tests.support.interrupted import interrupted, searched
from tests.support.synthetic import Bowl, network

SERVER = "postgresql://ann:secret@db.example:5432/"
DIFFERENT = [
    "lr0.1", "lr0.2", "lr0", "lr0.journal", "a.db", "sub/a.db", "sqlite:///a.db", "sqlite:///b.db", "sqlite://",
    f"{SERVER}first", f"{SERVER}second", SERVER.replace("5432", "5433") + "first",
    SERVER.replace("db.example", "other.example") + "first", f"{SERVER}first?options=-csearch_path%3Dsecond",
]  # fmt: skip
SAME = [
    ("a.journal", "HERE/a.journal"),
    ("a.journal", "sub/../a.journal"),
    ("a.journal", "link.journal"),
    ("sqlite:///a.db", "sqlite:///HERE/a.db"),
    ("sqlite:///a.db", "sqlite+pysqlite:///a.db?timeout=3"),
    ("sqlite:///a b.db", "sqlite:///a%20b.db"),
    (f"{SERVER}first", "postgresql+psycopg://bob@DB.example/first?connect_timeout=3"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.journal").symlink_to("a.journal")
    return tmp_path


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(DIFFERENT, 2)))
def test_two_storages_have_two_folders(one, other, here):
    first, second = (Location.of(text, here / "script") for text in (one, other))
    assert first.identity != second.identity and first.folder("s") != second.folder("s")
    assert {first.folder("s"), second.folder("s")}.isdisjoint({first.old_folder("s"), second.old_folder("s")})


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_storage_has_one_folder_however_it_is_named(one, other, here):
    first, second = (Location.of(text.replace("HERE", str(here)), here / "script") for text in (one, other))
    assert first.identity == second.identity and first.folder("s") == second.folder("s")


def test_folders_move_with_their_storage(here):
    storages = ["lr0.1", "sqlite:///a.db", f"{SERVER}first"]
    before = [Location.of(text, here / "script").folder("s").relative_to(here) for text in storages]
    moved = here / "sub"
    storages = ["sub/lr0.1", "sqlite:///sub/a.db", f"{SERVER}first"]
    assert [Location.of(text, moved / "script").folder("s").relative_to(moved) for text in storages] == before


# ---- what a search does with the files of another


def plan_of(storage: str, folder: Path, seed: int = 0, task: Bowl | None = None):
    study = Study(network, task or Bowl(), ["accuracy"], name="s", sampler=ByIndex(0), storage=storage, pruner=None)
    plan = study.plan(seed=seed)
    return replace(plan, location=Location.of(storage, folder / "script"))


def values(trials):
    return [(trial.params, trial.values) for trial in trials]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, without the notes on calls of functions, which go with the driver that made them."""
    files = folder.iterdir() if folder.exists() else ()
    return {path.name: path.read_bytes() for path in files if path.is_file() and path.name not in CALL_NOTES}


PAIRS = [("lr0.1", "lr0.2"), ("sqlite:///a.db", "sqlite:///b.db"), ("a.db.journal", "sqlite:///a.db")]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_search_leaves_the_states_of_another_storage_alone(one, other, here):
    first = interrupted(plan_of(one, here, seed=1), 2)
    before = contents(first.location.folder("s"))
    second = plan_of(other, here, seed=2)
    undisturbed = values(searched(plan_of("calm.journal", here, seed=2)))
    assert values(searched(second)) == undisturbed
    assert any(name.endswith(".rung") for name in before) and contents(first.location.folder("s")) == before
    searched(first)
    assert not first.location.states.exists()


def spool(plan, seed: int) -> Path:
    """Have a finished trial's result wait beside a study, as after an outage; its file."""
    (trial, *_) = searched(plan, 1)
    study = optuna.load_study(study_name="s", storage=open_storage(plan.location, create=False))
    file = plan.location.folder("s") / f"result-0.{study.user_attrs[IDENTIFIER]}-{'0' * 16}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"number": 0, "data": {"result": trial.user_attrs["result"]}}))
    return file


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_files_of_another_study_are_named_once_and_neither_told_nor_removed(one, other, here, capsys):
    first = interrupted(plan_of(one, here, seed=1), 3)
    second = interrupted(plan_of(other, here, seed=2), 1)
    folder = second.location.folder("s")
    for file in first.location.folder("s").iterdir():
        shutil.copy(file, folder / file.name)
    waiting = spool(plan_of("third.journal", here, seed=3), 3)
    shutil.copy(waiting, folder / waiting.name)
    strangers = {file.name for file in first.location.folder("s").iterdir()} | {waiting.name}
    before = {name: data for name, data in contents(folder).items() if name in strangers}
    capsys.readouterr()
    trials = searched(second)
    assert values(trials) == values(searched(plan_of("calm.journal", here, seed=2)))
    assert contents(folder) == before
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "left alone" in line]
    assert waiting.name in line and all(name in line for name in strangers if name.endswith(".rung"))


def test_the_notes_of_a_killed_driver_are_not_named_as_the_files_of_another_study(here, capsys):
    plan = interrupted(plan_of("s.journal", here), 2)
    for name in CALL_NOTES:
        (plan.location.folder("s") / name).write_text("")
    searched(plan)
    assert "left alone" not in capsys.readouterr().err


def test_a_result_that_a_killed_driver_has_half_written_is_removed(here):
    plan = interrupted(plan_of("s.journal", here), 2)
    whole = spool(plan_of("s.journal", here), 0)
    whole.rename(whole.with_suffix(".part"))
    searched(plan)
    assert not list(plan.location.states.rglob("*.part"))


def test_a_study_that_is_begun_anew_is_not_told_what_its_forerunner_has_left(here, capsys):
    plan = interrupted(plan_of("s.journal", here, seed=1), 3)
    before = contents(plan.location.folder("s"))
    (here / "s.journal").unlink()
    again = plan_of("s.journal", here, seed=2)
    assert values(searched(again)) == values(searched(plan_of("calm.journal", here, seed=2)))
    assert contents(plan.location.folder("s")) == before
    assert capsys.readouterr().err.count("left alone") == 1


def test_a_copy_of_a_storage_has_files_of_its_own(here):
    """It has the identifier of the study that was copied, and lies elsewhere."""
    plan = interrupted(plan_of("s.journal", here), 2)
    shutil.copy(here / "s.journal", here / "t.journal")
    before = contents(plan.location.folder("s"))
    assert values(searched(plan_of("t.journal", here))) == values(searched(plan_of("calm.journal", here)))
    assert contents(plan.location.folder("s")) == before


def test_a_study_gets_its_identifier_once_also_if_an_older_version_began_it(here):
    plan = plan_of("s.journal", here)
    searched(plan, 1)
    study = optuna.load_study(study_name="s", storage=open_storage(plan.location, create=False))
    first = study.user_attrs[IDENTIFIER]
    searched(plan, 2)
    assert (
        optuna.load_study(study_name="s", storage=open_storage(plan.location, create=False)).user_attrs[IDENTIFIER]
        == first
    )
    storage = open_storage(Location.of("old.journal", here / "x"), create=True)
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    old = plan_of("old.journal", here)
    searched(old, 1)
    second = optuna.load_study(study_name="s", storage=open_storage(old.location, create=False)).user_attrs[IDENTIFIER]
    assert len(first) == len(second) == 32 and first != second


# ---- folders of the old layout


def to_old_layout(plan) -> Path:
    """Rename what a search has left as earlier versions had it."""
    old = plan.location.old_folder("s")
    for file in plan.location.folder("s").iterdir():
        name = ".".join(part for part in file.name.split(".") if "-" not in part)
        old.mkdir(parents=True, exist_ok=True)
        file.rename(old / name)
    plan.location.folder("s").rmdir()
    return old


def test_states_of_the_old_layout_are_left_alone_and_named(here, capsys):
    """They do not say of which data they are."""
    plan = interrupted(plan_of("s.journal", here), 2)
    old = to_old_layout(plan)
    before = contents(old)
    assert any(name.endswith(".rung") for name in before)
    assert values(searched(plan)) == values(searched(plan_of("calm.journal", here)))
    assert contents(old) == before and "left alone" in capsys.readouterr().err


def test_results_of_the_old_layout_are_not_told_unless_the_study_has_them_already(here, capsys):
    """They have no seed: a result of the same network in another study looks the same."""
    plan = interrupted(plan_of("s.journal", here), 2)
    done = plan_of("done.journal", here, seed=5)
    (trial,) = searched(done, 1)
    old = plan.location.old_folder("s")
    old.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"number": 0, "data": {"result": trial.user_attrs["result"]}})
    (old / "result-0.json").write_text(text)
    assert values(searched(plan)) == values(searched(plan_of("calm.journal", here)))
    assert (old / "result-0.json").read_text() == text and str(old / "result-0.json") in capsys.readouterr().err
    known = done.location.old_folder("s")
    known.mkdir(parents=True)
    (known / "result-0.json").write_text(text)
    searched(done, 2)
    assert not known.exists() and "left alone" not in capsys.readouterr().err
