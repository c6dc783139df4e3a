"""Disks that are full or read-only: one sentence with the remedy, and nothing half-done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from snn.backends.options import PLAIN
from snn.backends.program import Candidate
from snn.backends.standalone.arrays import write_arrays
from snn.backends.standalone.cache.key import program_key
from snn.backends.standalone.cache.store import find_or_build
from snn.backends.standalone.compiler import compile_source
from snn.errors import BuildError, RunError
from tests.support.programs import ROOT, compiler, fill, spec, use
from tests.support.runs import run, stream

REMEDY = r"free some, with `snnsearch cache clear` for instance, or set SNNSEARCH_CACHE to a folder on another disk\.$"


@pytest.fixture
def cache(disk, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(disk / "cache"))
    return disk / "cache"


def sentence(error) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.mark.slow
@pytest.mark.parametrize("leave", [0, 8192])
def test_no_room_to_begin(disk, cache, leave):
    fill(disk, leave)
    with pytest.raises(BuildError, match=f"^No space is left to compile a program in {cache}: {REMEDY}") as caught:
        use()
    assert sentence(caught) and not list(cache.glob("*"))


@pytest.mark.parametrize(("leave", "what"), [(0, "the assembler's input"), (4096, "its output"), (12288, "the binary")])
def test_the_disk_is_full_while_it_is_compiled(disk, monkeypatch, leave, what):
    monkeypatch.setenv("TMPDIR", str(disk))
    (disk / "program.cpp").write_text("int main() {}")
    fill(disk, leave)
    with pytest.raises(BuildError, match=f"^No space is left to compile a program in {disk}: {REMEDY}") as caught:
        compile_source(disk / "program.cpp")
    assert sentence(caught) and sorted(path.name for path in disk.iterdir()) == ["filler", "program.cpp"]


@pytest.mark.slow
def test_the_disk_is_full_when_it_is_published(entry, disk, cache, tmp_path, monkeypatch, fresh_compiler):
    """A compiler that leaves a binary and no room for the manifest."""
    script = f'for last; do :; done\n[ "$1" = --version ] && exec echo g++ 1\ncp {entry}/program "$last"\n'
    compiler(tmp_path, script + f"cat /dev/zero > {disk}/filler 2> {tmp_path}/words\nexit 0", monkeypatch)
    with pytest.raises(BuildError, match=f"^No space is left to compile a program in {cache}: {REMEDY}") as caught:
        use()
    assert sentence(caught) and "No space left" in (tmp_path / "words").read_text()
    assert not list(cache.glob("*"))


def test_no_room_for_a_runs_input(entry, disk, monkeypatch):
    """Its temporary folder is on the small disk."""
    fill(disk, 2**17)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    with pytest.raises(RunError, match=r"^The numbers of a run, \d+ bytes, cannot be written into ") as caught:
        run(spec(), stream(n=2000, spikes=True), "standalone", "float32")
    assert "No space left on device; free some space there, or set TMPDIR to another folder." in sentence(caught)
    assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(RunError, match=r"cannot be written into .*: No such file or directory; free some space"):
        write_arrays(tmp_path / "nosuch" / "file", {"a": np.zeros(1)})


def test_a_read_only_cache_serves_what_it_has_and_says_what_it_cannot(entry, disk, cache):
    shutil.copytree(entry, cache / entry.name)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    built, number = use()
    assert not built and number
    assert program_key(Candidate(spec(), 0).plan.structure(), "float32") == entry.name
    with pytest.raises(BuildError, match="Read-only file system") as caught:
        find_or_build("0" * 24, "{}", "float32", PLAIN)
    assert f"The program cache {cache} cannot be used" in sentence(caught)
    assert "set SNNSEARCH_CACHE to a folder that can be written" in sentence(caught)
    assert os.listdir(cache) == [entry.name]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root can mount the small disks itself")
def test_the_same_in_a_namespace_of_ones_own():
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("neither root nor namespaces: nothing can be mounted")
    command = ["unshare", "-rm", sys.executable, "-m", "pytest", "-q", "-rs", __file__]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0 and "cannot be mounted" not in ended.stdout, ended.stdout
