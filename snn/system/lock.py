"""Locks that name their holder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Parameters
    ----------
    user, host, pid
        Whose process it is, and where it runs.
    ticks : int
        When the kernel started it, so that a later process with the same pid is not taken for it.
    since : float
        When it took the lock, in seconds since 1970.
    """

    user: str
    host: str
    pid: int
    ticks: int
    since: float

    @classmethod
    def here(cls) -> Holder:
        """The present process, as of now."""
        pid = os.getpid()
        return cls(user_name(os.geteuid()), socket.gethostname(), pid, process_start_time(pid) or 0, time.time())

    @classmethod
    def parse(cls, text: bytes) -> Holder | None:
        """The holder that a lock's text names, if it does: somebody else's process has written it."""
        try:
            data = json.loads(text)
            here = cls(**{field.name: data[field.name] for field in fields(cls)})
            numbers = [isinstance(value, int | float) for value in (here.pid, here.ticks, here.since)]
            words = [isinstance(word, str) and word.isprintable() for word in (here.user, here.host)]
        except (ValueError, TypeError, KeyError):
            return None
        return here if all(numbers + words) else None

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} of {self.user} on {self.host}, since {since} ({self._state()})"

    def _state(self) -> str:
        if self.host != socket.gethostname():
            return "whether it still runs is known there"
        if process_start_time(self.pid) == self.ticks:
            return "it still runs"
        return "it has ended, but one that it started holds on to the lock"


def user_name(uid: int) -> str:
    """Return the name of a user, or the user's number if there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


class Lock:
    """A lock on a file, held by one process at a time, and by none once that has ended.

    Whoever may write in the file's folder may take it.

    Parameters
    ----------
    path : Path
        The file; made when it is needed.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor: int | None = None
        self._signed = False

    def acquire(self) -> bool:
        """Try to acquire the lock. Return True on success.

        Raises
        ------
        OSError
            If the file cannot be opened or made, or is a link to another one.
        """
        while True:
            descriptor = open_shared(self.path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                links = os.fstat(descriptor).st_nlink
                if links > 1:
                    raise OSError(errno.EMLINK, "It is a link to another file", str(self.path))
            except BlockingIOError:
                os.close(descriptor)
                return False
            except OSError:
                os.close(descriptor)
                raise
            if links:
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # removed by who held it before: there may be a new one

    def sign(self) -> None:
        """Write down who holds it."""
        assert self._descriptor is not None
        self._signed = True
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(asdict(Holder.here())).encode(), 0)

    def holder(self) -> Holder | None:
        """Return the holder, if it has signed."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return Holder.parse(os.pread(descriptor, 4096, 0))
        finally:
            os.close(descriptor)

    def release(self, *, remove: bool) -> None:
        """Let go of it, and remove the file if nobody needs it."""
        if self._descriptor is None:
            return
        try:
            if self._signed:
                os.ftruncate(self._descriptor, 0)
            if remove:
                with suppress(OSError):  # somebody else's, in a sticky folder
                    self.path.unlink()
        finally:
            os.close(self._descriptor)
            self._descriptor, self._signed = None, False


def open_shared(path: Path) -> int:
    """The descriptor of a file that those can write who can write in its folder; made if there is none."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags)  # without O_CREAT: in a sticky folder, kernels forbid it for a file of others
        folder = path.parent.stat()
        with suppress(FileExistsError):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            with suppress(PermissionError):  # a group that this user is not in
                os.fchown(descriptor, -1, folder.st_gid)
            writers = folder.st_mode & 0o022
            os.fchmod(descriptor, 0o600 | writers | writers << 1)
            return descriptor


def process_start_time(pid: int) -> int | None:
    """Return when a process of this machine started, in ticks of the kernel, or None if it has ended.

    PIDs are reused, so a process is identified by its PID and its start time.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
