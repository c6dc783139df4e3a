"""Which process drives a study, and whether it lives: what another one begins, a second driver must not take."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from search.errors import StudyError
from snn.alive import started

if TYPE_CHECKING:
    import optuna

ATTRIBUTE = "driver"
BEAT = 20.0  # seconds between two signs of life
SILENCE = 90.0  # seconds after which a driver on another machine counts as dead


@dataclass(frozen=True)
class Owner:
    """A driver's process.

    Parameters
    ----------
    host, pid
        Where it runs.
    ticks : int
        When the kernel started it, so that a later process with the same pid is not taken for it.
    seen : float
        Its last sign of life, in seconds since 1970.
    """

    host: str
    pid: int
    ticks: int
    seen: float

    @classmethod
    def here(cls) -> Owner:
        """The present process."""
        return cls(socket.gethostname(), os.getpid(), started(os.getpid()) or 0, time.time())

    def lives(self) -> bool:
        """Whether it still runs: at once certain on this machine, after `SILENCE` on another."""
        if self.host == socket.gethostname():
            return started(self.pid) == self.ticks
        return time.time() - self.seen < SILENCE


def claim(study: optuna.Study) -> None:
    """Make this process the study's driver.

    Raises
    ------
    StudyError
        If another one drives it and lives.
    """
    found = study.user_attrs.get(ATTRIBUTE)
    me = Owner.here()
    if found is not None:
        other = Owner(**found)
        if other.lives() and (other.host, other.pid) != (me.host, me.pid):
            wait = "" if other.host == me.host else f" (if that one died, wait {SILENCE:.0f} s)"
            raise StudyError(
                f"One process at a time may drive a study, but {study.study_name!r} is driven by process {other.pid} "
                f"on {other.host}: stop that one first{wait}, or start another study with --name."
            )
    study.set_user_attr(ATTRIBUTE, asdict(me))


def release(study: optuna.Study) -> None:
    """Say that nobody drives the study, unless another process has taken it over."""
    found, me = study.user_attrs.get(ATTRIBUTE), Owner.here()
    if found is not None and (found["host"], found["pid"], found["ticks"]) == (me.host, me.pid, me.ticks):
        study.set_user_attr(ATTRIBUTE, None)
