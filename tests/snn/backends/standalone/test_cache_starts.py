"""Cached programs that the system does not start: they are built again once, or one sentence says why it is no use."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest

from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.cache.entry import intact
from snn.backends.standalone.compiler import BINARY
from snn.errors import BuildError
from tests.support.programs import spec, use
from tests.support.runs import stream


def exchange(entry, content):
    """Put something else in the place of a program, with the right checksum."""
    (entry / BINARY).write_bytes(content)
    manifest = json.loads((entry / "manifest.json").read_text())
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (entry / "manifest.json").write_text(json.dumps(manifest))


CHANGES = {
    "it may not be run": lambda entry: (entry / BINARY).chmod(0o644),
    "it is for another machine": lambda entry: exchange(entry, b"\x7fELF of another machine"),
    "it needs an interpreter that is not there": lambda entry: exchange(entry, b"#!/no/such/interpreter\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_program_that_does_not_start_is_built_again(copy, change):
    """By whoever has found it before it was changed: each run of a search has."""
    candidate = Candidate(spec(), 0)
    program = load_program(candidate)
    expected = program.advance([candidate], [stream(n=3, spikes=True)], [None])[0].outputs["readout.score"]
    CHANGES[change](copy)
    for _ in range(2):
        outcome = program.advance([candidate], [stream(n=3, spikes=True)], [None])[0]
        assert (outcome.outputs["readout.score"] == expected).all()
    assert intact(copy) is not None
    assert use() == (False, float(expected.sum()))
    assert sorted(path.name for path in copy.parent.iterdir()) == [copy.name, f"{copy.name}.lock"]


@pytest.fixture
def noexec(disk):
    """A disk on which no programs run."""
    subprocess.run(["mount", "-o", "remount,noexec,size=64m", disk], check=True)
    return disk


def test_a_folder_without_programs_is_named_before_anything_is_compiled(noexec, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(noexec / "cache"))
    with pytest.raises(BuildError, match=r"^Programs in .*cache cannot be run: .* noexec; set SNNSEARCH_CACHE"):
        load_program(Candidate(spec(), 0))
    assert not list((noexec / "cache").iterdir())
