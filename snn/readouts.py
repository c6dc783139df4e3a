"""Readouts, which turn a network's activity into scores, a decision and an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn import fields
from snn.fields import choice, number
from snn.serial import serialisable


class Readout(ABC):
    """Something that scores every class once a sample; the decision is the class of the highest score."""

    @property
    @abstractmethod
    def ties(self) -> bool:
        """Whether equal scores are possible and are broken by a second number."""

    def problems(self, name: str) -> list[str]:
        """Return all problems of the readout's numbers, one sentence each."""
        return fields.problems(self, name)


@serialisable
@dataclass(frozen=True)
class LeakyReadout(Readout):
    r"""Leaky integrators of a population's spikes (Bellec et al. 2020, eq. 11), with a loss.

    .. math:: y_t = \kappa y_{t-1} + (1-\kappa) \sum_j W_j z_{j,t}, \quad \kappa = e^{-dt/\tau}

    The error is :math:`y - y^*` or :math:`\mathrm{softmax}(y) - \pi^*`; it is zero outside the last
    `learning_window` of a sample.

    Parameters
    ----------
    n : int, >= 1
        Number of units: classes, or outputs of a regression.
    tau : Quantity, > 0 ms
        Time constant.
    loss : {"cross_entropy", "squared_error"}
        Softmax cross-entropy, averaged over the learning window's steps; or half the squared error, summed over them.
    decide : {"mean", "last"}
        The score is y averaged over the learning window, or y in its last step.
    target : {"label", "target"}
        What the error is taken against: the sample's label as one-hot, or the stream's ``target``, n numbers a step.
    learning_window : Quantity or None
        Length of the window at the end of a sample; ``None``: the whole sample.

    Place in the time step: part 4; :math:`y_t` sees the spikes of the same step.
    """

    n: int = number(unit=1, at_least=1, integer=True)
    tau: Quantity = number(20 * ms, second, above=0)
    loss: str = choice("cross_entropy", "cross_entropy", "squared_error")
    decide: str = choice("mean", "mean", "last")
    target: str = choice("label", "label", "target")
    learning_window: Quantity | None = number(None, second, above=0, optional=True)

    @property
    def ties(self) -> bool:
        return False


@serialisable
@dataclass(frozen=True)
class SpikeReadout(Readout):
    """The neurons of a spiking population are the classes.

    Parameters
    ----------
    population : str
        Name of the population.
    decide : {"count", "first_spike"}
        The score is the number of spikes in the sample, or how early the first one came (0 without a spike).
        Ties are broken by the membrane variable at the sample's end, then by the lower index.
    variable : str
        The neurons' variable that breaks ties.
    """

    population: str
    decide: str = choice("count", "count", "first_spike")
    variable: str = "v"

    @property
    def ties(self) -> bool:
        return True
