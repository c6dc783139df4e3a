"""A lock in a database server, by PostgreSQL's advisory locks."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from contextlib import suppress
from threading import Lock as Mutex
from typing import TYPE_CHECKING

from search.errors import StudyError
from search.storage.address import connect_arguments
from search.storage.locks.lock import Owner, driven_by
from snn.system.lock import Holder, process_start_time

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
        return Holder(str(row[1]), label[3], pid, (process_start_time(pid) or 0) if here else 0, float(label[2]))

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
                message = f"the database server was away, and when it was back, {driven_by(self._study, self)}."
            except SQLAlchemyError as error:
                self._drop()
                raise ConnectionError(str(error)) from error
            raise StudyError(f"This driver has stopped, since it has lost the study: {message}")


def _key(schema: str, study: str) -> int:
    """The number that stands for a study among the advisory locks of a database."""
    digest = hashlib.sha256(f"snnsearch\0{schema}\0{study}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
