"""MNIST: handwritten digits of 28 x 28 pixels, from IDX files in a folder or downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from snn.errors import DataError
from snn.fields import flag, number
from snn.serial import serialisable
from snn.system.paths import absolute, variable
from tasks.data import Data, Split, normalised
from tasks.idx import read_idx
from tasks.task import Task

FOLDER_VARIABLE = "SNNSEARCH_DATA"
PIXELS = (28, 28)
CLASSES = 10
FEWEST = 10  # images, of which 7 are streamed, 1 is for validation and 2 for the test

# The four files as LeCun, Cortes and Burges published them
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")


@serialisable
@dataclass(frozen=True)
class Mnist(Task):
    """MNIST (LeCun, Cortes & Burges): 784 pixels, 10 classes.

    With the training files: 50,000 to stream, 10,000 for validation, and the 10,000 test images as the test part.
    With the test files alone: their 10,000 images, split 7,000 / 1,000 / 2,000. Smaller files are split in the same
    proportions.

    Parameters
    ----------
    sample, gap, reset, hold_out
        As in `Task`.
    folder : str, Path or None
        Where the IDX files are, plain or with .gz; by default the folder that the environment variable
        ``SNNSEARCH_DATA`` names, else they are fetched once.
    images : int or None, >= 10
        Of the test files alone, so many of the first images; ``None``: all.
    normalise : bool
        Whether the values of an image are divided by their sum.
    """

    folder: str | Path | None = None
    images: int | None = number(None, at_least=10, integer=True, optional=True)
    normalise: bool = flag(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.folder, Path):
            object.__setattr__(self, "folder", str(self.folder))  # a task is JSON

    @cached_property
    def _files(self) -> tuple[np.ndarray, np.ndarray, int]:
        values, labels, n_train = load_mnist(find_folder(self.folder))
        if self.images is None:
            return values, labels, n_train
        most = len(values) - n_train
        if self.images > most:
            raise DataError(f"`images <= {most}` (the test files' images) must hold, but images = {self.images}.")
        return values[n_train:][: self.images], labels[n_train:][: self.images], 0

    def load(self) -> Data:
        values, labels, _ = self._files
        return Data(normalised(values) if self.normalise else values, labels, CLASSES)

    def split(self, n: int) -> Split:
        n_train = self._files[2]
        if n_train == 0:
            n_stream, n_validation = n * 7 // 10, n // 10
            return Split.of([n_stream, n_validation, n - n_stream - n_validation])
        n_stream = n_train * 5 // 6
        drawn = Split.of([n_stream, n_train - n_stream, 0])
        return Split(drawn.stream, drawn.validation, np.arange(n_train, n))


def find_folder(folder: str | Path | None) -> Path:
    """Return the folder of the files: the argument, else ``SNNSEARCH_DATA``, else a cache that they are downloaded into
    once.
    """
    path = absolute(folder) if folder else variable(FOLDER_VARIABLE)
    if path is None:
        return fetch(_cache())
    if not path.is_dir():
        source = "`folder`" if folder else FOLDER_VARIABLE
        raise DataError(f"{path}: expected a folder with MNIST's IDX files ({source} names it), found no such folder.")
    return path


def fetch(folder: Path, mirrors: tuple[str, ...] = MIRRORS, checksums: dict[str, str] = CHECKSUMS) -> Path:
    """Fetch the files that the folder lacks, or holds with another check sum, from the first mirror that serves them.

    Raises
    ------
    DataError
        No mirror serves one of the files with the expected check sum.
    """
    import pooch

    for name, checksum in checksums.items():
        failures = []
        for mirror in mirrors:
            try:
                pooch.retrieve(mirror + name, checksum, fname=name, path=folder)
                break
            except (OSError, ValueError) as error:  # no connection and HTTP errors; another check sum
                failures.append(f"{mirror}: {error}")
        else:
            raise DataError(
                f"{folder / name}: expected to fetch it with {checksum}, found {'; '.join(failures)}. "
                f"Put MNIST's IDX files into a folder and name it by `folder=` or {FOLDER_VARIABLE}."
            )
    return folder


def load_mnist(folder: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """The digits in a folder: the training files if there are any, then the test files, which must be there.

    Returns
    -------
    values : (n, 784) float64 in [0, 1]
        Pixel / 255.
    labels : (n,) int64
    n_train : int
        How many of them, the first ones, come from the training files.

    Raises
    ------
    DataError
        A file is missing, truncated or corrupt; names the file, the expected and the found.
    """
    parts = [_load_part(folder, "t10k")]
    if any(_find(folder, name) for name in _names("train")):
        parts.insert(0, _load_part(folder, "train"))
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images.reshape(len(images), -1) / 255.0, labels.astype(np.int64), len(labels) - len(parts[-1][1])


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("snnsearch")) / "mnist"


def _names(part: str) -> tuple[str, str]:
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def _find(folder: Path, name: str) -> Path | None:
    """The file of that name in the folder, plain or with .gz."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def _load_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the part ``train`` or ``t10k``, checked against each other."""
    paths = []
    for name in _names(part):
        path = _find(folder, name)
        if path is None:
            raise DataError(f"{folder / name}: expected this file, or the same with .gz, found neither.")
        paths.append(path)
    image_path, label_path = paths
    images, labels = read_idx(image_path, (None, *PIXELS)), read_idx(label_path, (None,))
    if len(images) < FEWEST:
        raise DataError(f"{image_path}: expected at least {FEWEST} images, so as to split them, found {len(images)}.")
    if len(labels) != len(images):
        raise DataError(
            f"{label_path}: expected {len(images)} labels, one an image in {image_path.name}, found {len(labels)}."
        )
    if labels.max() >= CLASSES:
        where = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{label_path}: expected labels from 0 to 9, found {labels[where]} at position {where}.")
    return images, labels
