"""What a search optimises: names for functions of a result, with their direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from snn.errors import NotFinite, nearest

if TYPE_CHECKING:
    from snn.result import Result


@dataclass(frozen=True)
class Objective:
    """One number to optimise.

    Parameters
    ----------
    name : str
        How tables, storage and the command line call it.
    direction : {"maximize", "minimize"}
        Which end is good.
    measure : callable
        Result -> float.
    unit : str
        What one unit of it is.
    labels : bool
        Whether only tasks with labels have it.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    measure: Callable[[Result], float]
    unit: str
    labels: bool = False

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.direction == "maximize" else value < other


def _named(name: str, direction: Literal["maximize", "minimize"], unit: str, labels: bool = False) -> Objective:
    return Objective(name, direction, attrgetter(name), unit, labels)


OBJECTIVES = {
    objective.name: objective
    for objective in (
        _named("accuracy", "maximize", "of the validation part", labels=True),
        _named("loss", "minimize", "mean over the validation part"),
        _named("prequential_accuracy", "maximize", "of the stream", labels=True),
        _named("prequential_loss", "minimize", "mean over the stream"),
        _named("spikes", "minimize", "per streamed sample"),
        _named("synaptic_operations", "minimize", "per streamed sample"),
        _named("weight_writes", "minimize", "per streamed sample"),
    )
}


def problems_with(names: Sequence[str]) -> list[str]:
    """Everything wrong with a list of objectives, each one sentence; empty if nothing is."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        return [f"`objectives` must be a list of names, but is {names!r}: write objectives=['accuracy']."]
    if not names:
        return [f"`objectives` must name at least one objective, but is empty; {nearest('', OBJECTIVES)}."]
    problems = [
        f"`objectives` must be known names, but has {name!r}; {nearest(str(name), OBJECTIVES)}."
        for name in names
        if name not in OBJECTIVES
    ]
    twice = sorted({name for name in names if list(names).count(name) > 1}, key=str)
    return problems + [f"`objectives` must name each objective once, but has {name!r} twice." for name in twice]


def measure(objectives: Sequence[Objective], result: Result) -> list[float]:
    """Value of each objective.

    Raises
    ------
    NotFinite
        If one is NaN or infinite: such a number has no rank among trials.
    """
    values = [float(objective.measure(result)) for objective in objectives]
    for objective, value in zip(objectives, values, strict=True):
        if not math.isfinite(value):
            raise NotFinite(f"`{objective.name}` must be a finite number, but is {value}.")
    return values
