"""Options of a run: time limit, memory limit, cancellation."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from snn.errors import Cancelled, RunTimeout
from snn.profile import Profile


@dataclass(frozen=True)
class RunOptions:
    """Options of a run that do not change its result.

    Attributes
    ----------
    record : tuple of str
        Names of what to record, see `snn.backends.recording.resolve`.
    timeout : float or None
        Seconds that it may take.
    cancel : threading.Event or None
        Ends it when set.
    state : bool
        Whether the state that it leaves is wanted: with outputs and totals alone, there is less to write and to read.
    profile : Profile or None
        Where its CPU time is counted.
    memory : int or None
        Bytes that a compiled program may take, its own code and libraries (some MiB) included; a run that needs more
        ends with an error.
    """

    record: tuple[str, ...] = ()
    timeout: float | None = None
    cancel: threading.Event | None = field(default=None, compare=False)
    state: bool = True
    profile: Profile | None = field(default=None, compare=False)
    memory: int | None = None

    def check(self, deadline: float | None) -> None:
        """Raise `Cancelled` or `RunTimeout` if it is time to stop."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("The run was cancelled.")
        if deadline is not None and time.monotonic() >= deadline:
            raise RunTimeout(f"The run took longer than the {self.timeout:.3g} s that it was given.")

    def deadline(self) -> float | None:
        """Return the time at which the run must end, on the monotonic clock."""
        return None if self.timeout is None else time.monotonic() + self.timeout


PLAIN = RunOptions()
