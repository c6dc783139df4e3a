"""`snnsearch cache`: what it prints, its JSON, and every mistake in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from snn.backends.standalone.cache.entry import lock_path
from tests.support.command_line import ROOT
from tests.support.programs import held, meanwhile

KEYS = [digit * 24 for digit in "abc"]
MANIFEST = {
    "sha256": "0",
    "structure": {"populations": {"inputs": "Poisson", "h": "ALIF"}, "projections": {"inputs->h": "Dense EProp"}},
    "dtype": "float32",
    "compiler": "g++ 12",
    "brian2": "2.9.0",
    "created": "2026-01-01T00:00:00+00:00",
    "build_cpu_seconds": 4.5,
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Three entries: the first used today, the second 10 days ago, the third 40 days ago and without a manifest."""
    cache = tmp_path / "programs"
    for key, days in zip(KEYS, (0, 10, 40), strict=True):
        (cache / key).mkdir(parents=True)
        (cache / key / "program").write_bytes(bytes(2048))
        if key != KEYS[2]:
            (cache / key / "manifest.json").write_text(json.dumps(MANIFEST))
        lock_path(cache / key).touch()
        os.utime(lock_path(cache / key), (time.time() - 86400 * days,) * 2)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(cache))
    return cache


@pytest.fixture
def line(snnsearch):
    """What a command's --json says, in its one line."""

    def run(*arguments):
        ended = snnsearch("cache", *arguments, "--json")
        assert ended.status == 0 and ended.out.count("\n") == 1
        return json.loads(ended.out)

    return run


def test_list(snnsearch, cache, line):
    ended = snnsearch("cache", "list")
    heading, *rows = [row.split("\t") for row in ended.out.splitlines()]
    assert ended.status == 0 and heading == ["key", "network", "dtype", "size", "last use"]
    assert [row[0] for row in rows] == KEYS and rows[0][1:3] == [
        "inputs Poisson, h ALIF; inputs->h Dense EProp",
        "float32",
    ]
    assert rows[0][3] == "2.2 KiB" and rows[2][1:4] == ["unknown: damaged, or of another version", "-", "2.0 KiB"]
    told = line("list")
    assert told["folder"] == str(cache)
    first, _, last = told["programs"]
    assert {name: first[name] for name in MANIFEST if name != "sha256"} == {
        name: value for name, value in MANIFEST.items() if name != "sha256"
    }
    assert first.keys() == last.keys() and last["structure"] is None and last["bytes"] == 2048


def test_what_a_manifest_says_does_not_reach_the_terminal_raw(snnsearch, cache):
    evil = MANIFEST | {"dtype": "\x1b]0;owned\x07", "structure": {"populations": {"a\nb": "c\td"}, "projections": {}}}
    (cache / KEYS[0] / "manifest.json").write_text(json.dumps(evil))
    out = snnsearch("cache", "list").out
    assert "\x1b" not in out and "\x07" not in out and len(out.splitlines()) == 4
    assert all(row.count("\t") == 4 for row in out.splitlines())


def test_size(snnsearch, cache, line, monkeypatch):
    bytes_ = sum(file.stat().st_size for file in cache.rglob("*/*"))
    assert line("size") == {"folder": str(cache), "programs": 3, "bytes": bytes_, "limit": 2**32}
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", "1.5GiB")
    assert f" in 3 programs, of 1.5 GiB at most (SNNSEARCH_CACHE_LIMIT), in {cache}" in snnsearch("cache", "size").out
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", "lots")
    ended = snnsearch("cache", "size")
    assert ended.status == 2 and "must be a number and a unit" in ended.err and "'lots'" in ended.err


