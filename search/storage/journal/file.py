"""A journal file that survives the death of its driver in the middle of a write."""

from __future__ import annotations

import fcntl
import os
import shlex
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage
from optuna.storages.journal._storage import JournalOperation

from search.errors import StudyError
from search.storage.journal.lines import Damage, LineChecker, whole_but_its_end
from search.storage.reading import no_garbage

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
        self.path = path
        self._reader = Reader(path)
        self._ahead: deque[dict[str, Any]] = deque()  # read before writing, and not handed out yet
        self._handed = 0  # lines that were handed out
        super().__init__(str(path), lock_obj=self._own_lock)

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the operations from that line on, each checked.

        Raises
        ------
        StudyError
            If a line is damaged, missing or there twice.
        """
        if log_number_from != self._handed:  # a storage that begins anew
            self._reader, self._handed = Reader(self.path), 0
            self._ahead.clear()
        while self._ahead:
            self._handed += 1
            yield self._ahead.popleft()
        for log in self._reader.new():
            self._handed += 1
            if self._handed > log_number_from:
                yield log

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations, one line each, numbered after the last line of the file that has a number."""
        self._own_lock.acquire()
        try:
            self._ahead.extend(self._reader.new())
            lines = self._reader.checker.sealed(logs)
            with self.path.open("ab") as file:
                file.write(lines)
                file.flush()
                if not all(log["op_code"] in PASSING for log in logs):
                    os.fsync(file.fileno())
        finally:
            self._own_lock.release()


class Reader:
    """Reads what is new in a journal.

    Parameters
    ----------
    path : path
        The journal.
    """

    def __init__(self, path: Path):
        self._path = path
        self._offset = 0
        self._lines = 0
        self.checker = LineChecker()

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the operations of the lines that were ended since the last call.

        Raises
        ------
        StudyError
            If a line is damaged; it is read again by the next call.
        """
        if self._path.stat().st_size < self._offset:
            raise damaged(self._path, self._lines, "was cut off while the journal was in use")
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):  # being written, or its writer did not live to end it
                    if whole_but_its_end(line):
                        raise damaged(self._path, self._lines + 1, "has another byte in place of its end")
                    return
                try:
                    log = self.checker.read(line[:-1])
                except Damage as damage:
                    raise damaged(self._path, self._lines + 1, str(damage)) from None
                self._offset += len(line)
                self._lines += 1
                yield log


class Storage(JournalStorage):
    """Optuna's journal storage, which names the line that it cannot replay."""

    _damage: StudyError | None = None  # Optuna would skip that line the next time

    def _sync_with_backend(self) -> None:
        if self._damage is not None:
            raise self._damage
        last: list[dict[str, Any]] = []

        def noted() -> Iterator[dict[str, Any]]:
            for log in self._backend.read_logs(self._replay_result.log_number_read):
                last[:] = [log]
                yield log

        try:
            self._replay_result.apply_logs(noted())
        except (StudyError, OSError):
            raise
        except Exception as error:
            if not last or last[0].get("worker_id") == self._replay_result.worker_id:
                raise  # Optuna's answer to a call of this process, as of a study that exists already
            assert isinstance(self._backend, Backend)
            why = f"cannot be replayed ({type(error).__name__}: {error})"
            self._damage = damaged(self._backend.path, self._replay_result.log_number_read, why)
            raise self._damage from None


def damaged(path: Path, line: int, what: str) -> StudyError:
    """The error about a damaged line."""
    return StudyError(
        f"The journal {path} is damaged: line {line} {what}. "
        f"`snnsearch repair {shlex.quote(str(path))}` keeps what can be read in a new file."
    )


def open_journal(path: Path) -> JournalStorage:
    """Storage in the journal file `path`, created if it is not there.

    Raises
    ------
    StudyError
        If the journal is damaged.
    """
    path.touch()
    with no_garbage():
        return Storage(Backend(path))


def _cut_torn_line(descriptor: int) -> None:
    end = os.fstat(descriptor).st_size
    if end == 0 or os.pread(descriptor, 1, end - 1) == b"\n":
        return
    begin = end  # of the torn line
    while begin > 0:
        start = max(0, begin - 65536)
        newline = os.pread(descriptor, begin - start, start).rfind(b"\n")
        if newline >= 0:
            begin = start + newline + 1
            break
        begin = start
    if not whole_but_its_end(os.pread(descriptor, end - begin, begin)):  # that is damage, which a reader names
        os.ftruncate(descriptor, begin)
