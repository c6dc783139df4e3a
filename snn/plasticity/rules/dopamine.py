"""Depression of active synapses by dopamine."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Place
from snn.plasticity.rules.activity import PRE
from snn.plasticity.rules.modulated import Modulated
from snn.plasticity.terms import Update
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class DopamineDepression(Modulated):
    r"""Depression of the synapses that are active under dopamine, whatever the neuron does (Hige et al. 2015).

    .. math:: \Delta w = -\eta\, m\, x + \rho\, m\, (w_0 - w) \quad \text{in every step}

    with the trace x of presynaptic spikes. Kenyon cells that fire with dopamine lose their synapses onto the output
    neuron, which need not spike (Hige et al. 2015); dopamine without an odour brings them back (Cohn et al. 2015; Aso &
    Rubin 2016), which is the second term.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    factor : Factor or str
        The modulator m, by default a variable of the `Environment` or a signal named ``"dopamine"``.
    tau_pre : Quantity, > 0 ms
        Time constant of x.
    gain_pre : float, >= 0
        What a spike adds to it.
    recovery : float or None, >= 0
        The rate :math:`\rho`; ``None`` leaves the second term out.
    w_rest : float
        The weight :math:`w_0` to which recovery leads.
    on : {"step", "sample"}
        Whether each step's change is proposed at once, or their sum at the sample's end.

    Place in the time step: part 5; the trace includes this step's spikes.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Constant, Dense, Environment, Network, Poisson, SpikeReadout
    >>> net = Network(inputs=Poisson(64, rate=100 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.environment(Environment("dopamine = int(action != label) : 1"))
    >>> rule = DopamineDepression(lr=0.01, recovery=0.001)
    >>> net.connect("inputs", "out", Dense(Constant(1.0)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(0.01, at_least=0)
    factor: Factor | str = "dopamine"
    tau_pre: Quantity = number(20 * ms, second, above=0)
    gain_pre: float = number(1.0, at_least=0)
    recovery: float | None = number(None, at_least=0, optional=True)
    w_rest: float = number(1.0)
    on: str = choice("step", "step", "sample")

    def at(self, place: Place) -> RuleEquations:
        parameters = {"lr": self.lr, "tau_x": self.tau_pre, "jump_x": self.gain_pre}
        dw = "-lr*m_post*x"
        if self.recovery is not None:
            parameters |= {"recovery": self.recovery, "w_rest": self.w_rest}
            dw += " + recovery*m_post*(w_rest - w)"
        plain = RuleEquations(parameters=parameters, traces=(PRE,), updates=(Update("step", dw=dw),))
        return self.learned(plain, place, self.on == "sample")
