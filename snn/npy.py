"""Arrays from a ``.npz`` file, read without Python's parser.

NumPy reads the header of an array with `ast.literal_eval`. CPython 3.11 counts the depth of that parser once for all
threads, so two threads that read at the same time can fail with "SystemError: AST constructor recursion depth
mismatch". A header that NumPy has written has one fixed form, for which a regular expression is enough.
"""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

MAGIC = b"\x93NUMPY"
LENGTHS = {1: 2, 2: 4}  # version of the format -> bytes of the header's length
LONGEST = 10_000  # bytes of a header
HEADER = re.compile(
    r"\{'descr': '([<>|=]?(?:b1|[iu][1248]|f[248]|[SU][0-9]{1,9}))', 'fortran_order': (True|False), "
    r"'shape': \(((?:[0-9]{1,18}, ?)*(?:[0-9]{1,18})?)\), \} *\n",
    re.ASCII,
)
"""Numbers, truth values and texts; no objects, which would need pickle."""


def read_npz(file: str | Path | IO[bytes]) -> dict[str, np.ndarray]:
    """Read all arrays of a file that `numpy.savez` or `numpy.savez_compressed` has written.

    Raises
    ------
    ValueError
        If a member is not an array of numbers, truth values or text, or is cut short, or longer than it says.
    OSError, zipfile.BadZipFile, zlib.error
        If the file cannot be read, or is not a whole zip file.
    """
    arrays = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename
            if not name.endswith(".npy"):
                raise ValueError(f"{name} is not an array")
            with archive.open(member) as stream:
                arrays[name.removesuffix(".npy")] = _read_array(stream, name)
    return arrays


def _read_array(stream: IO[bytes], name: str) -> np.ndarray:
    dtype, fortran, shape = _read_header(stream, name)
    size = math.prod(shape) * dtype.itemsize
    # One byte more shows a member that is too long. No memory is taken for a size that is only claimed.
    data = stream.read(size + 1)
    if len(data) != size:
        raise ValueError(f"{name} must have {size} bytes, but has {'more' if len(data) > size else len(data)}")
    return np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes], name: str) -> tuple[np.dtype, bool, tuple[int, ...]]:
    """The type of an array, whether its first index is the fastest, and its shape."""
    start = stream.read(8)
    length = LENGTHS.get(start[6]) if len(start) == 8 and start.startswith(MAGIC) else None
    if length is None:
        raise ValueError(f"{name} does not begin as an array of a known version")
    size = int.from_bytes(stream.read(length), "little")
    if size > LONGEST:
        raise ValueError(f"{name} has a header of {size} bytes, more than {LONGEST}")
    found = HEADER.fullmatch(stream.read(size).decode("latin-1"))
    if found is None:
        raise ValueError(f"{name} must hold numbers, truth values or text, but its header says something else")
    shape = tuple(int(number) for number in found[3].replace(" ", "").split(",") if number)
    return np.dtype(found[1]), found[2] == "True", shape
