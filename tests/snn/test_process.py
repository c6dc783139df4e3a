"""The processes that programs are: crashes, time, interruption, and the end of their caller."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from snn.backends.process import RunOptions, run_process
from snn.errors import Cancelled, Killed, RunError, RunTimeout
from tests.snn.programs import start

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


def test_a_timeout_kills_the_whole_group(tmp_path):
    mark = tmp_path / "mark"
    begin = time.monotonic()
    with pytest.raises(RunTimeout):
        run_process(["sh", "-c", f"sleep 60 & echo $! > {mark}; wait"], RunOptions(timeout=2.0))
    child = Path(f"/proc/{mark.read_text().strip()}/stat")
    with contextlib.suppress(OSError):  # it is gone
        while child.read_text().rpartition(")")[2].split()[0] != "Z":  # or dead, and nobody has waited for it
            assert time.monotonic() - begin < 30, "the child of the program outlived it"
            time.sleep(0.02)
    assert time.monotonic() - begin < 30  # half of what they would take


def test_cancelling_ends_a_run_at_once():
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        run_process([*PYTHON, "import time; time.sleep(60)"], RunOptions(cancel=cancel))
    assert time.monotonic() - begin < 30  # of 60


def test_a_program_ends_with_its_caller(entry):
    """A run of hours, started by a process that is then killed: the binary is gone soon after."""
    code = """
import dataclasses
from snn.backends.load import load_program
from snn.backends.program import Candidate
from tests.snn.networks import stream
from tests.snn.programs import spec
from snn import Regular
spec = dataclasses.replace(spec(), inputs=Regular(12))
candidate = Candidate(spec, 0)
long = stream(n=300_000, steps=300, inputs=12)
load_program(candidate).advance([candidate], [long], [None])
"""
    process = start(entry.parent, code)

    def running():
        """Whether a program of this cache runs, by the command lines of all processes."""
        wanted = re.compile(re.escape(str(entry.parent)) + r"/[0-9a-f]+/program\0")
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has just ended
                if wanted.match(file.read_text(errors="replace")):
                    return True
        return False

    deadline = time.monotonic() + 120
    while not running():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while running():
        assert time.monotonic() < deadline, "the program outlived its caller"
        time.sleep(0.05)
