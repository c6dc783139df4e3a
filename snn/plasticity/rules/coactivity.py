"""Rules that are polynomials of co-activity at spikes, inhibitory plasticity among them."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, hertz, ms, second

from snn.fields import choice, number, si
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.terms import Trace, Update
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class CoactivitySTDP(Rule):
    r"""The six-parameter co-activity rule (Confavreux et al. 2020, 2023).

    .. math:: \Delta w = \eta (\alpha + \kappa y) \; \text{(presynaptic spike)}, \qquad
              \Delta w = \eta (\beta + \gamma x) \; \text{(postsynaptic spike)}

    with traces x of presynaptic and y of postsynaptic spikes. For independent spikes at rates r the mean drift is
    :math:`\eta(\alpha r_{pre} + \beta r_{post} + (\kappa \tau_{post} + \gamma \tau_{pre}) r_{pre} r_{post})`.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    alpha, beta, gamma, kappa : float
        Coefficients of the polynomial.
    tau_pre, tau_post : Quantity, > 0 ms
        Time constants of x and y.

    Place in the time step: part 5; proposes at arrivals of presynaptic and at postsynaptic spikes, and traces are read
    before they see them.

    Raises
    ------
    NetworkError
        Onto what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> rule = CoactivitySTDP(alpha=-0.1, gamma=1.0, kappa=0.5, tau_post=40 * ms)
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(0.01, at_least=0)
    alpha: float = number(0.0)
    beta: float = number(0.0)
    gamma: float = number(1.0)
    kappa: float = number(-1.0)
    tau_pre: Quantity = number(20 * ms, second, above=0)
    tau_post: Quantity = number(20 * ms, second, above=0)

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "CoactivitySTDP")
        names = ("lr", "alpha", "beta", "gamma", "kappa")
        return RuleEquations(
            parameters={n: getattr(self, n) for n in names} | {"tau_x": self.tau_pre, "tau_y": self.tau_post},
            traces=(Trace.exponential("x", "pre", "tau_x"), Trace.exponential("y", "post", "tau_y")),
            updates=(Update("pre", dw="lr*(alpha + kappa*y)"), Update("post", dw="lr*(beta + gamma*x)")),
        )


@serialisable
@dataclass(frozen=True)
class InhibitorySTDP(Rule):
    r"""Inhibitory plasticity that holds neurons at a rate (Vogels et al. 2011, eq. 3-4).

    .. math:: \Delta w = \eta (y - 2 \rho_0 \tau) \; \text{(presynaptic spike)}, \qquad
              \Delta w = \eta x \; \text{(postsynaptic spike)}

    `CoactivitySTDP` with :math:`\alpha = -2\rho_0\tau, \beta = 0, \gamma = \kappa = 1`. Its drift is zero where the
    postsynaptic rate is :math:`\rho_0`.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`, in units of the weight.
    rate : Quantity, >= 0 Hz
        The target :math:`\rho_0`.
    tau : Quantity, > 0 ms
        Time constant of both traces.
    weights : {"positive", "negative"}
        The sign of weights that inhibit: positive ones of a conductance that pulls down, for instance, or negative ones
        added to a membrane, for which all signs are turned.

    Place in the time step: that of `CoactivitySTDP`.

    Raises
    ------
    NetworkError
        Onto what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import Dense, Network, Neuron, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> model = "dv/dt = (1.2 - v)/(20*ms) - g/ms : 1\ndg/dt = -g/(5*ms) : 1"
    >>> net.population("out", Neuron(model, threshold="v > 1", reset="v = 0", input="g", method="euler"), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), InhibitorySTDP(lr=1e-3, rate=5 * Hz), w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(0.01, at_least=0)
    rate: Quantity = number(3 * hertz, hertz, at_least=0)
    tau: Quantity = number(20 * ms, second, above=0)
    weights: str = choice("positive", "positive", "negative")

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "InhibitorySTDP")
        sign = 1.0 if self.weights == "positive" else -1.0
        alpha = -2 * sign * si(self.rate) * si(self.tau)
        rule = CoactivitySTDP(self.lr, alpha, beta=0.0, gamma=sign, kappa=sign, tau_pre=self.tau, tau_post=self.tau)
        return rule.at(place)
