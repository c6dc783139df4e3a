"""Times of a network that are rounded to whole steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brian2 import Quantity

from snn.errors import RoundedTime
from snn.system.notices import notice
from snn.times import delay_steps, refractory_steps, whole_steps

if TYPE_CHECKING:
    from snn.network.data import NetworkData


@dataclass(frozen=True)
class Rounded:
    """A time of a network that is no multiple of dt, and the steps that are counted instead."""

    name: str
    time: Quantity
    steps: int

    def __str__(self) -> str:
        return f"the {self.name}, {self.time}, counts {self.steps} step{'s' * (self.steps != 1)}"


def rounded(spec: NetworkData) -> Iterator[Rounded]:
    """Delays and refractory times of a network that are no multiples of dt."""
    for population in spec.populations:
        time = population.model.neuron(spec.dt).refractory
        if time is not None and not isinstance(time, str) and whole_steps(time, spec.dt) is None:
            yield Rounded(f"refractory time of {population.name}", time, refractory_steps(time, spec.dt))
    for projection in spec.projections:
        if projection.delay is not None and whole_steps(projection.delay, spec.dt) is None:
            counted = delay_steps(projection.delay, spec.dt)
            yield Rounded(f"delay of {projection.name}", projection.delay, counted)


def tell_of_rounding(spec: NetworkData) -> None:
    """Give one notice about all times of a network that are no multiples of dt, with value and steps."""
    found = list(rounded(spec))
    if found:
        counted = "; ".join(map(str, found))
        text = f"Times are counted in whole steps of dt = {spec.dt}: {counted}. Multiples of dt are not rounded."
        notice(("rounded", *(item.name for item in found)), text, RoundedTime)
