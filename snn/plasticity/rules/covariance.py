"""The covariance rule."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Place
from snn.plasticity.rules.activity import ACTIVITY, ActivityRule
from snn.plasticity.terms import NeuronVariable, Trace
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class Covariance(ActivityRule):
    r"""The covariance rule (Sejnowski 1977).

    .. math:: \Delta w = \eta\, (x - \langle x\rangle)(y - \langle y\rangle) \quad \text{in every step}, \qquad
              \langle x\rangle \leftarrow e^{-dt/\tau_{mean}} \langle x\rangle + (1 - e^{-dt/\tau_{mean}})\, x

    with the traces :math:`x \leftarrow e^{-dt/\tau_{pre}} x + g_{pre} z_{pre}` and y likewise, and means of what they
    were before this step, which last when a task resets the network.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    post : Factor, str or None
        What y is instead of a trace of the neuron's own spikes: a variable of the neuron such as ``"v"`` (also of a
        population with ``threshold=None``), a teacher's signal, or another `Factor`.
    tau_mean : Quantity, > 0 ms
        Time constant of the means.
    tau_pre, tau_post : Quantity, > 0 ms
        Time constants of the traces.
    gain_pre, gain_post : float
        What a spike adds to them.
    on : {"step", "sample"}
        Whether each step's change is proposed at once, or their sum at the sample's end.

    Place in the time step: part 5; traces include this step's spikes.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), Covariance(lr=1e-3, tau_mean=500 * ms), w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(1e-3, at_least=0)
    post: Factor | str | None = None
    tau_mean: Quantity = number(1000 * ms, second, above=0)
    tau_pre: Quantity = number(20 * ms, second, above=0)
    tau_post: Quantity = number(20 * ms, second, above=0)
    gain_pre: float = number(1.0)
    gain_post: float = number(1.0)
    on: str = choice("step", "step", "sample")

    def at(self, place: Place) -> RuleEquations:
        keep, take = "exp(-dt/tau_mean)", "(1 - exp(-dt/tau_mean))"
        traces = [Trace("x_mean", "pre", keep, jump="", inflow=f"{take}*x", lasting=True)]
        means = []
        numbers = {"tau_mean": self.tau_mean}
        if self.post is None:
            traces.append(Trace("y_mean", "post", keep, jump="", inflow=f"{take}*y", lasting=True))
        else:
            mean = f"{ACTIVITY}_mean"
            own = f"exp(-dt/mean_tau)*{mean} + (1 - exp(-dt/mean_tau))*{ACTIVITY}"
            given = {"mean_tau": self.tau_mean}
            means.append(NeuronVariable(mean, own, given, (mean, ACTIVITY), at="step", lasting=True))
        y_mean = "y_mean" if self.post is None else f"{ACTIVITY}_mean_post"
        return self.learned(place, f"lr*(x - x_mean)*({{y}} - {y_mean})", numbers, tuple(traces), tuple(means))
