"""A guard process that ends a Python child, and the processes that it has started, when their caller ends.

Run as a file, ``python -P guard.py CODE ARGUMENTS...``, in a process group of its own, with a pipe as standard input
whose other end the caller holds. It forks. The child runs CODE with those arguments. The guard does nothing but wait,
so it can act at once, also while the child is in a long call of a C library or waits for a compiler. It ends as the
child has ended. When the caller is gone, it kills the whole group.

A signal of the system tells that the caller is gone where there is one (Linux), else the end of the pipe does.

This file imports nothing of the package, since it must be small and start in every interpreter.
"""

import os
import select
import signal
import sys
from contextlib import suppress

SET_PDEATHSIG = 1  # of Linux's prctl


def follow_parent(number: int, parent: int) -> None:
    """Have the system send this process a signal when its parent ends, where the system can do that.

    It does so when the *thread* ends that has started this process: see `snn.backends.spawn`.

    Parameters
    ----------
    number : int
        The signal.
    parent : int
        Number of the parent. If it has gone already, this process ends at once.
    """
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):  # an interpreter without ctypes, a C library without it
            import ctypes

            ctypes.CDLL(None).prctl(SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Become the guard, and return in its child only, when that has run the code."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # nobody else's group is to be killed
    guard = os.getpid()
    told, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # their numbers come through the pipe
    follow_parent(signal.SIGTERM, os.getppid())
    child = os.fork()
    if child:
        _end_like(_watch(child, told))
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.close(told)
    os.close(waker)
    follow_parent(signal.SIGKILL, guard)
    code = sys.argv[1]
    sys.argv[:] = ["-c", *sys.argv[2:]]
    exec(compile(code, "<snnsearch>", "exec"), {"__name__": "__main__"})


def _watch(child: int, told: int) -> int:
    """The status with which the child has ended. If the caller goes first, it and the whole group are killed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)  # so that a child that closes a pipe is seen to
    poll = select.poll()
    poll.register(0, 0)  # what comes is for the child, but its end (POLLHUP) is reported unasked
    poll.register(told, select.POLLIN)
    while True:
        events = dict(poll.poll())
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        signals = os.read(told, 4096) if told in events else b""
        if 0 in events or signal.SIGTERM in signals:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)  # so that its CPU time is counted
            os.killpg(0, signal.SIGKILL)


def _end_like(status: int) -> None:
    """End as the child has ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the child has left its core, if any
        with suppress(OSError):  # some signals cannot have another action
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
