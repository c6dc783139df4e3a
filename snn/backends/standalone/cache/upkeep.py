"""The list of entries of a cache, and their removal."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from snn.backends.standalone.cache.entry import lock_path, unused
from snn.system.lock import Lock, user_name

OLD = 3600.0  # seconds after which what a killed build has left is removed

KEY = r"[0-9a-f]{24}"


@dataclass(frozen=True)
class Entry:
    """A program, or what a build that did not end has left of one.

    Attributes
    ----------
    path : Path
    bytes : int
        Of all its files.
    used : float
        When it was last used, or built, in seconds since 1970.
    owner : int
        Number of the user who built it.
    """

    path: Path
    bytes: int
    used: float
    owner: int


def entries(folder: Path) -> list[Entry]:
    """The programs of a cache, the one that was used longest ago first."""
    return sorted(_listed(folder, KEY), key=lambda entry: entry.used)


def leftovers(folder: Path) -> list[Entry]:
    """List the unfinished builds, running and killed ones."""
    return list(_listed(folder, rf"{KEY}\.[a-z0-9_]{{8}}"))


def tidy(folder: Path, limit: int, keep: Path) -> None:
    """Remove what killed builds have left, then the programs used longest ago, until all take `limit` bytes at most.

    `keep` stays, and so does what is in use or belongs to others.
    """
    sweep(folder, before=time.time() - OLD)
    found = entries(folder)
    total = sum(entry.bytes for entry in [*found, *leftovers(folder)])
    for entry in found:
        if total <= limit:
            return
        if entry.path != keep and remove(entry) is None:
            total -= entry.bytes


def sweep(folder: Path, before: float) -> int:
    """Remove what builds that were killed before a time have left, and locks of nothing; the bytes that were freed."""
    freed = 0
    for left in leftovers(folder):
        if left.used < before and _remove(left, left.path.with_suffix("")) is None:
            freed += left.bytes
    for path in folder.glob("*.lock"):
        with suppress(OSError):  # somebody else's
            _sweep_lock(path, before)
    return freed


def remove(entry: Entry) -> str | None:
    """Remove an entry, unless it is being built, is used, or belongs to somebody else: why it stays, or None."""
    return _remove(entry, entry.path)


def _remove(entry: Entry, built: Path) -> str | None:
    if os.geteuid() not in (0, entry.owner):
        return f"belongs to {user_name(entry.owner)}"
    lock = Lock(lock_path(built))
    try:
        if not lock.acquire():
            return f"is being built by {lock.holder() or 'a process that has not left its name'}"
        try:
            with unused(entry.path) as free:
                if not free:
                    return "is in use"
                discard(entry.path)
        finally:
            lock.release(remove=not os.path.lexists(built))
    except FileNotFoundError:  # somebody else has just removed it
        return None
    except OSError as error:
        return f"cannot be removed: {error.strerror}"
    return None


def discard(path: Path) -> None:
    """Remove what is called like an entry: it is renamed first, so that nobody meets half of one.

    Raises
    ------
    OSError
        If it cannot be renamed, or, being somebody else's, be removed after that.
    """
    aside = path.with_name(f"{path.name.partition('.')[0]}.{secrets.token_hex(4)}")
    os.rename(path, aside)
    if aside.is_symlink() or not aside.is_dir():
        aside.unlink()
    else:
        shutil.rmtree(aside)


def _listed(folder: Path, pattern: str) -> Iterator[Entry]:
    """Folders of a cache by their names; whatever else lies there is none of its business."""
    try:
        found = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for item in found:
        if re.fullmatch(pattern, item.name) and item.is_dir(follow_symlinks=False):
            try:
                yield _entry(Path(item.path))
            except OSError:  # removed meanwhile, or nobody else's to look into
                continue


def _entry(path: Path) -> Entry:
    info = path.lstat()
    size = sum(file.lstat().st_size for file in path.rglob("*"))
    try:
        used = lock_path(path).lstat().st_mtime
    except FileNotFoundError:
        used = info.st_mtime
    return Entry(path, size, used, info.st_uid)


def _sweep_lock(path: Path, before: float) -> None:
    entry = path.with_suffix("")
    if re.fullmatch(KEY, entry.name) and not os.path.lexists(entry) and path.lstat().st_mtime < before:
        lock = Lock(path)
        if lock.acquire():
            lock.release(remove=not os.path.lexists(entry))
