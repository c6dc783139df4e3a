"""A dataset: the samples of a task, checked, split and ordered."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from brian2 import Quantity, ms, second

from snn import fields
from snn.fields import flag, number
from snn.random import ORDER, generator
from snn.readonly import readonly
from snn.serial import dumps
from tasks.data import Data, Split
from tasks.fingerprint import data_hash
from tasks.indices import checked_split
from tasks.validation import checked_data


@dataclass(frozen=True)
class Dataset(ABC):
    """The samples of a task, their split and their timing; `Task` runs networks on them."""

    sample: Quantity = number(30 * ms, second, above=0)
    gap: Quantity = number(0 * ms, second, at_least=0)
    reset: bool = flag(True)
    hold_out: bool = flag(True)

    def __post_init__(self) -> None:
        """Whole numbers that were given as 1e3 or so become integers, which index and count."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("number", {}).get("integer") and isinstance(value, float) and value.is_integer():
                object.__setattr__(self, field.name, int(value))

    @abstractmethod
    def load(self) -> Data:
        """Read or make the samples, which `data` then checks and keeps.

        Raises
        ------
        DataError
            If a file is missing, truncated or corrupt.
        """

    @abstractmethod
    def split(self, n: int) -> Split:
        """Split n samples into three parts without a common sample. Any of them may be empty."""

    def order(self, stream: np.ndarray, seed: int) -> np.ndarray:
        """The streamed indices in the order presented: a permutation that the run's seed decides."""
        return generator(seed, ORDER).permutation(stream)

    def problems(self) -> list[str]:
        """Return all problems of the task's numbers, one sentence each."""
        return fields.problems(self, f"the task {self.name}")

    @cached_property
    def data(self) -> Data:
        """The samples, read and checked once; the arrays are read-only.

        Raises
        ------
        DataError
            With everything that is wrong with them.
        """
        return checked_data(self)

    @cached_property
    def parts(self) -> Split:
        """The indices of the samples that are streamed, of those held out for validation, and of the test's.

        Raises
        ------
        DataError
            With everything that is wrong with the split, or with the data.
        """
        split = checked_split(self)
        if self.hold_out:
            return split
        stream = readonly(np.concatenate([split.stream, split.validation]))
        return Split(stream, split.validation[:0], split.test)

    @cached_property
    def data_hash(self) -> str:
        """A hash of the samples and of their split; it reads the data."""
        return data_hash(self.data, self.parts)

    @property
    def name(self) -> str:
        """The task's name in results."""
        return type(self).__name__

    def hash(self) -> str:
        """A hash of the task's own numbers."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """The task as one line of JSON."""
        return dumps(self)
