"""The adaptive exponential integrate-and-fire neuron, in volts and amperes."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, amp, farad, ms, mV, nA, nS, pF, second, siemens, volt

from snn.fields import number, si
from snn.neurons.neuron import Neuron, NeuronModel
from snn.serial import serialisable

STEEPEST = 40
"""Largest (v_peak - v_T)/delta_T: the exponential of it, times anything there is, stays a number of 32 bits."""


@serialisable
@dataclass(frozen=True)
class AdEx(NeuronModel):
    r"""Adaptive exponential integrate-and-fire neuron (Brette & Gerstner 2005, eq. 1-3), Euler's method.

    .. math::
       C \frac{dv}{dt} &= -g_L (v - E_L) + g_L \Delta_T e^{(v - v_T)/\Delta_T} - w + I, \qquad
       \tau_w \frac{dw}{dt} = a (v - E_L) - w \\
       v &\ge v_{peak}: \quad v \leftarrow v_r, \quad w \leftarrow w + b

    I, in amperes, sums the weights of the spikes that arrive in a step and acts for that step: a weight of 1e-9 is
    1 nA for the time dt. A neuron starts with v = E_L and w = 0. The defaults are the paper's (Table 1).

    Parameters
    ----------
    C : Quantity, > 0 F
        Capacitance.
    g_L : Quantity, > 0 S
        Leak conductance; C/g_L is the membrane time constant.
    E_L : Quantity
        Resting potential.
    v_T : Quantity
        Threshold of the exponential, where a spike begins.
    delta_T : Quantity, > 0 V
        Slope factor of the exponential.
    tau_w : Quantity, > 0 ms
        Time constant of the adaptation w.
    a : Quantity
        Subthreshold adaptation.
    b : Quantity
        What a spike adds to w.
    v_r : Quantity or None, < v_peak
        Value of v after a spike; ``None``: E_L, as in the paper.
    v_peak : Quantity or None
        Where the upswing is cut, in (v_T, v_T + 40 delta_T]; ``None``: v_T + 5 delta_T. Beyond, v would reach any
        height within a fraction of a step, and the exponential would overflow in the next one.
    refractory : Quantity, >= 0 ms
        Absolute refractory time, during which v stays at v_r (it would grow without bounds) and w goes on.

    Place in the time step: what arrives sets I (part 1), a spike of the step before resets v and w, then both are
    updated from their old values (part 2) and v is tested (part 3). dt <= 0.1 ms resolves the upswing.
    """

    C: Quantity = number(281 * pF, farad, above=0)
    g_L: Quantity = number(30 * nS, siemens, above=0)  # noqa: N815
    E_L: Quantity = number(-70.6 * mV, volt)
    v_T: Quantity = number(-50.4 * mV, volt)  # noqa: N815
    delta_T: Quantity = number(2 * mV, volt, above=0)  # noqa: N815
    tau_w: Quantity = number(144 * ms, second, above=0)
    a: Quantity = number(4 * nS, siemens)
    b: Quantity = number(0.0805 * nA, amp)
    v_r: Quantity | None = number(None, volt, optional=True)
    v_peak: Quantity | None = number(None, volt, optional=True)
    refractory: Quantity = number(0 * ms, second, at_least=0)

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        if found:
            return found
        steps = si(self._peak() - self.v_T) / si(self.delta_T)
        if not 0 < steps <= STEEPEST:
            found.append(
                f"`v_T < v_peak <= v_T + {STEEPEST} delta_T` must hold, but {name} has v_T = {self.v_T!r}, "
                f"delta_T = {self.delta_T!r}, v_peak = {self._peak()!r}; leave v_peak out for v_T + 5 delta_T."
            )
        if not self._reset() < self._peak():
            found.append(
                f"`v_r < v_peak` must hold, but {name} has v_r = {self._reset()!r}, v_peak = {self._peak()!r}."
            )
        return found

    def neuron(self, dt: Quantity) -> Neuron:
        return Neuron(
            model="""
            dv/dt = (g_L*(E_L - v) + g_L*delta_T*exp((v - v_T)/delta_T) - w + I)/C : volt (unless refractory)
            dw/dt = (a*(v - E_L) - w)/tau_w : amp
            I : amp
            """,
            threshold="v >= v_peak",
            reset="v = v_r\nw += b",
            refractory=self.refractory,
            parameters={
                **{name: getattr(self, name) for name in ("C", "g_L", "E_L", "v_T", "delta_T", "tau_w", "a", "b")},
                "v_r": self._reset(),
                "v_peak": self._peak(),
            },
            initial={"v": self.E_L},
            method="euler",
            kind="AdEx",
        )

    def _peak(self) -> Quantity:
        return self.v_T + 5 * self.delta_T if self.v_peak is None else self.v_peak

    def _reset(self) -> Quantity:
        return self.E_L if self.v_r is None else self.v_r
