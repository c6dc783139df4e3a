"""The folder of the cache: its place, its limit, and the check of its owner and rights."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from snn.errors import BuildError, SNNError
from snn.system.paths import variable

LIMIT = "SNNSEARCH_CACHE_LIMIT"
DEFAULT_LIMIT = "4GiB"
"""Errors of a folder that was not well chosen; others may pass."""
UNITS = {"b": 1} | {
    f"{letter}{binary}b": (1024 if binary else 1000) ** power
    for power, letter in enumerate("kmgt", start=1)
    for binary in ("", "i")
}


def cache_folder() -> Path:
    """Return the folder of programs: ``SNNSEARCH_CACHE``, or the user's cache folder.

    The variable may begin with ``~``; a relative path belongs to the folder in which this process was started.
    """
    from platformdirs import user_cache_dir

    return variable("SNNSEARCH_CACHE") or Path(user_cache_dir("snnsearch")) / "programs"


def cache_limit() -> int:
    """The bytes that programs may take: ``SNNSEARCH_CACHE_LIMIT``, such as ``2GiB`` or ``500 MB``; 4 GiB by default.

    Raises
    ------
    SNNError
        If it is not a number and a unit.
    """
    return parse_size(LIMIT, os.environ.get(LIMIT) or DEFAULT_LIMIT)


def parse_size(name: str, text: str) -> int:
    """The bytes that a text such as ``2GiB`` or ``500 MB`` means.

    Raises
    ------
    SNNError
        If it is not a number and a unit; it says what `name` must be.
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", text, re.IGNORECASE | re.ASCII)
    if not found or found[2].lower() not in UNITS:
        raise SNNError(f"{name} must be a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), but is {text!r}.")
    return round(float(found[1]) * UNITS[found[2].lower()])


def check_folder(folder: Path) -> os.stat_result:
    """Check that not everybody can exchange the folder's entries, and return its status.

    Raises
    ------
    BuildError
        If anybody could exchange its entries: everybody can write there, and it is not sticky.
    OSError
        If there is none.
    """
    info = folder.stat()
    if info.st_mode & stat.S_IWOTH and not info.st_mode & stat.S_ISVTX:
        raise BuildError(
            f"Everybody can exchange the programs in {folder}: take the right to write from others (chmod o-w), or set "
            "SNNSEARCH_CACHE to another folder."
        )
    return info


def check_runnable(folder: Path) -> None:
    """Raise a `BuildError` if the system runs no programs in the folder.

    Raises
    ------
    BuildError
        If its file system is mounted with the option noexec.
    OSError
        If there is no such folder.
    """
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise BuildError(
            f"Programs in {folder} cannot be run: its file system is mounted with the option noexec; set "
            "SNNSEARCH_CACHE to a folder on another one."
        )


def trusted(file: os.stat_result, folder: os.stat_result) -> bool:
    """Whether a file in the folder can only have been written by those whom this user trusts; see the package."""
    group = folder.st_mode & stat.S_IWGRP and not folder.st_mode & stat.S_IWOTH
    known = group or file.st_uid in (os.geteuid(), 0, folder.st_uid)
    return bool(known and not file.st_mode & stat.S_IWOTH and (group or not file.st_mode & stat.S_IWGRP))
