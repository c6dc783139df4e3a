"""Initial weights: constant, drawn, or given as an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity

from snn import fields
from snn.errors import NetworkError
from snn.fields import number
from snn.serial import serialisable


class Weights(ABC):
    """Distribution of the first weights of a projection."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, pre: np.ndarray, post: np.ndarray, fan_in: np.ndarray) -> np.ndarray:
        """Weights of the synapses ``pre[k] -> post[k]``; `fan_in[j]` counts the synapses onto neuron j."""

    def problems(self, name: str) -> list[str]:
        """Return all problems of the numbers, one sentence each."""
        return fields.problems(self, name)


@serialisable
@dataclass(frozen=True)
class Normal(Weights):
    r"""Normal weights, :math:`w \sim N(\text{mean}, (\text{gain}/\sqrt{\text{fan-in}})^2)`."""

    gain: float = number(1.0, at_least=0)
    mean: float = number(0.0)

    def draw(self, rng, pre, post, fan_in):
        return self.mean + self.gain * rng.standard_normal(len(pre)) / np.sqrt(np.maximum(fan_in[post], 1))


@serialisable
@dataclass(frozen=True)
class Uniform(Weights):
    """Weights uniform in [low, high)."""

    low: float = number(0.0)
    high: float = number(1.0)

    def draw(self, rng, pre, post, fan_in):
        return rng.uniform(self.low, self.high, len(pre))

    def problems(self, name):
        found = super().problems(name)
        if not found and self.low > self.high:
            found.append(
                f"`low <= high` must hold, but the weights of {name} have low = {self.low}, high = {self.high}."
            )
        return found


@serialisable
@dataclass(frozen=True)
class Constant(Weights):
    """The same weight for every synapse."""

    value: float = number(1.0)

    def draw(self, rng, pre, post, fan_in):
        return np.full(len(pre), float(self.value))


@serialisable
@dataclass(frozen=True, eq=False)
class FromArray(Weights):
    """Weights given as an array.

    Parameters
    ----------
    values : array
        One weight per synapse, in the order of a row-major walk over (pre, post), or the whole (pre, post) matrix of
        a dense projection.
    """

    values: Any

    def __post_init__(self) -> None:
        try:
            values = np.array(self.values, dtype=np.float64)
        except (TypeError, ValueError):
            return  # `problems` says so
        if not isinstance(self.values, Quantity):
            values.setflags(write=False)
            object.__setattr__(self, "values", values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FromArray) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(np.asarray(self.values).tobytes())

    def draw(self, rng, pre, post, fan_in):
        values = self.values.ravel()
        if len(values) != len(pre):
            raise NetworkError(
                f"`FromArray` weights must be one number per synapse: {len(pre)}, but there are {len(values)}."
            )
        return values.copy()

    def problems(self, name):
        values = self.values
        if not isinstance(values, np.ndarray) or isinstance(values, Quantity) or values.ndim == 0:
            return [f"`FromArray` weights of {name} must be an array of plain numbers, but are {values!r}."]
        if not np.isfinite(values).all():
            return [
                f"`FromArray` weights of {name} must be finite, but {values[~np.isfinite(values)][0]} is among them."
            ]
        return []
