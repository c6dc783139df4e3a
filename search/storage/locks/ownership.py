"""The ownership of a study by one driver, through a lock that ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from search.errors import StudyError
from search.storage.locks.file_lock import OfFile, Private
from search.storage.locks.lock import Owner, driven_by
from search.storage.locks.server_lock import OfServer
from search.storage.opening import opening

if TYPE_CHECKING:
    from search.storage.location import Location


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
    with opening(location):
        taken = owner.acquire()
    if not taken:
        message = f"One process at a time may drive a study, but {driven_by(study, owner)}: "
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
