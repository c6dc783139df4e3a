"""Reward-modulated STDP: a three-factor rule."""

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Place, needs_spikes
from snn.plasticity.rules.modulated import Modulated
from snn.plasticity.rules.stdp import PAIR_TRACES
from snn.plasticity.terms import Step, SynapseVariable, Update
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class RewardSTDP(Modulated):
    r"""Eligibility from spike pairs times a broadcast reward (Izhikevich 2007; Fremaux & Gerstner 2016, eq. 9-10).

    .. math:: c \leftarrow e^{-dt/\tau_e} c + A_+ x\, z_{post} - A_- y\, z_{pre}, \qquad \Delta w = \eta\, R\, c

    with the traces x and y of `PairSTDP`.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    a_plus, a_minus : float, >= 0
        Amplitudes of the two halves of the STDP window.
    tau_plus, tau_minus : Quantity, > 0 ms
        Their time constants.
    tau_e : Quantity, > 0 ms
        Time constant of the eligibility trace.
    on : {"sample", "step"}
        Whether the weight changes once, at the end of a sample, or in every step (then by :math:`\eta R c` a step).
    factor : Factor or str
        The reward R: the name of a variable of the network's `Environment` or of a signal of the target population,
        or a `Factor` with an equation and a trace of its own.

    Place in the time step: part 5; with ``on="sample"`` after the environment has answered the decision.

    Raises
    ------
    NetworkError
        Onto what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Environment, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.environment(Environment("reward = 2*int(action == label) - 1 : 1"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 0.5)), RewardSTDP(lr=0.01, tau_e=30 * ms), w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    lr: float = number(0.01, at_least=0)
    a_plus: float = number(1.0, at_least=0)
    a_minus: float = number(1.0, at_least=0)
    tau_plus: Quantity = number(20 * ms, second, above=0)
    tau_minus: Quantity = number(20 * ms, second, above=0)
    tau_e: Quantity = number(50 * ms, second, above=0)
    on: str = choice("sample", "sample", "step")
    factor: Factor | str = "reward"

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "RewardSTDP")
        plain = RuleEquations(
            parameters={
                "lr": self.lr,
                "a_plus": self.a_plus,
                "a_minus": self.a_minus,
                "tau_plus": self.tau_plus,
                "tau_minus": self.tau_minus,
                "tau_e": self.tau_e,
            },
            traces=PAIR_TRACES,
            variables=(SynapseVariable("c"),),
            steps=(
                Step("step", "c = c*exp(-dt/tau_e)"),
                Step("pre", "c -= a_minus*y"),
                Step("post", "c += a_plus*x"),
            ),
            updates=(Update(self.on, dw="lr*m_post*c"),),
        )
        return self.learned(plain, place)
