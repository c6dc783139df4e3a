"""The processes that programs are: crashes, time, interruption, and the end of their caller."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from snn import Regular
from snn.backends.options import RunOptions
from snn.backends.process import run_process
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.spawn import guarded
from snn.errors import Cancelled, Killed, MachineError, RunError, RunTimeout
from tests.support.programs import spec
from tests.support.runs import stream

PYTHON = [sys.executable, "-c"]


def test_a_crash_is_its_signal_and_last_words():
    with pytest.raises(RunError, match="killed by SIGSEGV: so long"):
        run_process(
            [*PYTHON, "import os, sys; print('so long', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)"],
            RunOptions(),
        )
    with pytest.raises(RunError, match="ended with status 3"):
        run_process([*PYTHON, "raise SystemExit(3)"], RunOptions())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_somebody_else_has_killed_did_nothing_wrong(number):
    with pytest.raises(Killed, match=f"killed by {number.name}"):
        run_process([*PYTHON, f"import os; os.kill(os.getpid(), {int(number)})"], RunOptions())


@pytest.mark.slow
def test_a_timeout_kills_the_whole_group(tmp_path):
    mark = tmp_path / "mark"
    begin = time.monotonic()
    with pytest.raises(RunTimeout):
        run_process(["sh", "-c", f"sleep 600 & echo $! > {mark}; wait"], RunOptions(timeout=2.0))
    child = Path(f"/proc/{mark.read_text().strip()}/stat")
    with contextlib.suppress(OSError):  # it is gone
        while child.read_text().rpartition(")")[2].split()[0] != "Z":  # or dead, and nobody has waited for it
            assert time.monotonic() - begin < 300, "the child of the program outlived it"
            time.sleep(0.02)
    assert time.monotonic() - begin < 300  # half of what they would take


def test_cancelling_ends_a_run_at_once():
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        run_process([*PYTHON, "import time; time.sleep(600)"], RunOptions(cancel=cancel))
    assert time.monotonic() - begin < 300  # of 600


def test_a_program_ends_in_the_middle_of_a_sample_when_its_input_does(entry, monkeypatch):
    """As where the system sends no signal at the end of a parent. The sample would take days."""
    ended = []

    def closed(command, options):
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            time.sleep(0.2)  # it is at its steps
            assert process.poll() is None
            process.stdin.close()
            ended.append(process.wait(60))
        finally:
            process.kill()
        raise Cancelled

    monkeypatch.setattr("snn.backends.standalone.program.run_process", closed)
    candidate = Candidate(dataclasses.replace(spec(), inputs=Regular(12)), 0)
    samples = dataclasses.replace(stream(n=1, steps=1, inputs=12), steps=10**12)
    with pytest.raises(Cancelled):
        load_program(candidate).advance([candidate], [samples], [None])
    assert ended == [3]


def test_a_program_says_that_the_machine_is_at_fault(tmp_path):
    with pytest.raises(MachineError, match="ended with status 4: no file"):
        run_process(["sh", "-c", "echo no file >&2; exit 4"], RunOptions())
    with pytest.raises(MachineError, match=r"nosuch cannot be started: No such file or directory\."):
        run_process([str(tmp_path / "nosuch")], RunOptions())


def test_a_compiled_program_without_room_for_its_result_says_so(entry, tmp_path):
    candidate, samples = Candidate(spec(), 0), stream(n=3, spikes=True)
    program, wrapper = load_program(candidate), tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/kept\nexec {program.binary} "$@"\n')
    wrapper.chmod(0o755)
    dataclasses.replace(program, binary=wrapper).advance([candidate], [samples], [None])
    command = [str(program.binary), str(tmp_path / "input")]
    for place in ("/dev/full", str(tmp_path / "nosuch" / "output")):
        shutil.copy(tmp_path / "kept", tmp_path / "input")
        with pytest.raises(MachineError, match=f"cannot write the result {place}: "):
            run_process([*command, place], RunOptions())
    (tmp_path / "input").write_bytes(b"SNN1 3\n")
    with pytest.raises(MachineError, match="damaged header"):
        run_process([*command, str(tmp_path / "output")], RunOptions())


def test_a_guarded_program_ends_as_its_child_does():
    command = guarded(sys.executable, "import os, sys; print(sys.argv[1:], file=sys.stderr); {}", "a", "b")
    for action, kind, words in (
        ("sys.exit(3)", RunError, r"ended with status 3: \['a', 'b'\]"),
        ("sys.stderr.flush(); os.kill(os.getpid(), 11)", RunError, r"killed by SIGSEGV: \['a', 'b'\]"),
        ("os.kill(os.getpid(), 9)", Killed, "killed by SIGKILL"),
    ):
        with pytest.raises(kind, match=words):
            run_process([part.replace("{}", action) for part in command], RunOptions())
    run_process(guarded(sys.executable, ""), RunOptions())
