"""One driver owns a study: it holds a lock that the kernel or the database server takes back when it has ended."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock as Mutex
from typing import TYPE_CHECKING

from search.errors import StudyError
from snn.alive import started
from snn.lock import Holder, Lock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from search.storage import Location

SIGNING = 1.0  # seconds in which a driver that has just taken a lock writes down who it is
LABEL = re.compile(r"snnsearch (\d+) (\d+) (\S*)")  # pid, seconds since 1970, host: as an application's name

# What a server is told: whose connection it is, and to notice soon that its other end is gone without a word.
SETTINGS = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
SETTINGS |= {"idle_session_timeout": "0"}
CONFIGURE = "SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name"
HOLDER = """
    SELECT a.application_name, a.usename FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32) | l.objid::bigint = :key
"""


class Owner(ABC):
    """A study's lock, held by one driver at a time."""

    @abstractmethod
    def acquire(self) -> bool:
        """Take the lock unless somebody holds it; whether it was taken."""

    @abstractmethod
    def holder(self) -> Holder | None:
        """Who holds it, if that is known."""

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


class Private(Owner):
    """Of a study that no other process can see: a database in memory."""

    def acquire(self) -> bool:
        """Nothing to take."""
        return True

    def holder(self) -> Holder | None:
        """The present process."""
        return Holder.here()

    def release(self) -> None:
        """Nothing to release."""


class OfFile(Owner):
    """A lock on a file beside the journal or the database; the kernel releases it with its holder's end.

    Parameters
    ----------
    path : Path
        The lock's file.
    """

    def __init__(self, path: Path):
        self._lock = Lock(path)

    def acquire(self) -> bool:
        """See `Owner`."""
        taken = self._lock.acquire()
        if taken:
            self._lock.sign()
        return taken

    def holder(self) -> Holder | None:
        """See `Owner`."""
        return self._lock.holder()

    def release(self) -> None:
        """See `Owner`."""
        self._lock.release(remove=True)


class OfServer(Owner):
    """An advisory lock of PostgreSQL, on a connection of its own whose name says whose it is.

    Parameters
    ----------
    url : str
        The database.
    study : str
        The study's name; studies of the same name in two schemas are two studies.
    """

    def __init__(self, url: str, study: str):
        self._url = url
        self._study = study
        self._connection: Connection | None = None
        self._taken = False  # and not given back: the connection may be lost meanwhile
        self._key = 0
        self._mutex = Mutex()

    def acquire(self) -> bool:
        """See `Owner`."""
        from sqlalchemy import NullPool, create_engine, text

        from search.storage import connect_arguments

        engine = create_engine(
            self._url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect_arguments(self._url)
        )
        connection = engine.connect()
        try:
            label = f"snnsearch {os.getpid()} {time.time():.0f} {socket.gethostname()}"
            for name, value in (SETTINGS | {"application_name": label}).items():
                connection.execute(text(CONFIGURE), {"name": name, "value": value})
            self._key = _key(str(connection.scalar(text("SELECT current_schema()"))), self._study)
            taken = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}))
        except BaseException:
            connection.close()
            raise
        self._connection = connection  # kept if it was not taken too, to ask who holds it
        self._taken = self._taken or taken
        return taken

    def holder(self) -> Holder | None:
        """See `Owner`."""
        from sqlalchemy import text

        assert self._connection is not None
        row = self._connection.execute(text(HOLDER), {"key": self._key}).first()
        label = LABEL.match(row[0] or "") if row else None
        if row is None or label is None:
            return None
        pid, here = int(label[1]), label[3] == socket.gethostname()
        return Holder(str(row[1]), label[3], pid, (started(pid) or 0) if here else 0, float(label[2]))

    def release(self) -> None:
        """See `Owner`."""
        with self._mutex:
            self._taken = False
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # a server that is gone holds no locks
                connection.close()

    def check(self) -> None:
        """See `Owner`."""
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        with self._mutex:
            if not self._taken:
                return
            try:
                if self._connection is not None:
                    self._connection.execute(text("SELECT 1"))
                    return
            except SQLAlchemyError:
                self._drop()
            try:
                if self.acquire():
                    return
                message = f"the database server was away, and when it was back, {_driven(self._study, self)}."
            except SQLAlchemyError as error:
                self._drop()
                raise ConnectionError(str(error)) from error
            raise StudyError(f"This driver has stopped, since it has lost the study: {message}")


@contextmanager
def owned(location: Location, study: str) -> Iterator[Owner]:
    """Hold the study while a search runs; others may read it.

    Parameters
    ----------
    location : Location
        Where it lies.
    study : str
        Its name. Several studies in one storage may have a driver each.

    Raises
    ------
    StudyError
        If another process drives it, which is named; if the storage cannot be locked.
    """
    owner = owner_of(location, study)
    with location.opening():
        taken = owner.acquire()
    if not taken:
        message = f"One process at a time may drive a study, but {_driven(study, owner)}: "
        owner.release()
        raise StudyError(message + "stop that one first, or start another study with --name.")
    try:
        yield owner
    finally:
        owner.release()


def owner_of(location: Location, study: str) -> Owner:
    """The lock of a study, which nobody holds yet."""
    if location.kind == "postgresql":
        return OfServer(location.text, study)
    if (file := location.file) is not None:
        return OfFile(location.beside(file, study, ".driver.lock"))
    if location.kind == "sqlite":
        return Private()
    raise StudyError(
        "A search needs a storage in which a driver can lock its study: a journal file, SQLite or PostgreSQL; but "
        f"{location.shown} is another."
    )


def _driven(study: str, owner: Owner) -> str:
    """Who drives it; one that has just begun is given the time to sign."""
    give_up = time.monotonic() + SIGNING
    while (holder := owner.holder()) is None and time.monotonic() < give_up:
        time.sleep(0.02)
    return f"{study!r} is driven by {holder or 'a process that has not left its name'}"


def _key(schema: str, study: str) -> int:
    """The number that stands for a study among the advisory locks of a database."""
    digest = hashlib.sha256(f"snnsearch\0{schema}\0{study}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
