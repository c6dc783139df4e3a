"""Errors of a full or unusable disk."""

from __future__ import annotations

import errno
from pathlib import Path

from snn.errors import BuildError, MachineError

MISTAKES = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


def unusable(folder: Path, error: OSError) -> BuildError:
    """Return the error for the user, with a remedy, of an operating system's error in the cache."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(folder)
    kind = BuildError if error.errno in MISTAKES else MachineError
    return kind(
        f"The program cache {folder} cannot be used: {error}; set SNNSEARCH_CACHE to a folder that can be written."
    )


def no_space(folder: Path) -> MachineError:
    """The error for a full disk."""
    return MachineError(
        f"No space is left to compile a program in {folder}: free some, with `snnsearch cache clear` for instance, or "
        "set SNNSEARCH_CACHE to a folder on another disk."
    )
