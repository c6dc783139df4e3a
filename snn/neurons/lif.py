"""Leaky integrate-and-fire neurons: plain, with an adaptive threshold, and with a synaptic current."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, ms, second

from snn.fields import choice, number, si
from snn.neurons.neuron import Neuron, NeuronModel
from snn.serial import serialisable

RESETS = {"subtract": "v -= v_th*exp(dt/tau_m)", "zero": "v = 0"}
"""A reset precedes the leak of the next step; the factor makes what is subtracted exactly v_th after that leak."""


@serialisable
@dataclass(frozen=True)
class LIF(NeuronModel):
    r"""Leaky integrate-and-fire neuron (Bellec et al. 2020, eq. 6-7, in discrete time).

    .. math:: v_t = \alpha v_{t-1} + \zeta I_t - v_{th} z_{t-1}, \quad \alpha = e^{-dt/\tau_m}, \quad
              z_t = [v_t \ge v_{th}]

    :math:`I_t` sums the weights of the spikes that arrive in step t; :math:`\zeta` is 1, or
    :math:`1-\alpha` with ``input_scale="leak"``.

    Parameters
    ----------
    tau_m : Quantity, > 0 ms
        Membrane time constant.
    v_th : float, > 0
        Threshold.
    refractory : Quantity, >= 0 ms
        Absolute refractory time; the membrane goes on integrating, only spikes are suppressed.
    reset : {"subtract", "zero"}
        ``"subtract"`` takes `v_th` off one step after the spike; ``"zero"`` sets v to 0 then, before the step's input.
    input_scale : {"one", "leak"}
        Factor :math:`\zeta` of the input.
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")
    input_scale: str = choice("one", "one", "leak")

    def neuron(self, dt: Quantity) -> Neuron:
        return _integrate_and_fire(self, dt, "LIF")


@serialisable
@dataclass(frozen=True)
class ALIF(NeuronModel):
    r"""Integrate-and-fire neuron with an adaptive threshold (Bellec et al. 2020, eq. 8-10).

    .. math:: a_t = \rho a_{t-1} + z_{t-1}, \quad \rho = e^{-dt/\tau_a}, \quad z_t = [v_t \ge v_{th} + \beta a_t]

    with v as in `LIF`. A neuron starts with a = 0.

    Parameters
    ----------
    tau_m, v_th, refractory, reset, input_scale
        As in `LIF`.
    tau_a : Quantity, > 0 ms
        Time constant of the adaptation.
    beta : float, >= 0
        Rise of the threshold per unit of adaptation.
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    tau_a: Quantity = number(200 * ms, second, above=0)
    beta: float = number(0.1, at_least=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")
    input_scale: str = choice("one", "one", "leak")

    def neuron(self, dt: Quantity) -> Neuron:
        return _integrate_and_fire(self, dt, "ALIF")


@serialisable
@dataclass(frozen=True)
class SynapticLIF(NeuronModel):
    r"""Leaky integrate-and-fire neuron with an exponential synaptic current (Neftci et al. 2019).

    .. math:: \tau_m \frac{dv}{dt} = I_s - v, \qquad \tau_{syn} \frac{dI_s}{dt} = -I_s, \qquad
              z_t = [v_t \ge v_{th}]

    What arrives jumps I_s by its weight. As in the paper's discrete form, the current is held over a step (Brian2's
    ``exponential_euler``; the exact solution would divide by tau_m - tau_syn):

    .. math:: v_t = \alpha v_{t-1} + (1-\alpha) I_t - v_{th} z_{t-1}, \quad \alpha = e^{-dt/\tau_m}, \qquad
              I_t = e^{-dt/\tau_{syn}} I_{t-1} + \text{what arrives in step t}

    Parameters
    ----------
    tau_m : Quantity, > 0 ms
        Membrane time constant.
    tau_syn : Quantity, > 0 ms
        Time constant of the synaptic current.
    v_th : float, > 0
        Threshold.
    refractory : Quantity, >= 0 ms
        Absolute refractory time; membrane and current go on, only spikes are suppressed.
    reset : {"subtract", "zero"}
        As in `LIF`; the current is left alone.

    Place in the time step: what arrives jumps I_s (part 1), a spike of the step before resets v, then both are
    updated (part 2) and v is tested (part 3).
    """

    tau_m: Quantity = number(20 * ms, second, above=0)
    tau_syn: Quantity = number(5 * ms, second, above=0)
    v_th: float = number(1.0, above=0)
    refractory: Quantity = number(0 * ms, second, at_least=0)
    reset: str = choice("subtract", "subtract", "zero")

    def neuron(self, dt: Quantity) -> Neuron:
        return Neuron(
            model="dv/dt = (I_s - v)/tau_m : 1\ndI_s/dt = -I_s/tau_s : 1",
            threshold="v >= v_th",
            reset=RESETS[self.reset],
            refractory=self.refractory,
            input="I_s",
            parameters={"tau_m": self.tau_m, "tau_s": self.tau_syn, "v_th": self.v_th},
            method="exponential_euler",
            kind="SynapticLIF",
        )


def _integrate_and_fire(cell: LIF | ALIF, dt: Quantity, kind: str) -> Neuron:
    # The exact integration of (drive*I - v)/tau_m over one step adds (1 - alpha)*drive*I.
    drive = 1.0 if cell.input_scale == "leak" else -1.0 / math.expm1(-si(dt) / si(cell.tau_m))
    model = "dv/dt = (drive*I - v)/tau_m : 1\nI : 1"
    reset = RESETS[cell.reset]
    parameters: dict[str, Any] = {"tau_m": cell.tau_m, "v_th": cell.v_th, "drive": drive}
    threshold = "v >= v_th"
    if isinstance(cell, ALIF):
        model += "\nda/dt = -a/tau_a : 1"
        threshold = "v >= v_th + beta*a"
        reset += "\na += exp(dt/tau_a)"
        parameters |= {"tau_a": cell.tau_a, "beta": cell.beta}
    return Neuron(
        model=model,
        threshold=threshold,
        reset=reset,
        refractory=cell.refractory,
        parameters=parameters,
        kind=kind,
    )
