"""The interface of locks on studies."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from snn.system.lock import Holder

SIGNING = 1.0  # seconds in which a driver that has just taken a lock writes down who it is


class Owner(ABC):
    """A study's lock, held by one driver at a time."""

    @abstractmethod
    def acquire(self) -> bool:
        """Take the lock unless somebody holds it; whether it was taken."""

    @abstractmethod
    def holder(self) -> Holder | None:
        """Return the holder, if it is known."""

    @abstractmethod
    def release(self) -> None:
        """Let go of it."""

    def check(self) -> None:  # noqa: B027  most locks cannot be lost
        """Take the lock back if it was lost, as with a server that was restarted.

        Raises
        ------
        StudyError
            If somebody else has it by now.
        ConnectionError
            If the server cannot be asked.
        """


def driven_by(study: str, owner: Owner) -> str:
    """Describe the process that drives the study. A process that has just taken the lock gets time to sign."""
    give_up = time.monotonic() + SIGNING
    while (holder := owner.holder()) is None and time.monotonic() < give_up:
        time.sleep(0.02)
    return f"{study!r} is driven by {holder or 'a process that has not left its name'}"
