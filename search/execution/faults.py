"""Retries after faults of the machine, which never fail a trial."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from search.errors import ExecutorLost
from snn.errors import MachineError, SNNError

T = TypeVar("T")
Say = Callable[[str], None]  # takes a line for the user

WAITS = (1.0, 4.0, 15.0, 40.0)  # seconds between the attempts, about a minute in all
VARYING = re.compile(r"\S*[/\d]\S*")  # paths and numbers: without them, texts of one kind are equal


def say_aloud(text: str) -> None:
    """Write a line on standard error."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Faults:
    """Retries runs after faults of the machine, and reports each kind of fault once. Many threads may share it.

    Parameters
    ----------
    say : callable
        Told of a fault, in one line.
    waits : tuple of float
        Seconds between one attempt and the next. There is one attempt more than there are waits.
    """

    say: Say
    waits: tuple[float, ...] = WAITS
    _said: set[str] = field(default_factory=set, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def tell(self, error: Exception, done: str) -> None:
        """Say what happened and what is done about it, unless something of this kind was said before."""
        text = " ".join(_text(error).split())
        with self._lock:
            kind = VARYING.sub("", text)
            if kind in self._said:
                return
            self._said.add(kind)
        self.say(f"{text} {done} (said once for this kind of fault)")

    def endure(self, run: Callable[[], T], pause: Callable[[float], None]) -> T:
        """Run, and again after a pause if the machine is at fault; `pause` raises an error when the search ends.

        Raises
        ------
        ExecutorLost
            If the machine is at fault every time.
        """
        for wait in self.waits:
            try:
                return run()
            except Exception as error:
                if not at_fault(error):
                    raise
                self.tell(error, f"The run is tried again, {len(self.waits) + 1} times at most; no trial fails for it.")
            pause(wait)
        try:
            return run()
        except Exception as error:
            if not at_fault(error):
                raise
            raise ExecutorLost(
                f"The machine could not run a trial in {len(self.waits) + 1} attempts within {sum(self.waits):g} s: "
                f"{_text(error)} Mend this, then rerun the command to resume."
            ) from error


def at_fault(error: BaseException) -> bool:
    """Whether an error is a fault of the machine, and not of the run.

    One of Python 3.11's is among them, which `snn.system.ast_guard` cannot keep from a user's code in all cases.
    """
    return isinstance(error, MachineError) or (
        isinstance(error, SystemError) and "recursion depth mismatch" in str(error)
    )


def _text(error: Exception) -> str:
    """An error as a sentence."""
    text = str(error) if isinstance(error, SNNError) else f"{type(error).__name__}: {error}"
    return text if text.endswith(".") else f"{text}."
