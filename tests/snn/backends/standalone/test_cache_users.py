"""Folders that several users share: who can use what of whom, and whom nobody trusts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from snn.backends.options import PLAIN
from snn.backends.standalone.cache.entry import intact, lock_path, note_use
from snn.backends.standalone.cache.store import find_or_build
from snn.backends.standalone.cache.upkeep import entries, remove
from snn.backends.standalone.compiler import BINARY
from snn.errors import BuildError
from tests.support.programs import as_user, damage_binary

ANN, BOB = 54321, 54322


@pytest.fixture
def shared(entry, monkeypatch):
    """A folder of Ann's that others reach, with an entry that Bob has put there."""
    above = Path(tempfile.mkdtemp(dir="/tmp"))
    above.chmod(0o755)
    cache = above / "cache"
    shutil.copytree(entry, cache / entry.name)
    try:
        give(cache, ANN, 0o755)
        give(cache / entry.name, BOB)
    except OSError as error:
        shutil.rmtree(above)
        pytest.skip(f"only root can be several users: {error.strerror}")
    monkeypatch.setenv("SNNSEARCH_CACHE", str(cache))
    yield cache
    shutil.rmtree(above)


def give(path, uid, mode=None):
    for part in [path, *path.rglob("*")] if mode is None else [path]:
        os.chown(part, uid, uid)
    if mode is not None:
        path.chmod(mode)


def found(cache):
    (entry,) = entries(cache)
    return lambda: intact(entry.path) is not None


def build(cache):
    (entry,) = entries(cache)
    return lambda: find_or_build(entry.path.name, "{}", "float32", PLAIN)[1]


def test_whoever_reaches_an_entry_may_use_it_whatever_the_builders_umask(folder, entry):
    """The entry was built under umask 077."""
    assert stat.S_IMODE(entry.stat().st_mode) == stat.S_IMODE((entry / BINARY).stat().st_mode) == 0o755
    for name in ("manifest.json", "network.json", "program.cpp"):
        assert stat.S_IMODE((entry / name).stat().st_mode) == 0o644
    assert stat.S_IMODE(lock_path(entry).stat().st_mode) == 0o600, "who cannot write in a folder cannot lock there"


def test_an_entry_of_the_folders_owner_serves_everybody_without_a_trace(shared):
    (entry,) = shared.iterdir()
    give(entry, ANN)
    before = os.listdir(shared)
    assert as_user(BOB, build(shared)) is False
    assert os.listdir(shared) == before


@pytest.mark.parametrize("mode", [0o2775, 0o3775])
def test_a_group_trusts_its_members(shared, mode):
    """Ann runs what Bob has built, and both may lock it and note its use."""
    give(shared, ANN, mode)
    (entry,) = shared.iterdir()
    assert as_user(ANN, build(shared)) is False
    assert stat.S_IMODE(lock_path(entry).stat().st_mode) == 0o660
    os.utime(lock_path(entry), (5, 5))
    os.chown(shared, 0, BOB)
    os.chown(lock_path(entry), ANN, BOB)
    assert as_user(BOB, lambda: note_use(entry)) is None
    assert lock_path(entry).stat().st_mtime > 5
    assert as_user(ANN, lambda: remove(entries(shared)[0])) == f"belongs to user {BOB}"


def test_where_everybody_can_write_only_the_folders_owner_is_trusted(shared):
    (entry,) = shared.iterdir()
    give(shared, ANN, 0o1777)
    assert as_user(ANN, found(shared)) is False and as_user(BOB, found(shared)) is True
    for owner in (ANN, 0):
        give(entry, owner)
        assert as_user(ANN, found(shared)) is as_user(BOB, found(shared)) is True


@pytest.mark.parametrize("part", ["", "manifest.json", BINARY])
def test_what_others_can_change_is_not_trusted(shared, part):
    (entry,) = shared.iterdir()
    give(entry, ANN)
    assert as_user(ANN, found(shared)) is True
    for bit in (0o020, 0o002):
        mode = stat.S_IMODE((entry / part).stat().st_mode)
        (entry / part).chmod(mode | bit)
        assert as_user(ANN, found(shared)) is False
        (entry / part).chmod(mode)


@pytest.mark.parametrize("mode", [0o777, 0o707])
def test_a_folder_in_which_everybody_can_exchange_entries_is_refused(copy, mode):
    copy.parent.chmod(mode)
    said = as_user(os.geteuid(), build(copy.parent))
    assert "BuildError: Everybody can exchange the programs in" in said and "chmod o-w" in said


def test_an_entry_of_another_that_cannot_be_replaced_names_its_owner(shared):
    """Bob's entry in a sticky folder: Ann does not own it, and nobody but Bob can rename it."""
    give(shared, 0, 0o1777)
    said = as_user(ANN, build(shared))
    assert f"ask its owner, user {BOB}, to remove it, or set SNNSEARCH_CACHE to a folder of your own" in said
    (entry,) = entries(shared)
    assert sorted(os.listdir(shared)) == [entry.path.name, lock_path(entry.path).name]


def test_a_damaged_entry_of_another_gives_way_where_the_group_may_rename_it(shared):
    give(shared, ANN, 0o2775)
    (entry,) = shared.iterdir()
    damage_binary(entry)
    assert "The build failed" in as_user(ANN, build(shared)), "it is out of the way; and this is no network"
    assert not entry.exists()


@pytest.mark.parametrize("part", ["", "manifest.json", BINARY])
def test_nothing_is_reached_by_a_symbolic_link(copy, part, tmp_path):
    real = tmp_path / "elsewhere"
    (copy / part).rename(real)
    (copy / part).symlink_to(real)
    assert intact(copy) is None


@pytest.mark.slow
def test_a_link_in_the_place_of_an_entry_is_replaced_and_its_target_left_alone(copy, tmp_path):
    real = tmp_path / "elsewhere"
    copy.rename(real)
    copy.symlink_to(real)
    with pytest.raises(BuildError, match="This text does not describe a network"):
        find_or_build(copy.name, "?", "float32", PLAIN)
    assert not os.path.lexists(copy) and (real / BINARY).exists()
