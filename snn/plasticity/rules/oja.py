"""Oja's rule."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor, factor_problems
from snn.plasticity.rule import Place
from snn.plasticity.rules.activity import ActivityRule
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class Oja(ActivityRule):
    r"""Oja's rule, by which a linear neuron finds the principal component of its inputs (Oja 1982, eq. 3).

    .. math:: \Delta w = \eta\, m\, y\, (x - \alpha\, y\, w) \quad \text{in every step}

    with y and x as in `Covariance`. For :math:`y = \sum w x` the weights tend to the first eigenvector of
    :math:`\langle x x^T\rangle` with the norm :math:`1/\sqrt\alpha`.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    post, tau_pre, tau_post, gain_pre, gain_post, on
        As of `Covariance`.
    alpha : float, >= 0
        Strength of the decay.
    factor : Factor, str or None
        A third factor m; ``None``: 1.

    Place in the time step: part 5; traces include this step's spikes.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=1)
    >>> net.readout(SpikeReadout("out"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 0.1)), Oja(lr=1e-4, post="v"))
    >>> spec = net.freeze()
    """

    lr: float = number(1e-3, at_least=0)
    post: Factor | str | None = None
    alpha: float = number(1.0, at_least=0)
    factor: Factor | str | None = None
    tau_pre: Quantity = number(20 * ms, second, above=0)
    tau_post: Quantity = number(20 * ms, second, above=0)
    gain_pre: float = number(1.0)
    gain_post: float = number(1.0)
    on: str = choice("step", "step", "sample")

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        return found if self.factor is None else found + factor_problems(self.factor, "factor", name)

    def at(self, place: Place) -> RuleEquations:
        return self.learned(place, "lr*{y}*(x - alpha*{y}*w)", {"alpha": self.alpha}, factor=self.factor)
