"""Checkpoints of running trials, in a folder beside the study, from which a new start resumes them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.storage.identity import MARK, Identity

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

NAME = re.compile(rf"(?P<number>\d{{1,12}})(\.\d{{1,6}})?\.(?P<mark>{MARK})\.(?P<kind>rung|spent|part)")
UNTOLD_PART = re.compile(
    rf"result-\d{{1,12}}\.(?P<mark>{MARK})\.part"
)  # of `search.storage.pending`, in the same folder
TRIES = 5  # to make a folder: another search may remove its parent, which is empty, in the same moment


class States:
    """Files of partial results, one for each trial and replicate: the newest; and one for each trial of what they took.

    They are lost with the machine, which costs the rungs that they stand for and nothing else. The name of a file has
    the trial's number and mark (`search.storage.identity`): other files in the folder are neither read nor removed.

    Parameters
    ----------
    folder : Path
        Made when it is needed, and removed when nothing is left in it.
    identity : Identity
        The study's.
    """

    def __init__(self, folder: Path, identity: Identity):
        self.folder = folder
        self._identity = identity

    def keep(self, trial: Trial | FrozenTrial, replicate: int, data: bytes) -> None:
        """Write what a replicate gave at the end of a rung, in place of what it gave before.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        self._write(self._path(trial, replicate), data)

    def spend(self, trial: Trial | FrozenTrial, seconds: float, runs: list[list[Any]]) -> None:
        """Write how long a trial has been under way, and its runs: worker, begin and end.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        self._write(self._spent(trial), json.dumps({"seconds": round(seconds, 3), "runs": runs}).encode())

    def spent(self, trial: Trial | FrozenTrial) -> tuple[float, list[list[Any]]]:
        """Return the last values given to `spend`. Zeros if they are not known."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._spent(trial).read_bytes())
            return float(kept["seconds"]), [[str(who), float(began), float(end)] for who, began, end in kept["runs"]]
        return 0.0, []

    def _write(self, path: Path, data: bytes) -> None:
        make_folder(self.folder)
        part = path.with_suffix(".part")
        try:
            part.write_bytes(data)
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def load(self, trial: Trial | FrozenTrial, replicate: int) -> bytes | None:
        """Return the last partial result of a replicate: None if there is none, empty if it cannot be read."""
        try:
            return self._path(trial, replicate).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def remove(self, trial: Trial | FrozenTrial, replicates: int) -> None:
        """Forget a trial that has ended."""
        for replicate in range(replicates):
            self._path(trial, replicate).unlink(missing_ok=True)
        self._spent(trial).unlink(missing_ok=True)

    def sweep(self, trials: Sequence[FrozenTrial], running: Container[int]) -> None:
        """Remove what belongs to trials of the study that do not run, and what was never written to its end."""
        for path in list(self.folder.iterdir()) if self.folder.is_dir() else ():
            if (found := UNTOLD_PART.fullmatch(path.name)) is not None and self._identity.owns(found["mark"]):
                path.unlink(missing_ok=True)
            if (found := NAME.fullmatch(path.name)) is None:
                continue
            number, mark = int(found["number"]), found["mark"]
            half = found["kind"] == "part" and self._identity.owns(mark)
            if half or (number not in running and self._identity.find(mark, number, trials) is not None):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder if nothing is in it."""
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # something is, or there is none
                folder.rmdir()

    def _path(self, trial: Trial | FrozenTrial, replicate: int) -> Path:
        return self.folder / f"{trial.number}.{replicate}.{self._identity.mark(trial)}.rung"

    def _spent(self, trial: Trial | FrozenTrial) -> Path:
        return self.folder / f"{trial.number}.{self._identity.mark(trial)}.spent"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    for _ in range(TRIES - 1):
        with suppress(FileNotFoundError):
            return folder.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
