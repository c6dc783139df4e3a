"""The file of named arrays that a compiled program reads and writes: a header of text, then raw numbers.

A line ``SNN1 n``, n lines ``name type count``, then the arrays' bytes one after the other. Types: d and f (64 and 32
bit floats), l and i (64 and 32 bit integers), b (one byte).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snn.errors import MachineError

TYPES = {"d": np.float64, "f": np.float32, "l": np.int64, "i": np.int32, "b": np.uint8}
LETTERS = {np.dtype(dtype): letter for letter, dtype in TYPES.items()} | {np.dtype(bool): "b"}


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file; every array is flattened.

    Raises
    ------
    MachineError
        If its folder has no room for it, or cannot be written.
    """
    flat = {name: np.ascontiguousarray(array).ravel() for name, array in arrays.items()}
    header = [f"SNN1 {len(flat)}"]
    header += [f"{name} {LETTERS[array.dtype]} {array.size}" for name, array in flat.items()]
    try:
        with open(path, "wb") as file:
            file.write(("\n".join(header) + "\n").encode())
            for array in flat.values():
                file.write(array.data)
    except OSError as error:
        size = sum(array.nbytes for array in flat.values())
        raise MachineError(
            f"The numbers of a run, {size} bytes, cannot be written into {Path(path).parent}: {error.strerror}; free "
            "some space there, or set TMPDIR to another folder."
        ) from error


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read a file.

    Raises
    ------
    ValueError
        If the file is not of this format or is cut short.
    """
    with open(path, "rb") as file:
        first = file.readline().split()
        if len(first) != 2 or first[0] != b"SNN1":
            raise ValueError(f"{path} is not an array file")
        entries = [file.readline().decode().split() for _ in range(int(first[1]))]
        arrays = {}
        if any(len(entry) != 3 or entry[1] not in TYPES or not entry[2].isdigit() for entry in entries):
            raise ValueError(f"{path} has a damaged header")
        for name, letter, count in entries:
            dtype = np.dtype(TYPES[letter])
            arrays[name] = array = np.empty(int(count), dtype)
            if file.readinto(array.data) != array.nbytes:
                raise ValueError(f"{path} ends within {name}")
        if file.read(1):
            raise ValueError(f"{path} is longer than it says")
    return arrays
