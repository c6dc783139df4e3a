"""A lock in a file next to the storage, for studies in files."""

from __future__ import annotations

from pathlib import Path

from search.storage.locks.lock import Owner
from snn.system.lock import Holder, Lock


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
