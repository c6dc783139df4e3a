"""Where trials under way have come to, in a folder beside the study: what a new start goes on from."""

from __future__ import annotations

import os
from collections.abc import Container
from contextlib import suppress
from pathlib import Path


class States:
    """Files of partial results, one for each trial and replicate: the newest.

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
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(number, replicate)
        part = path.with_suffix(".part")
        try:
            part.write_bytes(data)
            os.replace(part, path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def load(self, number: int, replicate: int) -> bytes | None:
        """What a replicate of a trial gave last, if that is known."""
        with suppress(FileNotFoundError):
            return self._path(number, replicate).read_bytes()
        return None

    def remove(self, number: int, replicates: int) -> None:
        """Forget a trial that has ended."""
        for replicate in range(replicates):
            self._path(number, replicate).unlink(missing_ok=True)

    def sweep(self, running: Container[int]) -> None:
        """Remove what belongs to trials that do not run, and what was never written to its end."""
        for path in self.folder.glob("*.rung") if self.folder.is_dir() else ():
            number = path.name.partition(".")[0]
            if not number.isdecimal() or int(number) not in running:
                path.unlink(missing_ok=True)
        for path in self.folder.glob("*.*.part") if self.folder.is_dir() else ():
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder if nothing is in it."""
        for folder in (self.folder, self.folder.parent):
            with suppress(OSError):  # something is, or there is none
                folder.rmdir()

    def _path(self, number: int, replicate: int) -> Path:
        return self.folder / f"{number}.{replicate}.rung"
