"""The default storage: a journal file beside the script that survives a driver killed in mid-write."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.storages.journal._storage import JournalOperation

from search.storage import no_garbage

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

PASSING = {
    JournalOperation.CREATE_TRIAL,
    JournalOperation.SET_TRIAL_PARAM,
    JournalOperation.SET_TRIAL_USER_ATTR,
    JournalOperation.SET_TRIAL_SYSTEM_ATTR,
    JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE,
}
"""What is written of a trial that has not ended."""


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
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_torn_line(descriptor)
        except BaseException:  # a full disk, or Ctrl-C while waiting: the next call must not wait for this one
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


class Backend(JournalFileBackend):
    """Optuna's journal in a file, which waits for the disk only where something ends.

    What is written survives the end of its writer anyway; only a machine that fails can lose it. A trial that is told
    waits for the disk, and has with it all that was written before: nothing finished is lost. A trial takes some ten
    writes, of several milliseconds each if all of them waited.

    Parameters
    ----------
    path : path
        The journal; it must exist.
    """

    def __init__(self, path: Path):
        self._own_lock = FileLock(path)
        self._path = path
        super().__init__(str(path), lock_obj=self._own_lock)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations, one line each."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._own_lock.acquire()
        try:
            with self._path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                if not all(log["op_code"] in PASSING for log in logs):
                    os.fsync(file.fileno())
        finally:
            self._own_lock.release()


def open_journal(path: Path) -> JournalStorage:
    """Storage in the journal file `path`, created if it is not there."""
    from optuna.storages import JournalStorage

    path.touch()
    with no_garbage():
        return JournalStorage(Backend(path))


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
