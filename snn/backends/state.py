"""The state of a stopped run, in memory and in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn.errors import SNNError
from snn.npy import read_npz
from snn.readonly import protect


@dataclass(frozen=True)
class State:
    """The state of a stopped run: everything that another run needs to continue it exactly.

    Its arrays are read-only.
    """

    step: int
    arrays: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        protect(self, "arrays")

    def save(self, path: str | Path) -> None:
        """Write a file of plain arrays."""
        with open(path, "wb") as file:
            arrays = {f"array:{name}": array for name, array in self.arrays.items()}
            np.savez(file, step=np.int64(self.step), **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: str | Path) -> State:
        """Read a file that `save` has written; nothing in it is executed."""
        try:
            data = read_npz(path)
            arrays = {k.removeprefix("array:"): data[k] for k in data if k.startswith("array:")}
            return State(int(data["step"]), arrays)
        except Exception as error:  # files, zip, zlib and NumPy each have their own
            raise SNNError(f"{path} is not a state that can be read.") from error
