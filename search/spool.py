"""Results that wait in a folder until the storage has been told of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = re.compile(r"result-(\d{1,12})\.json")
LARGEST = 64 << 20  # bytes: no result of ours is as large


class Spool:
    """A folder with one file of JSON for each trial whose result is not known to have reached the storage.

    A result is there in whole or not at all, whenever its writer was killed, and outlasts a crash of the machine.

    Parameters
    ----------
    folder : Path
        Where; made when it is needed. `Location.folder(study)` is the study's own.
    say : callable, optional
        Told of files that are set aside because they do not hold a result.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] | None = None):
        self.folder = folder
        self._say = say or (lambda line: None)

    def keep(self, number: int, data: dict[str, Any]) -> None:
        """Put a trial's result there, in the place of an earlier one.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        TypeError, ValueError
            If it is not JSON.
        """
        text = json.dumps({"number": number, "data": data})
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(number)
        part = path.with_suffix(".part")  # one driver owns the study, so nobody else writes here
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(self.folder)

    def load(self) -> dict[int, dict[str, Any]]:
        """What waits, by the trial's number; a file that holds no result is set aside as `*.bad`, which is said."""
        found: dict[int, dict[str, Any]] = {}
        for path in sorted(self.folder.glob("result-*.json")) if self.folder.is_dir() else []:
            if (data := _read(path)) is None:
                with suppress(OSError):
                    path.replace(path.with_suffix(".bad"))
                self._say(f"{path} must hold the result of a trial, but does not; it was set aside as {path.stem}.bad")
            else:
                found[_number(path)] = data
        return dict(sorted(found.items()))

    def remove(self, number: int) -> None:
        """The storage has been told."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"result-{number}.json"


def _number(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(whole, dict) or whole.get("number") != _number(path) or not isinstance(whole.get("data"), dict):
        return None
    return whole["data"]


def _sync(folder: Path) -> None:
    """Have the folder's entries on the disk: a file's new name is one of them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
