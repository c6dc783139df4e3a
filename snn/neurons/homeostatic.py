"""Integrate-and-fire neurons whose threshold adapts across samples."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.neurons.lif import LIF
from snn.neurons.neuron import Neuron, NeuronModel
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class HomeostaticLIF(NeuronModel):
    r"""A `LIF` neuron whose threshold rises with every spike and sinks slowly (Diehl & Cook 2015, section 2.2).

    .. math:: z_t = [v_t \ge v_{th} + \theta], \qquad
              \theta \leftarrow e^{-dt/\tau_\theta}\, \theta + \theta_+ z_t

    Neurons that fire much become hard to excite, so that all come to take part. The threshold changes only while the
    network learns, and is kept where a task resets its network between samples; `ALIF` adapts within a sample.

    Parameters
    ----------
    tau_m, v_th, refractory, reset, input_scale
        As in `LIF`; a subtracting reset takes off v_th, not theta.
    theta_plus : float, >= 0
        Rise of the threshold at a spike.
    tau_theta : Quantity, > 0 ms
        Time constant of its decay.

    Place in the time step: theta is read by the spike test (part 3) and changes at the end of part 5.

    Examples
    --------
    >>> from brian2 import second
    >>> even = HomeostaticLIF(v_th=0.5, theta_plus=0.01, tau_theta=100*second)
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    theta_plus: float = number(0.01, at_least=0)
    tau_theta: Quantity = number(100 * second, second, above=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")
    input_scale: str = choice("one", "one", "leak")

    def neuron(self, dt: Quantity) -> Neuron:
        plain = LIF(self.tau_m, self.v_th, self.refractory, self.reset, self.input_scale).neuron(dt)
        return Neuron(
            model=plain.model + "\ntheta : 1",
            threshold="v >= v_th + theta",
            reset=plain.reset,
            refractory=self.refractory,
            parameters={**plain.parameters, "theta_plus": self.theta_plus, "tau_theta": self.tau_theta},
            lasting=("theta",),
            learning="theta = exp(-dt/tau_theta)*theta + theta_plus*spiked",
            kind="HomeostaticLIF",
        )
