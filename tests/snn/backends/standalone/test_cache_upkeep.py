"""What is removed from a cache, and what stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import pytest

from snn.backends.options import PLAIN
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.cache import entry as entries_of
from snn.backends.standalone.cache.entry import intact, lock_path, note_use
from snn.backends.standalone.cache.folder import cache_limit
from snn.backends.standalone.cache.store import find_or_build
from snn.backends.standalone.cache.upkeep import entries, leftovers, remove, sweep, tidy
from snn.errors import SNNError
from tests.support.programs import answer, as_user, held, meanwhile, spec, start
from tests.support.runs import stream

KEYS = [digit * 24 for digit in "abcd"]


@pytest.fixture
def four(entry, tmp_path, monkeypatch):
    """A cache with four entries, the first used longest ago, each longer than a minute."""
    cache = tmp_path / "four"
    for age, key in enumerate(reversed(KEYS), start=1):
        shutil.copytree(entry, cache / key)
        lock_path(cache / key).touch()
        os.utime(lock_path(cache / key), (time.time() - 86400 * age,) * 2)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(cache))
    return cache


def names(cache):
    return [entry.path.name for entry in entries(cache)]


def size(cache):
    return entries(cache)[0].bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [("2GiB", 2**31), ("500 MB", 5 * 10**8), ("1.5kib", 1536), (" 7 b ", 7), ("", 2**32), ("1TB", 10**12)],
)
def test_the_limit_is_read(monkeypatch, text, count):
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", text)
    assert cache_limit() == count


@pytest.mark.parametrize("text", ["2", "GiB", "-1GiB", "2 Gi", "1e3MB", "nan MB", "٣GiB", "2GiB; rm", "unlimited"])
def test_a_limit_that_is_none_is_told_before_anything_is_done(monkeypatch, copy, text):
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", text)
    with pytest.raises(SNNError, match=r"SNNSEARCH_CACHE_LIMIT must be a number and a unit \(B, .* but is '"):
        find_or_build(copy.name, "{}", "float32", PLAIN)


def test_what_was_used_longest_ago_goes_first(four):
    assert names(four) == KEYS
    note_use(four / KEYS[0])
    assert names(four) == [*KEYS[1:], KEYS[0]]
    tidy(four, 2 * size(four), keep=four / KEYS[3])
    assert names(four) == [KEYS[3], KEYS[0]]
    assert not lock_path(four / KEYS[1]).exists()


def test_nothing_goes_below_the_limit(four):
    tidy(four, 4 * size(four), keep=four / KEYS[0])
    assert names(four) == KEYS


def test_what_was_just_built_stays_even_alone_above_the_limit(four):
    tidy(four, 0, keep=four / KEYS[0])
    assert names(four) == KEYS[:1]


def test_finding_is_use_and_noted_once(four):
    find_or_build(KEYS[0], "{}", "float32", PLAIN)
    assert names(four)[-1] == KEYS[0]
    os.utime(lock_path(four / KEYS[0]), (5, 5))
    find_or_build(KEYS[0], "{}", "float32", PLAIN)
    assert lock_path(four / KEYS[0]).stat().st_mtime == 5, "once is enough for an hour"
    as_user(os.geteuid(), lambda: entries_of._note_use.cache_clear() or note_use(four / KEYS[0]))
    assert lock_path(four / KEYS[0]).stat().st_mtime > 5, "another process notes it again"


def test_what_a_process_uses_stays_for_as_long_as_it_lives(four):
    first = entries(four)[0]
    with meanwhile(lambda: intact(four / KEYS[0])):
        assert remove(first) == "is in use"
        tidy(four, 0, keep=four / KEYS[3])
        assert names(four)[0] == KEYS[0] and len(names(four)) == 2
        assert intact(four / KEYS[0]) is not None
    entries_of._verify.cache_clear()  # this process has just looked at it, too
    assert remove(first) is None
    assert intact(four / KEYS[0]) is None


def test_what_is_being_built_stays(four):
    left = four / f"{KEYS[0]}.abcd1234"
    left.mkdir()
    (left / "program.cpp").write_text("half of")
    first = entries(four)[0]
    with meanwhile(lambda: held(lock_path(four / KEYS[0]))) as pid:
        assert f"is being built by process {pid}" in remove(first)
        assert sweep(four, before=time.time() + 1) == 0
        tidy(four, 0, keep=four / KEYS[3])
        assert left.exists() and names(four) == [KEYS[3], KEYS[0]]


def test_what_killed_builds_have_left_goes_once_it_is_old(four):
    old, new, orphan = four / f"{KEYS[0]}.abcd1234", four / f"{KEYS[0]}.zz_z1234", lock_path(four / ("f" * 24))
    for left in (old, new):
        left.mkdir()
        (left / "program.cpp").write_text("half of")
    orphan.touch()
    for path in (old, orphan):
        os.utime(path, (1, 1))
    tidy(four, 2**40, keep=four / KEYS[3])
    assert [left.path for left in leftovers(four)] == [new] and not orphan.exists()
    assert names(four) == KEYS


def test_what_is_not_of_the_cache_is_left_alone(four, tmp_path):
    """Somebody sets SNNSEARCH_CACHE to a folder with other things in it."""
    others = ["thesis", "notes.lock", "0123.lock", f"{KEYS[0]}.backup", KEYS[0].upper(), f"{KEYS[0]}.abcd1234.tar"]
    for name in others:
        (four / name).mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").touch()
    (four / ("e" * 24)).symlink_to(target)
    (four / f"{'e' * 24}.abcd1234").symlink_to(target)
    before = set(os.listdir(four))
    for path in four.iterdir():
        os.utime(path, (1, 1), follow_symlinks=False)
    tidy(four, 0, keep=four / KEYS[3])
    gone = before - set(os.listdir(four))
    assert gone == {name for key in KEYS[:3] for name in (key, f"{key}.lock")}
    assert (target / "file").exists()


def test_an_entry_that_was_removed_by_hand_is_missed_at_once(copy):
    assert intact(copy) is not None
    shutil.rmtree(copy.parent)
    assert intact(copy) is None


@pytest.mark.slow
def test_a_program_that_is_gone_when_it_is_to_run_is_built_again(copy):
    candidate, samples = Candidate(spec(), 0), stream(n=3, spikes=True)
    program = load_program(candidate)
    before = program.advance([candidate], [samples], [None])[0].outputs["readout.score"]
    shutil.rmtree(copy.parent)
    after = program.advance([candidate], [samples], [None])[0].outputs["readout.score"]
    assert (before == after).all() and before.any()


@pytest.mark.slow
def test_two_processes_with_different_limits(four):
    """The one with the smaller limit makes old ones go; both have what they built and run it."""
    code = """
