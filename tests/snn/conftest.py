"""One compiled program that the tests of the cache share."""

from __future__ import annotations

import fcntl
import shutil
import subprocess

import pytest

from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.cache import key
from tests.support.old_brian import UnavailableError, old_brian
from tests.support.programs import USE, answer, spec, start


@pytest.fixture(scope="session")
def folder(tmp_path_factory, worker_id):
    """A cache with one program, built by one of two processes that wanted it at once, and run by both.

    The workers of pytest-xdist share it: the first one makes it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    folder, made = base / "programs", base / "programs-made"
    with open(base / "programs-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            said = sorted(answer(process) for process in [start(folder, USE, "077") for _ in "ab"])
            assert [built for built, _ in said] == [False, True], "two processes that want one program build it once"
            assert said[0][1] == said[1][1] != 0
            made.touch()
    return folder


@pytest.fixture
def entry(folder, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(folder))
    program = load_program(Candidate(spec(), 0))
    assert not program.built
    return program.binary.parent


@pytest.fixture
def copy(entry, tmp_path, monkeypatch):
    """A cache of the test's own with the program in it: the entry."""
    copy = tmp_path / "cache" / entry.name
    shutil.copytree(entry, copy)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(copy.parent))
    return copy


@pytest.fixture
def fresh_compiler(monkeypatch):
    """The compiler's version is asked for again, before and after the test. It is g++, whatever CXX says."""
    monkeypatch.delenv("CXX", raising=False)
    key._compiler.cache_clear()
    yield
    key._compiler.cache_clear()


@pytest.fixture
def disk(tmp_path):
    """A disk of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="session")
def genn_python():
    """The interpreter of an environment with brian2 2.5.4 and Brian2GeNN; nobody needs GeNN for it."""
    try:
        return old_brian()
    except UnavailableError as error:
        pytest.skip(f"genn: {error}")
