"""A conditional search space as data, so that samplers of every kind are given the same one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Parameter:
    """One parameter, and when it exists.

    Parameters
    ----------
    name : str
        What it is called.
    low, high : float
        Its range; whole numbers make it an integer.
    log : bool
        Whether its logarithm is uniform.
    choices : tuple
        The categories of a categorical parameter, which has no range.
    when : tuple of (str, tuple), optional
        A parameter before it, and the values of that one for which this one exists.
    """

    name: str
    low: float = 0
    high: float = 0
    log: bool = False
    choices: tuple = ()
    when: tuple[str, tuple] | None = None

    @property
    def integer(self) -> bool:
        """Whether it takes whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def active(self, values: dict[str, Any]) -> bool:
        """Whether it exists beside these values."""
        return self.when is None or values.get(self.when[0]) in self.when[1]

    def suggest(self, trial) -> Any:
        """Its value in an Optuna trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        suggest = trial.suggest_int if self.integer else trial.suggest_float
        return suggest(self.name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Surface:
    """A function to be maximised whose evaluation takes time.

    Parameters
    ----------
    name : str
        What it is called.
    parameters : tuple of Parameter
        Its space, parents before children.
    score : callable
        Values -> the score without noise.
    seconds : callable
        Values -> virtual seconds of an evaluation.
    """

    name: str
    parameters: tuple[Parameter, ...]
    score: Callable[[dict[str, Any]], float]
    seconds: Callable[[dict[str, Any]], float]

    def suggest(self, trial) -> dict[str, Any]:
        """The values of an Optuna trial, asked for as a network function would: children only where they exist."""
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.active(values):
                values[parameter.name] = parameter.suggest(trial)
        return values

    def mean_seconds(self) -> float:
        """How long a random evaluation takes, on average."""
        from optuna.trial import FixedTrial

        random = np.random.default_rng(0)
        drawn = [self.suggest(FixedTrial({p.name: draw(p, random) for p in self.parameters})) for _ in range(2000)]
        return float(np.mean([self.seconds(values) for values in drawn]))


def draw(parameter: Parameter, random: np.random.Generator) -> Any:
    """A random value of a parameter."""
    if parameter.choices:
        return parameter.choices[random.integers(len(parameter.choices))]
    low, high = (np.log([parameter.low, parameter.high])) if parameter.log else (parameter.low, parameter.high)
    value = random.uniform(low, high)
    value = np.exp(value) if parameter.log else value
    return int(np.clip(round(value), parameter.low, parameter.high)) if parameter.integer else float(value)
