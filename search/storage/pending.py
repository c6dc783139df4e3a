"""Pending results: files that keep results until the storage has them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.checkpoints import make_folder
from search.storage.identity import MARK, Identity

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

NAME = re.compile(rf"result-(?P<number>\d{{1,12}})\.(?P<mark>{MARK})\.json")
LARGEST = 64 << 20  # bytes: no result of ours is as large


class Spool:
    """A folder with one file of JSON for each trial whose result is not known to have reached the storage.

    A result is there in whole or not at all, whenever its writer was killed, and outlasts a crash of the machine. The
    name of a file has the trial's number and mark (`search.storage.identity`): other files in the folder are neither
    read nor removed.

    Parameters
    ----------
    folder : Path
        Where; made when it is needed. `Location.folder(study)` is the study's own.
    identity : Identity
        The study's.
    say : callable, optional
        Told of files that are set aside because they do not hold a result.
    """

    def __init__(self, folder: Path, identity: Identity, say: Callable[[str], None] | None = None):
        self.folder = folder
        self._identity = identity
        self._say = say or (lambda line: None)

    def keep(self, trial: Trial | FrozenTrial, data: dict[str, Any]) -> None:
        """Put a trial's result there, in the place of an earlier one.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        TypeError, ValueError
            If it is not JSON.
        """
        text = json.dumps({"number": trial.number, "mark": self._identity.mark(trial), "data": data})
        make_folder(self.folder)
        path = self._path(trial)
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

    def load(self, trials: Sequence[FrozenTrial]) -> dict[int, dict[str, Any]]:
        """Return the pending results of these trials of the study, by their numbers.

        A file of theirs that holds no result is set aside as `*.bad`, which is said.
        """
        found: dict[int, dict[str, Any]] = {}
        for path in sorted(self.folder.glob("result-*.json")) if self.folder.is_dir() else []:
            name = NAME.fullmatch(path.name)
            if name is None or self._identity.find(name["mark"], int(name["number"]), trials) is None:
                continue
            if (data := _read(path, int(name["number"]), name["mark"])) is None:
                with suppress(OSError):
                    path.replace(path.with_suffix(".bad"))
                self._say(f"{path} must hold the result of a trial, but does not; it was set aside as {path.stem}.bad")
            else:
                found[int(name["number"])] = data
        return dict(sorted(found.items()))

    def remove(self, trial: Trial | FrozenTrial) -> None:
        """The storage has been told."""
        self._path(trial).unlink(missing_ok=True)

    def _path(self, trial: Trial | FrozenTrial) -> Path:
        return self.folder / f"result-{trial.number}.{self._identity.mark(trial)}.json"


def _read(path: Path, number: int, mark: str) -> dict[str, Any] | None:
    """The result in a file; None if it holds none, or that of another trial."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return None
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(whole, dict) or not isinstance(whole.get("data"), dict):
        return None
    return whole["data"] if (whole.get("number"), whole.get("mark")) == (number, mark) else None


def _sync(folder: Path) -> None:
    """Have the folder's entries on the disk: a file's new name is one of them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
