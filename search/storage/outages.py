"""Outages of a storage: which errors pass, and the wait until a call succeeds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from search.errors import StudyError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from search.storage.location import Location

T = TypeVar("T")
SQLITE_MISTAKES = ("SQLITE_ERROR", "SQLITE_NOTADB", "SQLITE_CORRUPT")  # no such table, no database, a damaged one
FIRST, LONGEST, LOOK = 0.1, 10.0, 0.1  # seconds: the first wait, the longest, between two looks for Ctrl-C


def _nothing() -> None: ...


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Patience:
    """The settings of the wait for a storage.

    Parameters
    ----------
    say : callable
        Told once when the storage goes away, and once when it is back.
    stop : callable
        Whether not to wait any longer, since the user has pressed Ctrl-C.
    check : callable
        Called for each new connection to a database server; raises an error if its holder may no longer write there.
    seconds : float, default 600
        How long to wait for it.
    """

    say: Callable[[str], None]
    stop: Callable[[], bool] = _never
    check: Callable[[], None] = _nothing
    seconds: float = 600.0


def beneath(error: BaseException) -> BaseException:
    """Return the error that Optuna has wrapped into its own, or the error itself."""
    from optuna.exceptions import StorageInternalError

    return error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ is not None else error


def passing(error: BaseException) -> bool:
    """Whether an error of a storage is one that waiting can mend: a connection, a lock, a full disk.

    Also what a connection or a session reports that has not got over such an error yet.
    """
    from sqlalchemy import exc

    error = beneath(error)
    if isinstance(error, exc.DBAPIError):
        if getattr(error.orig, "sqlite_errorname", "").startswith(SQLITE_MISTAKES):
            return False
        mistakes = (exc.ProgrammingError, exc.DataError, exc.IntegrityError, exc.NotSupportedError)
        return error.connection_invalidated or not isinstance(error, mistakes)
    return isinstance(error, OSError | exc.PendingRollbackError | exc.ResourceClosedError | exc.TimeoutError)


def refused(error: BaseException) -> bool:
    """Whether a database refuses what has nothing to do with the values that it was given: a right, a table."""
    from sqlalchemy import exc

    error = beneath(error)
    return isinstance(error, exc.SQLAlchemyError) and not isinstance(error, exc.DataError | exc.IntegrityError)


def prepare(engine: Engine, patience: Patience) -> None:
    """Have a database's errors that waiting can mend come as ConnectionError, and check each new connection.

    Optuna would wrap the errors into one of its own, and try some calls again without looking whether they have gone
    through.
    """
    from sqlalchemy import event
    from sqlalchemy.exc import DBAPIError, OperationalError

    @event.listens_for(engine, "handle_error")
    def translate(context: Any) -> Exception | None:
        error = context.sqlalchemy_exception or context.original_exception
        if context.is_pre_ping or not (passing(error) or (context.is_disconnect and isinstance(error, DBAPIError))):
            return None
        if not isinstance(error, OperationalError):  # the connection is in disorder, or has a server that may not write
            context.is_disconnect = True
        return ConnectionError(str(getattr(error, "orig", error)))

    @event.listens_for(engine, "connect")
    def check(*_: object) -> None:
        patience.check()


class Outages:
    """Waiting for one storage, from however many threads.

    Parameters
    ----------
    patience : Patience
        How to wait.
    location : Location
        Its name in messages.
    """

    def __init__(self, patience: Patience, location: Location):
        self._patience = patience
        self._location = location
        self._mutex = Lock()
        self._since: float | None = None  # when it went away

    def wait(self, call: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """Call until it does not fail; from the second time on call `again`, which minds what the first has done.

        Raises
        ------
        StudyError
            If patience ends; if the storage refuses the call whatever the values in it are. No trial is to blame.
        KeyboardInterrupt
            If the user does not want to wait.
        """
        wait, give_up = FIRST, time.monotonic() + self._patience.seconds
        while True:
            try:
                done = call()
            except Exception as error:
                if not passing(error):
                    if not refused(error):
                        raise
                    raise StudyError(
                        f"The storage {self._location.shown} refuses a write "
                        f"({self._location.first_line(beneath(error))}). Finished trials were saved. "
                        "Rerun the command to resume."
                    ) from None
                self._gone(error)
                if time.monotonic() + wait > give_up:
                    raise StudyError(
                        f"The storage {self._location.shown} was unreachable for {self._patience.seconds:g} s "
                        f"({self._location.first_line(error)}). Finished trials were saved. "
                        "Rerun the command to resume."
                    ) from None
                self._sleep(wait)
                wait, call = min(2 * wait, LONGEST), again or call
            else:
                self._back()
                return done

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._patience.stop():
                raise KeyboardInterrupt("while waiting for the storage")
            time.sleep(min(LOOK, left))

    def _gone(self, error: Exception) -> None:
        with self._mutex:
            known, self._since = self._since is not None, self._since or time.monotonic()
        if not known:
            self._patience.say(
                f"the storage {self._location.shown} does not answer ({self._location.first_line(error)}); trying "
                f"again for {self._patience.seconds:g} s"
            )

    def _back(self) -> None:
        if self._since is None:
            return
        with self._mutex:
            since, self._since = self._since, None
        if since is not None:
            self._patience.say(f"the storage answers again, after {time.monotonic() - since:.1f} s")
