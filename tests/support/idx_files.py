"""Writes small IDX files and MNIST-like folders for tests."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes in the IDX format."""
    header = bytes((0, 0, 0x08, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


def write_part(folder: Path, part: str, n: int, *, packed: bool = True, first_label: int = 0) -> None:
    """Write n images and labels; image i has all pixels i % 256, so that a row tells which image it was."""
    images = np.broadcast_to(np.arange(n).reshape(-1, 1, 1) % 256, (n, 28, 28))
    labels = (np.arange(n) + first_label) % 10
    for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        data = idx_bytes(array)
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
