"""Every child of a driver ends with it, whatever the child is doing; the work here would take days."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from search.execution.child_process import InProcess
from snn.system.lock import process_start_time
from tests.support.command_line import ROOT
from tests.support.executors import job
from tests.support.programs import compiler
from tests.support.synthetic import Bowl
from tests.support.waiting import wait_for

COMMON = """
import dataclasses, os, signal, sys
from snn import Regular
from snn.backends.registry import load_program
from snn.backends.program import Candidate
from tests.support.runs import stream
from tests.support.programs import spec

candidate = Candidate(dataclasses.replace(spec(), inputs=Regular(12)), 0)
endless = dataclasses.replace(stream(n=1, steps=1, inputs=12), steps=10**12)
"""
SAMPLE = COMMON + "load_program(candidate).advance([candidate], [endless], [None])"
# A fork of the driver keeps all its pipes open.
FORKED = (
    COMMON
    + """
import threading, time
from pathlib import Path

def children():
    for file in Path("/proc/self/task").glob("*/children"):
        yield from (Path(f"/proc/{pid}/cmdline").read_text() for pid in file.read_text().split())

def fork():
    while not any("/program\\0" in words for words in children()):
        time.sleep(0.05)
    if os.fork():
        Path(os.environ["MARK"]).touch()
    else:
        time.sleep(100_000)

program = load_program(candidate)
threading.Thread(target=fork).start()
program.advance([candidate], [endless], [None])
"""
)
GENN = (
    COMMON
    + """
from snn.backends.genn.program import GennProgram
GennProgram(sys.executable, "float64", "runtime").advance([candidate], [endless], [None])
"""
)
TASK = """
import os, re
from dataclasses import dataclass
from pathlib import Path
from snn.serial import serialisable
from tasks import Digits

@serialisable
@dataclass(frozen=True)
class Mine(Digits):
    stuck: bool = False

    def load(self):
        data = super().load()
        Path(os.environ["MARK"]).touch()
        if self.stuck:
            re.match("(a+)+$", "a"*100 + "b")  # one call of a C library, which lets no other thread run
        return data
"""
WORKER = """
import sys
from brian2 import ms
from search.spec.job import Job
from search.execution.child_process import InProcess
from search.spec.script import Script, load_module
from snn import LIF, Dense, LeakyReadout, Network, Regular

net = Network(inputs=Regular(64), dt=1 * ms)
net.population("hidden", LIF(), n=3)
net.readout(LeakyReadout(10))
net.connect("inputs", "hidden", Dense())
net.connect("hidden", "readout", Dense())
mine = load_module(Script.read(sys.argv[1]))
task = mine.Mine(sample=10**8 * ms, stuck=sys.argv[2] == "stuck")
InProcess().run(Job(net.freeze().to_json(), task.to_json(), 0, "runtime", "float32", script=sys.argv[1]))
"""


def descendants(pid: int) -> dict[int, int]:
    """The processes below a process, with the ticks at which they started."""
    found: dict[int, int] = {}
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has just ended
            for child in map(int, file.read_text().split()):
                if (ticks := process_start_time(child)) is not None:
                    found |= {child: ticks} | descendants(child)
    return found


def names(pids) -> str:
    """Their command lines."""
    found = ""
    for pid in pids:
        with contextlib.suppress(OSError):
            found += Path(f"/proc/{pid}/cmdline").read_text(errors="replace") + "\n"
    return found


@pytest.fixture
def driver(tmp_path):
    """Start a driver; when its children are at work, kill it, and wait for them to be gone."""
    processes = []

    def check(code: str, *arguments: str, sign: str = "", mark: Path | None = None, spared: int = 0, **environment):
        log = open(tmp_path / "log", "w")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=log, stderr=log, env=os.environ | environment
        )
        log.close()
        processes.append(process)
        end = time.monotonic() + 240
        while not (mark.exists() if mark else sign in names(descendants(process.pid))):
            assert process.poll() is None and time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.05)
        time.sleep(1)
        left = descendants(process.pid)
        assert len(left) > spared and process.poll() is None, (tmp_path / "log").read_text()
        process.kill()
        process.wait()
        end = time.monotonic() + 60  # on a busy machine; the rule is a second
        while len(alive := [pid for pid, ticks in left.items() if process_start_time(pid) == ticks]) > spared:
            assert time.monotonic() < end, f"these outlived their driver:\n{names(alive)}"
            time.sleep(0.02)
        for pid in alive:
            os.kill(pid, 9)

    yield check
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_compiled_program_in_a_sample_of_days(driver):
    driver(SAMPLE, sign="/program\0")


@pytest.mark.slow
def test_a_compiled_program_whose_pipe_a_fork_of_the_driver_keeps_open(driver, tmp_path):
    mark = tmp_path / "mark"
    driver(FORKED, mark=mark, spared=1, MARK=str(mark))


@pytest.mark.slow
def test_a_build_and_what_its_compiler_has_started(driver, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    script = f'[ "$1" = --version ] && exec echo g++ 1\nsleep 100000 &\ntouch {mark}\nsleep 100000; exit 1'
    compiler(tmp_path, script, monkeypatch)
    driver(SAMPLE, mark=mark, SNNSEARCH_CACHE=str(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["brian2", "stuck"])
def test_a_worker_in_a_brian2_run_or_in_a_call_that_lets_no_thread_run(driver, tmp_path, how):
    script, mark = tmp_path / "mine.py", tmp_path / "mark"
    script.write_text(TASK)
    driver(WORKER, str(script), how, mark=mark, MARK=str(mark))


@pytest.mark.slow
def test_a_worker_of_another_interpreter(driver):
    driver(GENN, sign="snn.backends.genn.worker")


@pytest.mark.slow
def test_a_worker_outlives_the_thread_that_started_it(folder):
    script = folder / "mine.py"
    script.write_text("from tests.support.synthetic import Bowl\n")
    one, runner = job(Bowl(), "runtime", str(script)), InProcess()
    try:
        thread = Thread(target=runner.run, args=(one,))
        thread.start()
        thread.join()
        process = runner._process
        wait_for(lambda: not Path(f"/proc/self/task/{thread.native_id}").exists())
        assert process is not None and process.poll() is None
        assert runner.run(one).seed == 3 and runner._process is process
    finally:
        runner.stop()
    assert process.returncode is not None
