"""A small program for the tests of the cache, and processes that use it at the same time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
from brian2 import ms

from snn import LIF, Dense, LeakyReadout, Network, SpikeTrains
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.compiler import BINARY
from snn.system.lock import Lock
from tests.support.runs import CLASSES, INPUTS, stream

ROOT = Path(__file__).parents[2]
USE = """
import json, os, sys
if sys.argv[1:]:
    os.umask(int(sys.argv[1], 8))
from tests.support.programs import spec, use
print(json.dumps(use()))
"""


def spec(model=None, hidden="hidden"):
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population(hidden, model or LIF(), n=3)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", hidden, Dense())
    net.connect(hidden, "readout", Dense())
    return net.freeze()


def use(network=None) -> tuple[bool, float]:
    """Find or build a program and run it: whether it was built, and a number of the result."""
    candidate = Candidate(network or spec(), 0)
    program = load_program(candidate)
    outcome = program.advance([candidate], [stream(n=3, spikes=True)], [None])[0]
    return program.built, float(outcome.outputs["readout.score"].sum())


def start(cache: Path, code: str = USE, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A Python process with a cache."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"SNNSEARCH_CACHE": str(cache)} | environment,
    )


def answer(process: subprocess.Popen[str]):
    """What a process prints."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


def as_user(uid: int, act: Callable[[], object]) -> object:
    """What a function returns in a process of another user (as root, or of this one); an error is its text."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            if uid != os.geteuid():
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            try:
                text = json.dumps(act())
            except Exception as error:
                text = json.dumps("".join(traceback.format_exception_only(error)))
            os.write(writer, text.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


@contextmanager
def meanwhile(act: Callable[[], object]):
    """A process that does something and then stays until the context ends."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            kept = act()
            os.write(writer, b"ready" if kept is not None else b"none")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    try:
        assert os.read(reader, 5) == b"ready"
        yield child
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def held(path: Path) -> Lock:
    """A lock that was taken and signed."""
    lock = Lock(path)
    assert lock.acquire()
    lock.sign()
    return lock


def compiler(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a g++ of our own in front of the others."""
    monkeypatch.delenv("CXX", raising=False)
    file = folder / "g++"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def damage_binary(entry: Path) -> None:
    data = bytearray((entry / BINARY).read_bytes())
    data[len(data) // 2] ^= 1
    (entry / BINARY).write_bytes(data)


def fill(disk: Path, leave: int = 0) -> None:
    """Fill a disk but for some bytes."""
    with open(disk / "filler", "wb") as file:
        file.write(bytes(shutil.disk_usage(disk).free - leave))
