"""One entry of the cache: whether it is whole, and which processes use it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from snn.backends.standalone.cache.folder import check_folder, trusted
from snn.backends.standalone.compiler import BINARY
from snn.backends.standalone.manifest import MANIFEST
from snn.system.lock import open_shared

HELD = 64  # programs that a process keeps from being removed: those that it used last

State = tuple[int, ...]


def lock_path(entry: Path) -> Path:
    """The lock of an entry."""
    return entry.with_name(f"{entry.name}.lock")


def intact(entry: Path) -> Path | None:
    """The binary of an entry if it is whole and may be run, and nobody could have written it who is not trusted to.

    Raises
    ------
    BuildError
        If nothing in the entry's folder can be trusted.
    """
    try:
        folder = check_folder(entry.parent)
        parts = _parts(entry)
        kinds = [stat.S_IFMT(part.st_mode) for part in parts]
        if kinds != [stat.S_IFDIR, stat.S_IFREG, stat.S_IFREG] or not all(trusted(part, folder) for part in parts):
            return None
        if not os.access(entry / BINARY, os.X_OK):
            return None
        _verify(entry, _state(parts))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return entry / BINARY


def _parts(entry: Path) -> list[os.stat_result]:
    return [os.lstat(path) for path in (entry, entry / MANIFEST, entry / BINARY)]


def _state(parts: list[os.stat_result]) -> State:
    """Return a value that changes whenever an entry's files do."""
    return tuple(n for p in parts for n in (p.st_dev, p.st_ino, p.st_size, p.st_mtime_ns, p.st_ctime_ns))


class _Hold:
    """A shared lock on a manifest, for as long as this object lives: its entry stays."""

    def __init__(self, entry: Path):
        descriptor = os.open(entry / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # it is being removed
            raise
        except OSError:  # a file system without locks: nothing is ever removed there, see `unused`
            pass


@lru_cache(maxsize=HELD)
def _verify(entry: Path, state: State) -> _Hold:
    """Compare the binary with its checksum, once for each state of the files.

    Raises
    ------
    OSError, ValueError, TypeError, KeyError
        If it cannot be read, or is not what was built.
    """
    hold = _Hold(entry)
    digest = hashlib.sha256((entry / BINARY).read_bytes()).hexdigest()
    if digest != json.loads((entry / MANIFEST).read_text(encoding="utf-8"))["sha256"] or _state(_parts(entry)) != state:
        raise ValueError(f"{entry} is damaged")
    return hold


@contextmanager
def unused(entry: Path) -> Iterator[bool]:
    """Whether no process uses the entry; while the context lasts, none begins to."""
    try:
        try:
            descriptor = os.open(entry / MANIFEST, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)  # NFS wants it writable
        except PermissionError:
            descriptor = os.open(entry / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # no manifest: nobody can use it
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except OSError:
            free = False
        yield free
    finally:
        os.close(descriptor)


def note_use(entry: Path) -> None:
    """Note that the entry is used now, in an hour once."""
    _note_use(entry, int(time.time() // 3600))


@lru_cache(maxsize=1024)
def _note_use(entry: Path, hour: int) -> None:
    with suppress(OSError):  # a folder that only others can write
        descriptor = open_shared(lock_path(entry))
        try:
            os.utime(descriptor)
        finally:
            os.close(descriptor)