def test_a_search_with_a_wrong_limit_does_not_begin(snnsearch, write, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", "2")
    script = write()
    ended = snnsearch("run", script, "--trials", 1)
    assert ended.status == 2 and "SNNSEARCH_CACHE_LIMIT must be a number and a unit" in ended.err
    assert not script.with_suffix(".journal").exists()


def test_clear(snnsearch, cache, line):
    (cache / "thesis.tex").touch()
    (cache / f"{KEYS[0]}.abcd1234").mkdir()
    assert snnsearch("cache", "clear").out == f"Removed 3 programs, 6.5 KiB, from {cache}\n"
    assert os.listdir(cache) == ["thesis.tex"]
    assert line("clear") == {"folder": str(cache), "removed": [], "bytes": 0, "kept": {}}


def test_clear_what_is_old_or_named(cache, line):
    assert line("clear", "--older", "30")["removed"] == [KEYS[2]]
    assert line("clear", KEYS[0], KEYS[1], KEYS[0], "--older", "5")["removed"] == [KEYS[1]]
    told = line("clear", KEYS[0])
    assert told["removed"] == [KEYS[0]] and told["bytes"] > 2048 and not os.listdir(cache)


def test_what_is_being_built_stays_and_is_told(snnsearch, cache, line):
    left = cache / f"{KEYS[1]}.abcd1234"
    left.mkdir()
    with meanwhile(lambda: held(lock_path(cache / KEYS[1]))) as pid:
        told = line("clear")
        assert told["removed"] == [KEYS[2], KEYS[0]] and list(told["kept"]) == [KEYS[1]]
        ended = snnsearch("cache", "clear")
    assert (
        ended.status == 0 and f"{KEYS[1]} stays: it is being built by process {pid} of" in ended.err and left.exists()
    )


@pytest.mark.parametrize("missing", [True, False])
def test_nothing_there(snnsearch, cache, line, missing):
    shutil.rmtree(cache)
    if not missing:
        cache.mkdir()
    assert snnsearch("cache", "list").out == f"There are no programs in {cache}.\n"
    assert line("list") == {"folder": str(cache), "programs": []}
    assert line("size")["bytes"] == line("clear")["bytes"] == 0
    assert cache.exists() != missing


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "required: ACTION"),
        (["lits"], "unknown command 'lits'; choices: list, size, clear; nearest: list"),
        (["size", "--jsn"], "unknown flag --jsn; choices: --help, --json; nearest: --json"),
        (["list", "more"], "unknown argument more"),
        (["clear", "--old", "3"], "nearest: --older"),
        (["clear", "--older", "week"], "--older: must be a number of days of at least 0, but is 'week'"),
        (["clear", "--older", "-1"], "at least 0, but is '-1'"),
        (["clear", "--older", "inf"], "at least 0, but is 'inf'"),
        (["clear", KEYS[0], "b" * 23], f"There is no program '{'b' * 23}'"),
        (["clear", "b" * 23], f"nearest: '{KEYS[1]}'"),
        (["clear", ".."], "`snnsearch cache list` shows what there is"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_sentence(snnsearch, cache, arguments, part):
    before = sorted(cache.rglob("*"))
    ended = snnsearch("cache", *arguments)
    assert ended.status == 2 and ended.out == ""
    assert part in ended.err and len(ended.err.splitlines()) == 1
    assert sorted(cache.rglob("*")) == before


def test_a_folder_that_is_a_file_is_told(snnsearch, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "file"))
    for action in ("list", "size", "clear"):
        ended = snnsearch("cache", action)
        assert ended.status == 2 and f"The program cache {tmp_path / 'file'} cannot be used" in ended.err


def test_help_has_examples(snnsearch):
    for arguments in ([], ["clear"]):
        ended = snnsearch("cache", *arguments, "--help")
        assert (
            ended.status == 0
            and "snnsearch cache clear --older 30" in ended.out
            and "SNNSEARCH_CACHE_LIMIT" in ended.out
        )


@pytest.mark.slow
def test_nobody_reads_on(cache):
    """As in `snnsearch cache list | head`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-u", "-m", "search.cli", "cache", "list"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
