"""Paths of users: `~` is the home folder, and relative paths do not follow `os.chdir`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LISTED = "PYTHONPATH"
VARIABLES = ("SNNSEARCH_CACHE", "SNNSEARCH_DATA", "GENN_PATH", "CUDA_PATH")
"""Environment variables that name a file or a folder."""


def _present() -> Path:
    try:
        return Path.cwd()
    except OSError:  # somebody has removed the folder
        return Path("/")


STARTED_IN = _present()
"""The working folder when this package was imported. Relative paths in environment variables belong to it."""

_pinned: ContextVar[Path | None] = ContextVar("pinned", default=None)


def working_folder() -> Path:
    """Return the folder that relative paths belong to: the pinned one, else the present working folder."""
    return _pinned.get() or _present()


@contextmanager
def pinned(folder: Path) -> Iterator[None]:
    """Keep `folder` as the base of relative paths, whatever working folder a user's code changes to."""
    token = _pinned.set(folder)
    try:
        yield
    finally:
        _pinned.reset(token)


def absolute(path: str | Path, base: Path | None = None) -> Path:
    """Return the path with its `~` expanded and without `..`, made absolute.

    Parameters
    ----------
    path : str or Path
        As the user wrote it.
    base : Path, optional
        The folder that a relative path belongs to; `working_folder()` by default.
    """
    whole = (base or working_folder()) / os.path.expanduser(path)
    return whole.parent.resolve() / whole.name if ".." in whole.parts and whole.name != ".." else whole


def shorter(path: str, folder: Path) -> str:
    """Return a path as it is written in `folder`, if it lies there; any other text as it is."""
    return path.removeprefix(f"{folder}/")


def variable(name: str) -> Path | None:
    """Return the path that an environment variable holds, absolute; None if it is not set or empty."""
    text = os.environ.get(name)
    return absolute(text, STARTED_IN) if text else None


def child_environment(import_path: list[str] | None = None, first: str | None = None) -> dict[str, str]:
    """Return the environment for a child process, in which every path of ours is absolute.

    A child starts in the present working folder, which a user's code may have changed since this process started.

    Parameters
    ----------
    import_path : list of str, optional
        Folders for the child's `PYTHONPATH`; by default those of this process's own `PYTHONPATH`.
    first : str, optional
        A folder to put before them.
    """
    inherited = [str(STARTED_IN / entry) for entry in os.environ.get(LISTED, "").split(os.pathsep) if entry]
    listed = [*([first] if first else []), *(inherited if import_path is None else import_path)]
    named = {name: str(path) for name in VARIABLES if (path := variable(name))}
    return {**os.environ, **named, **({LISTED: os.pathsep.join(listed)} if listed else {})}
