"""From a sample's values to input spikes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from brian2 import Hz, Quantity, hertz

from snn import fields
from snn.fields import number, si
from snn.serial import serialisable
from snn.values import Values


@dataclass(frozen=True)
class Encoding:
    """An encoder as Brian2 equations: variables, what runs before the spike test, the test, and what a spike does.

    The equations may read ``value`` (the sample's value for neuron i), ``uniform(seed, STREAM, absolute_step, i)``
    and the clock of the stream (`snn.backends.plan.CLOCK`).
    """

    threshold: str
    model: str = ""
    before: str = ""
    reset: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    per: str = "sample"


class Encoder(ABC):
    """An input population. Its spikes of step t arrive at their targets in part 1 of step t.

    Attributes
    ----------
    takes : Values
        Which numbers it can encode; a task with others is refused. Of a class of your own, by default those in [0, 1].
    """

    n: int
    takes: ClassVar[Values] = Values.UNIT

    @abstractmethod
    def encoding(self) -> Encoding:
        """The encoder's equations."""

    def problems(self, dt: Quantity) -> list[str]:
        """Everything wrong with the encoder at this time step, one sentence each."""
        found = fields.problems(self, "the input")
        rate = getattr(self, "rate", None)
        if not found and rate is not None and si(rate) * si(dt) > 1:
            found.append(f"`rate <= 1/dt = {1 / si(dt):g} Hz` must hold, but the input has rate = {rate!r}.")
        return found


@serialisable
@dataclass(frozen=True)
class Poisson(Encoder):
    r"""Independent spikes: neuron i fires in a step with probability :math:`\text{rate}\, x_i\, dt`.

    Parameters
    ----------
    n : int, >= 1
        Number of inputs.
    rate : Quantity, >= 0 Hz and <= 1/dt
        Firing rate at value 1.
    """

    n: int = number(unit=1, at_least=1, at_most=2**31 - 1, integer=True)
    rate: Quantity = number(100 * Hz, hertz, at_least=0)

    def encoding(self) -> Encoding:
        test = "uniform(seed, STREAM, absolute_step, i) < value*rate*dt and sample_step < sample_steps"
        return Encoding(threshold=test, parameters={"rate": self.rate})


@serialisable
@dataclass(frozen=True)
class Regular(Encoder):
    r"""Evenly spaced spikes without noise: a phase grows by :math:`\text{rate}\, x_i\, dt` a step and fires at 1.

    Parameters
    ----------
    n : int, >= 1
        Number of inputs.
    rate : Quantity, >= 0 Hz and <= 1/dt
        Firing rate at value 1.
    phase : float in [0, 1]
        The phase at the beginning of a sample. A half rounds the spike count to the nearest whole number.
    """

    n: int = number(unit=1, at_least=1, at_most=2**31 - 1, integer=True)
    rate: Quantity = number(100 * Hz, hertz, at_least=0)
    phase: float = number(0.5, at_least=0, at_most=1)

    def encoding(self) -> Encoding:
        return Encoding(
            model="phase : 1",
            before="phase += value*rate*dt*int(sample_step < sample_steps)",
            threshold="phase >= 1",
            reset="phase -= 1",
            parameters={"rate": self.rate},
            initial={"phase": float(self.phase)},
        )


@serialisable
@dataclass(frozen=True)
class SpikeTrains(Encoder):
    """Explicit spikes: the task's ``values`` hold, for every step of a sample, 1 where neuron i fires and else 0.

    Parameters
    ----------
    n : int, >= 1
        Number of inputs.
    """

    n: int = number(unit=1, at_least=1, at_most=2**31 - 1, integer=True)

    takes: ClassVar[Values] = Values.SPIKES

    def encoding(self) -> Encoding:
        return Encoding(threshold="value > 0.5", per="step")


@serialisable
@dataclass(frozen=True)
class Analog(Encoder):
    """Inputs that never spike: populations read the values themselves, as a current. They may be any finite numbers.

    Parameters
    ----------
    n : int, >= 1
        Number of inputs.

    Examples
    --------
    >>> from snn import LIF, Network, Signal
    >>> net = Network(inputs=Analog(64))
    >>> net.population("projection", LIF(), n=64)
    >>> net.drive("projection", Signal("values"), gain=0.2)
    """

    n: int = number(unit=1, at_least=1, at_most=2**31 - 1, integer=True)

    takes: ClassVar[Values] = Values.FINITE

    def encoding(self) -> Encoding:
        return Encoding(threshold="value > inf")
