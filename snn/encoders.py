"""Encoders of a sample's values as input spikes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from brian2 import Hz, Quantity, hertz

from snn import fields
from snn.fields import number, si
from snn.phase import SLACK
from snn.serial import serialisable
from snn.values import Values


@dataclass(frozen=True)
class Encoding:
    """An encoder as Brian2 equations: variables, what runs before the spike test, the test, and what a spike does.

    The equations may read ``value`` (the sample's value for neuron i), ``uniform(seed, STREAM, absolute_step, i)``
    and the clock of the stream (`snn.lowering.plan.schedule.CLOCK`).

    An encoder that counts spikes gives their `rate` at value 1. Its equations then read ``increment``, which is value
    times rate times dt, instead of ``value``. That, its variables `phases` (with their first values) and `constants`
    are phases: integers in units of ``1/snn.phase.UNIT`` of a spike, the same in every precision.
    """

    threshold: str
    model: str = ""
    before: str = ""
    reset: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    per: str = "sample"
    rate: Quantity | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)


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
        """Return all problems of the encoder at this time step, one sentence each."""
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

    After n steps, the number of spikes is

    .. math:: \Big\lfloor \text{phase} + \sum_{k=1}^{n} \text{rate}\, x_i\, dt + 10^{-9} \Big\rfloor

    in every precision and on every backend. The small number allows for rounding: 10 times 0.1 is one spike. The sum
    goes on from sample to sample where a task does not reset its network.

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
            before="phase += increment*int(sample_step < sample_steps)",
            threshold="phase >= due",
            reset="phase -= one_spike",
            rate=self.rate,
            phases={"phase": float(self.phase)},
            constants={"due": 1 - SLACK, "one_spike": 1.0},
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
