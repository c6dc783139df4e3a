"""Processes that run programs, end with their caller and can be stopped."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping

from snn.backends.options import RunOptions
from snn.backends.spawn import spawn
from snn.errors import Killed, MachineError, RunError

POLL = 0.2  # seconds between looks at a cancellation
LAST_WORDS = 4000
AT_FAULT = 4  # exit status of a program of ours that could not read or write a file
KILLS = (signal.SIGKILL, signal.SIGTERM)  # no program of ours does that to itself


def run_process(command: list[str], options: RunOptions, environment: Mapping[str, str] | None = None) -> None:
    """Run a program to its end, in a process group of its own.

    Its CPU time, that of its own children included, counts for the profile's present stage.
    It ends when this process does: a compiled program and `snn.backends.guard` see to that. Its standard input is a
    pipe that this process holds open and never writes to.

    Raises
    ------
    RunTimeout, Cancelled
        If it took too long, or was cancelled; its whole group is killed.
    Killed
        If somebody else has killed it.
    NotStarted
        If there is no such program, or the system does not run it.
    MachineError
        If it cannot be started or watched, or says that the machine is at fault (`AT_FAULT`).
    RunError
        If it crashed; with its last words.
    """
    process = spawn(command, environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        words = _listen(process, options)
        status = _wait(process, options)
    except OSError as error:  # no more files, for instance
        raise MachineError(f"The program {command[0]} cannot be watched: {error.strerror or error}.") from error
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            _wait(process, options)
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()
    if status:
        ending = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        kind = MachineError if status == AT_FAULT else Killed if -status in KILLS else RunError
        raise kind(f"The program {ending}" + (f": {words}" if words else "."))


def _wait(process: subprocess.Popen[bytes], options: RunOptions) -> int:
    """The exit status of a program, as `Popen.wait` gives it, once it has ended."""
    # What this child alone has used: other threads have children of their own.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if options.profile is not None:
        options.profile.child(usage.ru_utime + usage.ru_stime)
    return process.returncode


def _listen(process: subprocess.Popen[bytes], options: RunOptions) -> str:
    """Read a program's standard error until it ends. Only the last part of a long text is kept."""
    assert process.stderr is not None
    words = b""
    deadline = options.deadline()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while True:
            wait = POLL if deadline is None else max(0.0, min(POLL, deadline - time.monotonic()))
            if selector.select(wait):
                piece = os.read(process.stderr.fileno(), 65536)
                if not piece:  # it has closed its end: it is over
                    return words.decode(errors="replace").strip()
                words = (words + piece)[-LAST_WORDS:]
            options.check(deadline)
