"""Izhikevich's simple model of spiking neurons."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import number, si
from snn.neurons.neuron import Neuron, NeuronModel
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class Izhikevich(NeuronModel):
    r"""Simple model of spiking neurons (Izhikevich 2003, IEEE Trans. Neural Networks 14, eq. 1-3), Euler's method.

    .. math::
       \frac{dv}{dt} &= (0.04 v^2 + 5 v + 140 - u + I) / \mathrm{ms}, \qquad
       \frac{du}{dt} = a (b v - u) / \mathrm{ms} \\
       v &\ge v_{peak}: \quad v \leftarrow c, \quad u \leftarrow u + d

    v and u are plain numbers, v in mV. I sums the weights of the spikes that arrive in a step and acts for that step,
    so that a weight w moves v by w dt/ms. A neuron starts with v = c and u = b c.

    Parameters
    ----------
    a : float, > 0
        Rate of the recovery variable u, per ms.
    b : float
        Sensitivity of u to v.
    c : float, < v_peak
        Value of v after a spike. With b and d, the kind of neuron: the defaults are the paper's regular spiking.
    d : float
        What a spike adds to u.
    v_peak : float
        Peak of a spike.
    refractory : Quantity, >= 0 ms
        Absolute refractory time, during which v stays at c (it would grow without bounds) and u goes on.

    Place in the time step: what arrives sets I (part 1), a spike of the step before resets v and u, then both are
    updated from their old values (part 2) and v is tested (part 3). dt <= 0.5 ms is the paper's step of v.
    """

    a: float = number(0.02, above=0)
    b: float = number(0.2)
    c: float = number(-65.0)
    d: float = number(8.0)
    v_peak: float = number(30.0)
    refractory: Quantity = number(0 * ms, second, at_least=0)

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        if not found and not self.c < self.v_peak:
            found.append(f"`c < v_peak` must hold, but {name} has c = {self.c!r}, v_peak = {self.v_peak!r}.")
        return found

    def neuron(self, dt: Quantity) -> Neuron:
        return Neuron(
            model="""
            dv/dt = (0.04*v**2 + 5*v + 140 - u + I)/ms : 1 (unless refractory)
            du/dt = a*(b*v - u)/ms : 1
            I : 1
            """,
            threshold="v >= v_peak",
            reset="v = c\nu += d",
            refractory=self.refractory,
            parameters={"a": self.a, "b": self.b, "c": self.c, "d": self.d, "v_peak": self.v_peak},
            initial={"v": self.c, "u": si(self.b) * si(self.c)},
            method="euler",
            kind="Izhikevich",
        )
