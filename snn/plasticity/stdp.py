"""Spike-timing-dependent plasticity of spike pairs."""

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import number
from snn.plasticity.rule import Place, Rule, RuleEquations, Trace, Update, needs_spikes
from snn.serial import serialisable

PAIR_TRACES = (
    Trace("x", "pre", decay="exp(-dt/tau_plus)"),
    Trace("y", "post", decay="exp(-dt/tau_minus)"),
)


@serialisable
@dataclass(frozen=True)
class PairSTDP(Rule):
    r"""Additive pair-based STDP, all-to-all (Song, Miller & Abbott 2000).

    .. math:: \Delta w = A_+ e^{-\Delta t/\tau_+} \; (\Delta t > 0), \qquad
              \Delta w = -A_- e^{\Delta t/\tau_-} \; (\Delta t < 0), \qquad \Delta t = t_{post} - t_{pre}

    with :math:`t_{pre}` the arrival of the presynaptic spike; a coincident pair changes nothing. One trace a neuron:
    :math:`x \leftarrow e^{-dt/\tau_+} x + z_{pre}`, :math:`y \leftarrow e^{-dt/\tau_-} y + z_{post}`.

    Parameters
    ----------
    a_plus, a_minus : float, >= 0
        Amplitudes of potentiation and depression, in units of the weight.
    tau_plus, tau_minus : Quantity, > 0 ms
        Time constants of the two halves of the window.

    Place in the time step: part 5; proposes at arrivals of presynaptic and at postsynaptic spikes.
    """

    a_plus: float = number(0.01, at_least=0)
    a_minus: float = number(0.0105, at_least=0)
    tau_plus: Quantity = number(20 * ms, second, above=0)
    tau_minus: Quantity = number(20 * ms, second, above=0)

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "PairSTDP")
        return RuleEquations(
            parameters={
                "a_plus": self.a_plus,
                "a_minus": self.a_minus,
                "tau_plus": self.tau_plus,
                "tau_minus": self.tau_minus,
            },
            traces=PAIR_TRACES,
            updates=(Update("pre", dw="-a_minus*y"), Update("post", dw="a_plus*x")),
        )