import json, sys
from tests.support.programs import spec, use
print(json.dumps(use(spec(hidden=sys.argv[1]))))
"""
    small = start(four, code, "alpha", SNNSEARCH_CACHE_LIMIT="1kB")
    large = start(four, code, "beta", SNNSEARCH_CACHE_LIMIT="1GiB")
    assert answer(small)[0] is answer(large)[0] is True
    left = set(names(four))
    assert not left & set(KEYS) and 1 <= len(left) <= 2


def test_a_program_that_others_remove_all_the_time_stays_once_it_is_found(copy, tmp_path):
    """One process clears the cache over and over; this one finds programs in it and then starts them."""
    shutil.copytree(copy, tmp_path / "spare")
    remover = os.fork()
    if not remover:
        while True:
            for one in entries(copy.parent):
                remove(one)
    found = 0
    try:
        for number in range(60):
            shutil.copytree(tmp_path / "spare", tmp_path / "next")
            place = copy.with_name(f"{number:024x}")
            (tmp_path / "next").rename(place)
            if (binary := intact(place)) is not None:
                found += 1
                time.sleep(0.005)
                assert subprocess.run([binary], capture_output=True).returncode == 2, "it started, and misses its files"
    finally:
        os.kill(remover, signal.SIGKILL)
        os.waitpid(remover, 0)
    assert found
