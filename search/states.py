"""Where trials under way have come to, in a folder beside the study: what a new start goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Any


class States:
    """Files of partial results, one for each trial and replicate: the newest; and one for each trial of what they took.

    They are lost with the machine, which costs the rungs that they stand for and nothing else.

    Parameters
    ----------
    folder : Path
        Made when it is needed, and removed when nothing is left in it.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def keep(self, number: int, replicate: int, data: bytes) -> None:
        """Write what a replicate gave at the end of a rung, in place of what it gave before.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        self._write(self._path(number, replicate), data)

    def spend(self, number: int, seconds: float, runs: list[list[Any]]) -> None:
        """Write how long a trial has been under way, and its runs: worker, begin and end.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk.
        """
        self._write(self._spent(number), json.dumps({"seconds": round(seconds, 3), "runs": runs}).encode())

    def spent(self, number: int) -> tuple[float, list[list[Any]]]:
        """What `spend` was told last; nothing if that is not known."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._spent(number).read_bytes())
            return float(kept["seconds"]), [[str(who), float(began), float(end)] for who, began, end in kept["runs"]]
        return 0.0, []

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        try:
            part.write_bytes(data)
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def load(self, number: int, replicate: int) -> bytes | None:
        """What a replicate of a trial gave last, if that is known; nothing at all if the file cannot be read."""
        try:
            return self._path(number, replicate).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""

    def remove(self, number: int, replicates: int) -> None:
        """Forget a trial that has ended."""
        for replicate in range(replicates):
            self._path(number, replicate).unlink(missing_ok=True)
        self._spent(number).unlink(missing_ok=True)

    def sweep(self, running: Container[int]) -> None:
        """Remove what belongs to trials that do not run, and what was never written to its end."""
        for path in list(self.folder.iterdir()) if self.folder.is_dir() else ():
            number = path.name.partition(".")[0]
            runs = number.isdecimal() and int(number) in running
            half = path.suffix == ".part" and number.isdecimal()  # others are the spool's
            if half or (path.suffix in (".rung", ".spent") and not runs):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder if nothing is in it."""
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # something is, or there is none
                folder.rmdir()

    def _path(self, number: int, replicate: int) -> Path:
        return self.folder / f"{number}.{replicate}.rung"

    def _spent(self, number: int) -> Path:
        return self.folder / f"{number}.spent"
