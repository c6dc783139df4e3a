"""The delta rule of spikes."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Place, needs_spikes
from snn.plasticity.rules.activity import POST, PRE
from snn.plasticity.rules.modulated import Modulated
from snn.plasticity.terms import Update
from snn.serial import serialisable

TEACHER = Factor.teacher_spikes(probability=0.5, tau=20 * ms)


@serialisable
@dataclass(frozen=True)
class DeltaRule(Modulated):
    r"""The delta rule of spikes: a teacher's trace less the neuron's own, times the input's (Widrow & Hoff 1960).

    .. math:: \Delta w = \eta\, (m - y)\, x \quad \text{in every step}, \qquad
              x \leftarrow e^{-dt/\tau_{pre}} x + g_{pre} z_{pre}, \quad
              y \leftarrow e^{-dt/\tau_{post}} y + g_{post} z_{post}

    The "MSE rule" of Yanguas-Gil & Madireddy (2023, arXiv:2302.13210) and their simulator spikelearn, whose trace
    ``(t0, t1)`` has the gain t0 and the time constant ``-dt/log(t1)``.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    factor : Factor or str
        The modulator m, with its own trace; by default spikes of a teacher, a signal of the target population named
        ``"teacher"``, with probability 0.5 a step and a trace of 20 ms.
    tau_pre, tau_post : Quantity, > 0 ms
        Time constants of the traces.
    gain_pre, gain_post : float, >= 0
        What a spike adds to them.
    on : {"step", "sample"}
        Whether each step's change is proposed at once, or their sum at the sample's end.

    Place in the time step: part 5; traces include this step's spikes.

    Raises
    ------
    NetworkError
        Onto what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Constant, Dense, Network, Poisson, Signal, SpikeReadout
    >>> net = Network(inputs=Poisson(64, rate=100 * Hz), dt=1 * ms)
    >>> teacher = Signal("label", one_hot=True, teacher=True)
    >>> net.population("out", LIF(), n=10, signals={"teacher": teacher})
    >>> net.readout(SpikeReadout("out"))
    >>> rule = DeltaRule(lr=0.01, tau_pre=5 * ms, tau_post=5 * ms, factor=Factor.teacher_spikes(0.5, tau=5 * ms))
    >>> net.connect("inputs", "out", Dense(Constant(0.0)), rule, w_min=-1, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(0.01, at_least=0)
    factor: Factor | str = TEACHER
    tau_pre: Quantity = number(20 * ms, second, above=0)
    tau_post: Quantity = number(20 * ms, second, above=0)
    gain_pre: float = number(1.0, at_least=0)
    gain_post: float = number(1.0, at_least=0)
    on: str = choice("step", "step", "sample")

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "DeltaRule")
        plain = RuleEquations(
            parameters={
                "lr": self.lr,
                "tau_x": self.tau_pre,
                "tau_y": self.tau_post,
                "jump_x": self.gain_pre,
                "jump_y": self.gain_post,
            },
            traces=(PRE, POST),
            updates=(Update("step", dw="lr*(m_post - y)*x"),),
        )
        return self.learned(plain, place, self.on == "sample")
