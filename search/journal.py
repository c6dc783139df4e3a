"""The default storage: a journal file beside the script that survives a driver killed in mid-write."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

if TYPE_CHECKING:
    from optuna.storages import JournalStorage


class FileLock(JournalFileOpenLock):  # the lock's base class is not public
    """Lock on the journal itself, which the kernel releases when its holder dies.

    Optuna's own locks are files that a killed process leaves behind, and cost its successor 30 s of waiting.

    Parameters
    ----------
    path : path
        The journal; it must exist.
    """

    def __init__(self, path: Path):
        super().__init__(str(path))
        self._path = path
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait for the lock, then cut off a last line that its writer did not live to end."""
        self._descriptor = os.open(self._path, os.O_RDWR)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        _cut_torn_line(self._descriptor)
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def open_journal(path: Path) -> JournalStorage:
    """Storage in the journal file `path`, created if it is not there."""
    from optuna.storages import JournalStorage

    path.touch()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=FileLock(path)))


def _cut_torn_line(descriptor: int) -> None:
    end = os.fstat(descriptor).st_size
    if end == 0 or os.pread(descriptor, 1, end - 1) == b"\n":
        return
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            os.ftruncate(descriptor, start + newline + 1)
            return
        end = start
    os.ftruncate(descriptor, 0)
