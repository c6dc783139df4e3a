"""The end of a command, soon after its work is done, even if a script has left threads running."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from threading import Thread, enumerate, main_thread

GRACE = 5.0  # seconds that what is left over has to end by itself


def end_soon(status: int, grace: float = GRACE) -> None:
    """Have this process end with an exit status within so many seconds from now, also if something keeps it.

    Python waits for threads that are not daemons, for the threads of pools and for child processes of
    `multiprocessing`. A script that has left one of them would keep a finished command from ending.
    """
    Thread(target=_end, args=(status, grace), name="end of snnsearch", daemon=True).start()


def _end(status: int, grace: float) -> None:
    time.sleep(grace)  # most processes are gone by now
    with suppress(Exception):
        print(f"snnsearch: the command is done and has ended, although {_left_over()} still ran.", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status)


def _left_over() -> str:
    names = [f"the thread {one.name!r}" for one in enumerate() if not one.daemon and one is not main_thread()]
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        names += [f"the process {one.name!r}" for one in active_children()]
    return " and ".join(names) or "something that ends with it"
