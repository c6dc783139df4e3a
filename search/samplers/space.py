"""Parameters as numbers: each to [0, 1] or to the index of its category, absent ones to NaN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEVELS = 12  # an integer with at most so many values may decide which other parameters exist, as a category may
ABSENT = -0.5  # what the forest sees for a parameter that a trial does not have: away from all values


@dataclass(frozen=True)
class Axis:
    """One parameter.

    Parameters
    ----------
    distribution : optuna.distributions.BaseDistribution
        Its values.
    """

    distribution: BaseDistribution

    @cached_property
    def choices(self) -> tuple:
        """Categories; none if it is a number."""
        return tuple(getattr(self.distribution, "choices", ()))

    @property
    def _range(self) -> Any:
        return self.distribution  # of numbers: it has low, high, log and step

    @cached_property
    def step(self) -> float:
        """Distance of two neighbouring values, 0 if it is continuous."""
        return 0.0 if self.choices else float(self._range.step or 0)

    @cached_property
    def levels(self) -> int:
        """The number of its values if there are at most `LEVELS`, else 0. Categories count whatever their number."""
        if self.choices:
            return len(self.choices)
        if not self.step:
            return 0
        number = round((self._range.high - self._range.low) / self.step) + 1
        return number if number <= LEVELS else 0

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        low, high = self._range.low, self._range.high
        ends = np.array([low - self.step / 2, high + self.step / 2])  # every value of a grid has its share of [0, 1]
        return tuple(np.log(ends) if self._range.log else ends)

    def encode(self, value: Any) -> float:
        """A value as a number."""
        if self.choices:
            return float(self.distribution.to_internal_repr(value))
        return float(self._number(np.float64(value)))

    def decode(self, number: float) -> Any:
        """The value of a number."""
        if self.choices:
            return self.choices[int(number)]
        value = float(self._value(np.array([number]))[0])
        return round(value) if isinstance(self._range.low, int) else value

    def snap(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of the values that they stand for."""
        if self.choices or not self.step:
            return numbers
        return self._number(self._value(numbers))

    def renumber(self, numbers: np.ndarray, other: Axis) -> np.ndarray:
        """The numbers that an axis of another range has for the same values."""
        if self.choices or self.distribution == other.distribution:
            return numbers
        return other._number(self._value(numbers))

    def level(self, numbers: np.ndarray) -> np.ndarray:
        """Return the index of a number among its `levels`. NaN stays."""
        if self.choices:
            return numbers
        values = self._value(numbers)
        return np.round((values - self._range.low) / self.step)

    def number(self, levels: np.ndarray) -> np.ndarray:
        """The number of a level."""
        if self.choices:
            return levels.astype(float)
        return self._number(self._range.low + levels * self.step)

    def draw(self, random: np.random.Generator, size: int) -> np.ndarray:
        """Numbers of random values."""
        if self.choices:
            return random.integers(len(self.choices), size=size).astype(float)
        return self.snap(random.random(size))

    def _number(self, values: Any) -> Any:
        low, high = self._bounds
        return ((np.log(values) if self._range.log else values) - low) / (high - low)

    def _value(self, numbers: np.ndarray) -> np.ndarray:
        low, high = self._bounds
        values = low + numbers * (high - low)
        values = np.exp(values) if self._range.log else values
        first, last = self._range.low, self._range.high
        if self.step:
            values = first + np.round((values - first) / self.step) * self.step
        return np.clip(values, first, last)


@dataclass(frozen=True)
class Space:
    """All parameters that trials have had.

    Parameters
    ----------
    axes : dict of str to Axis
        By name, in the order in which they were seen first.
    """

    axes: Mapping[str, Axis]

    def joined(self, distributions: Mapping[str, BaseDistribution]) -> Space:
        """With the parameters of one more trial; itself if they are known."""
        news = {}
        for name, distribution in distributions.items():
            known = self.axes.get(name)
            if known is None:
                if not distribution.single():
                    news[name] = Axis(distribution)
            elif known.distribution != distribution:
                wider = _wider(known.distribution, distribution)
                if wider != known.distribution:
                    news[name] = Axis(wider)
        return Space({**self.axes, **news}) if news else self

    def recode(self, rows: np.ndarray, before: Space) -> np.ndarray:
        """Rows of the space that this one was joined from."""
        new = np.full((len(rows), len(self.axes)), np.nan)
        for column, (name, axis) in enumerate(before.axes.items()):
            new[:, column] = axis.renumber(rows[:, column], self.axes[name])
        return new

    def encode(self, params: Mapping[str, Any]) -> np.ndarray:
        """A trial's parameters as one row."""
        row = np.full(len(self.axes), np.nan)
        for column, (name, axis) in enumerate(self.axes.items()):
            if name in params:
                row[column] = axis.encode(params[name])
        return row

    def decode(self, row: np.ndarray) -> dict[str, Any]:
        """The parameters of a row."""
        return {
            name: axis.decode(number)
            for (name, axis), number in zip(self.axes.items(), row.tolist(), strict=True)
            if number == number
        }

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Return the columns that a forest is fitted on: numbers, one column for each of more than two categories, and
        `ABSENT` for no value.
        """
        columns = []
        for column, axis in enumerate(self.axes.values()):
            numbers = rows[:, column]
            if len(axis.choices) > 2:
                columns += [np.where(np.isnan(numbers), ABSENT, numbers == index) for index in range(len(axis.choices))]
            else:
                columns.append(np.where(np.isnan(numbers), ABSENT, numbers))
        return np.column_stack(columns).astype(np.float32)


def _wider(known: Any, new: Any) -> BaseDistribution:
    """A range that holds both, where a script lets it depend on another parameter."""
    from optuna.distributions import CategoricalDistribution

    if isinstance(new, CategoricalDistribution) or type(known) is not type(new):
        return new
    if (known.log, known.step) != (new.log, new.step):
        return new
    return type(known)(min(known.low, new.low), max(known.high, new.high), log=known.log, step=known.step)
