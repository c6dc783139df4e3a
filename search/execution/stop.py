"""The request to stop a search before its end, and the error behind it."""

from __future__ import annotations

from collections.abc import Callable

from search.errors import ExecutorLost, StudyError
from snn.errors import OtherData


class Stop:
    """Records whether the search must stop, and why.

    Parameters
    ----------
    wake : callable
        Called at each request. It wakes the thread that waits for a job.

    Attributes
    ----------
    requested : bool
        Whether the search must stop. The trials that run are taken up again by the next start.
    error : StudyError or None
        The error that the search then ends with. There is none after Ctrl-C.
    """

    def __init__(self, wake: Callable[[], None]):
        self.requested = False
        self.error: StudyError | None = None
        self._wake = wake

    def request(self) -> None:
        """Request the stop. A signal handler may call this."""
        self.requested = True
        self._wake()

    def fail(self, error: StudyError | OtherData) -> None:
        """Request the stop because of an error. The first error is kept."""
        self.error = self.error or (ExecutorLost(str(error)) if isinstance(error, OtherData) else error)
        self.request()
