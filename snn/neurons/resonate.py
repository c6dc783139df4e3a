"""The resonate-and-fire neuron: a damped oscillator with a threshold."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, hertz, ms, second

from snn.fields import number, si
from snn.neurons.neuron import Neuron, NeuronModel
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class ResonateAndFire(NeuronModel):
    r"""Resonate-and-fire neuron (Izhikevich 2001, Neural Networks 14, eq. 5), integrated exactly.

    .. math:: \frac{dz}{dt} = (b + i \omega) z + I, \qquad z = x + i y, \qquad \text{spike where } y \ge v_{th}

    x is like a current and y like a voltage; a spike resets z to :math:`i\, v_{th}`, that is, x to 0 and y to the
    threshold, from which y falls. I is a pulse: a weight of 1 that arrives in a step is spread over that step and
    moves x by 1 in all (less what the oscillation takes of it).

    Parameters
    ----------
    b : Quantity, < 0 Hz
        Rate at which the oscillation decays; its time constant is -1/b.
    omega : Quantity, >= 0 Hz
        Angular frequency, in radians per second. The defaults are the paper's b = -1 and omega = 10 in a unit of
        time of 100 ms, a resonance at 16 Hz.
    v_th : float, > 0
        Threshold of y.
    refractory : Quantity, >= 0 ms
        Absolute refractory time; z goes on oscillating, only spikes are suppressed.

    Place in the time step: what arrives sets I (part 1), a spike of the step before resets z, then z is updated
    (part 2) and y is tested (part 3).
    """

    b: Quantity = number(-10 * hertz, hertz)
    omega: Quantity = number(100 * hertz, hertz, at_least=0)
    v_th: float = number(1.0, above=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        if not found and not si(self.b) < 0:
            found.append(f"`b < 0 Hz` must hold, but {name} has b = {self.b!r}.")
        return found

    def neuron(self, dt: Quantity) -> Neuron:
        return Neuron(
            model="dx/dt = b*x - omega*y + drive*I : 1\ndy/dt = omega*x + b*y : 1\nI : 1",
            threshold="y >= v_th",
            reset="x = 0\ny = v_th",
            refractory=self.refractory,
            parameters={"b": self.b, "omega": self.omega, "v_th": self.v_th, "drive": 1 / dt},
            kind="ResonateAndFire",
        )
