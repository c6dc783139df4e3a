"""The start of processes that end with this one."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from snn.errors import MachineError, NotStarted

NOT_STARTED = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ENOEXEC)
"""Errors that are the program's, as opposed to those of a machine that is short of memory or processes."""

GUARD = Path(__file__).with_name("guard.py")

Start = tuple[partial[Any], Future[Any]]


def guarded(python: str, code: str, *arguments: str) -> list[str]:
    """The command that runs code in an interpreter, behind a guard (`snn.backends.guard`)."""
    return [python, "-P", str(GUARD), code, *arguments]


def spawn(command: Sequence[str], environment: Mapping[str, str] | None = None, **pipes: Any) -> subprocess.Popen[Any]:
    """Start a program for the calling thread, which waits for its end.

    It gets a process group of its own, and a pipe as standard input that ends with this process. Linux tells a child of
    the end of the *thread* that started it, not of the process: a program that may outlive the calling thread is
    started by `spawn_to_stay`.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    environment : mapping, optional
        Its environment variables; by default those of this process.
    pipes
        More arguments of `subprocess.Popen`.

    Raises
    ------
    NotStarted
        If there is no such program, or the system does not run it.
    MachineError
        If it cannot be started now.
    """
    variables = None if environment is None else dict(environment)
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=variables, start_new_session=True, **pipes)
    except OSError as error:
        kind = NotStarted if error.errno in NOT_STARTED else MachineError
        raise kind(f"The program {command[0]} cannot be started: {error.strerror or error}.") from error


def spawn_to_stay(command: Sequence[str], environment: Mapping[str, str], **pipes: Any) -> subprocess.Popen[Any]:
    """Start a program as `spawn` does, from a thread that lasts as long as this process."""
    started: Future[subprocess.Popen[Any]] = Future()
    try:
        _starter(os.getpid()).put((partial(spawn, command, environment, **pipes), started))
        return started.result()
    except MachineError:
        raise
    except BaseException:  # Ctrl-C, while the program starts
        started.add_done_callback(_drop)
        raise


@cache
def _starter(pid: int) -> SimpleQueue[Start]:
    """Return the queue of the lasting thread that starts processes. A fork of this process has a thread of its own."""
    queue: SimpleQueue[Start] = SimpleQueue()
    try:
        Thread(target=_start_all, args=(queue,), name="starts programs", daemon=True).start()
    except RuntimeError as error:
        raise MachineError(f"The thread that starts programs cannot be started: {error}.") from error
    return queue


def _start_all(queue: SimpleQueue[Start]) -> None:
    while True:
        start, started = queue.get()
        try:
            started.set_result(start())
        except BaseException as error:
            started.set_exception(error)
        del start, started  # not kept until the next one comes


def _drop(started: Future[subprocess.Popen[Any]]) -> None:
    """Kill a program that nobody waits for."""
    if started.exception() is None:
        started.result().kill()


def run_text(command: Sequence[str], environment: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a guarded program to its end; what it writes, as text. It ends with this process.

    Raises
    ------
    OSError
        If it cannot be started.
    subprocess.TimeoutExpired
        If it takes longer than so many seconds.
    """
    reader, writer = os.pipe()
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            stdin=reader,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(reader)
        os.close(writer)
