"""Reads IDX files, the format of MNIST and its kin.

An IDX file of bytes is ``00 00 08 d``, then the d sizes as big-endian 32-bit numbers, then the bytes, the last
index fastest.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from snn.errors import DataError

UNSIGNED_BYTE = 0x08
GZIP = b"\x1f\x8b"
GZIP_RATIO = 1032  # deflate cannot expand a byte further
CHUNK = 1 << 20


def read_idx(path: Path, shape: tuple[int | None, ...], limit: int = 1 << 28) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, plain or gzipped (told apart by their first bytes).

    Nothing is believed before it is checked: memory is taken only for a size that the file's own length allows, so it
    never exceeds `limit`, whatever the file says.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int or None
        The sizes that it must have; None where any size will do, as in ``(None, 28, 28)`` for images.
    limit : int
        The most bytes of data to accept, default 256 MiB.

    Returns
    -------
    array of uint8
        In the shape that the file states.

    Raises
    ------
    DataError
        The file is missing, cannot be read, is not IDX, has another shape, is damaged, too short or too long.
    """
    try:
        with open(path, "rb") as raw:
            length = os.fstat(raw.fileno()).st_size
            packed = raw.read(2) == GZIP
            raw.seek(0)
            if not packed:
                return _parse(path, raw, shape, limit, length)
            with gzip.open(raw) as unpacked:
                return _parse(path, unpacked, shape, limit, length * GZIP_RATIO)
    except FileNotFoundError:
        raise DataError(f"{path}: expected an IDX file, found no such file.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: expected a whole gzip file, found a truncated or damaged one ({error}).") from None
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, found: {error.strerror or error}.") from None


def _parse(path: Path, file: BufferedIOBase, shape: tuple[int | None, ...], limit: int, available: int) -> np.ndarray:
    """Parse an open IDX file that holds at most `available` bytes; reads it to its end, and so gzip's check sum too."""
    found_shape = _header(path, file, shape)
    size = math.prod(found_shape)
    if size > limit:
        raise DataError(f"{path}: expected at most {limit} bytes of data, found a header that announces {size}.")
    header = 4 + 4 * len(found_shape)
    if header + size > available:
        raise DataError(
            f"{path}: expected {header + size} bytes for {_text(found_shape)} values, "
            f"found a file that holds at most {available}."
        )
    data = np.empty(size, np.uint8)
    filled = 0
    while filled < size and (chunk := file.read(min(CHUNK, size - filled))):
        data[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
        filled += len(chunk)
    if filled < size:
        raise DataError(f"{path}: expected {size} bytes of data for {_text(found_shape)} values, found {filled}.")
    if file.read(1):
        raise DataError(f"{path}: expected {size} bytes of data for {_text(found_shape)} values, found more.")
    return data.reshape(found_shape)


def _header(path: Path, file: BufferedIOBase, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """The sizes in the header, once they are known to agree with `shape`."""
    magic = bytes((0, 0, UNSIGNED_BYTE, len(shape)))
    found = file.read(4)
    if found != magic:
        raise DataError(
            f"{path}: expected an IDX file of unsigned bytes with {len(shape)} dimension(s), which begins "
            f"{magic.hex(' ')}, found {found.hex(' ') or 'an empty file'}."
        )
    sizes = file.read(4 * len(shape))
    if len(sizes) < 4 * len(shape):
        raise DataError(f"{path}: expected {len(shape)} sizes of 4 bytes in the header, found {len(sizes)} bytes.")
    found_shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if any(expected not in (None, size) for expected, size in zip(shape, found_shape, strict=True)):
        raise DataError(f"{path}: expected {_text(shape)} values, found {_text(found_shape)}.")
    return found_shape


def _text(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
