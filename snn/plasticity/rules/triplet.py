"""Spike-timing-dependent plasticity of spike triplets."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.rules.stdp import ALL, NEAREST
from snn.plasticity.terms import Trace, Update
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class TripletSTDP(Rule):
    r"""Triplet STDP (Pfister & Gerstner 2006, eq. 2-4).

    .. math:: \Delta w = -o_1 (A_2^- + A_3^- r_2) \; \text{(presynaptic spike)}, \qquad
              \Delta w = r_1 (A_2^+ + A_3^+ o_2) \; \text{(postsynaptic spike)}

    with traces :math:`r_1, r_2` of presynaptic and :math:`o_1, o_2` of postsynaptic spikes, which are read before they
    see the spike itself; a coincident pair changes nothing.

    Parameters
    ----------
    a2_plus, a3_plus, a2_minus, a3_minus : float, >= 0
        Amplitudes of pairs and triplets, in units of the weight. The default is `visual_cortex`.
    tau_plus, tau_minus, tau_x, tau_y : Quantity, > 0 ms
        Time constants of r1, o1, r2, o2.
    pairing : {"all", "nearest"}
        Whether traces add up all spikes or remember the nearest alone.

    Place in the time step: part 5; proposes at arrivals of presynaptic and at postsynaptic spikes.

    Raises
    ------
    NetworkError
        Onto what does not spike.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), TripletSTDP.hippocampus(scale=0.1), w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    a2_plus: float = number(5e-10, at_least=0)
    a3_plus: float = number(6.2e-3, at_least=0)
    a2_minus: float = number(7e-3, at_least=0)
    a3_minus: float = number(2.3e-4, at_least=0)
    tau_plus: Quantity = number(16.8 * ms, second, above=0)
    tau_minus: Quantity = number(33.7 * ms, second, above=0)
    tau_x: Quantity = number(101 * ms, second, above=0)
    tau_y: Quantity = number(125 * ms, second, above=0)
    pairing: str = choice(ALL, ALL, NEAREST)

    @staticmethod
    def visual_cortex(scale: float = 1.0) -> TripletSTDP:
        """The full all-to-all model fitted to visual cortex (their table 4), amplitudes times `scale`."""
        return _scaled(scale, (5e-10, 6.2e-3, 7e-3, 2.3e-4), 101 * ms, 125 * ms)

    @staticmethod
    def visual_cortex_nearest(scale: float = 1.0) -> TripletSTDP:
        """The full nearest-spike model fitted to visual cortex (their table 4), amplitudes times `scale`."""
        return _scaled(scale, (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3), 714 * ms, 40 * ms, NEAREST)

    @staticmethod
    def visual_cortex_minimal(scale: float = 1.0) -> TripletSTDP:
        """The minimal all-to-all model fitted to visual cortex (their table 4), amplitudes times `scale`."""
        return _scaled(scale, (0.0, 6.5e-3, 7.1e-3, 0.0), 101 * ms, 114 * ms)

    @staticmethod
    def hippocampus(scale: float = 1.0) -> TripletSTDP:
        """The full all-to-all model fitted to hippocampal cultures (their table 3), amplitudes times `scale`."""
        return _scaled(scale, (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3), 946 * ms, 27 * ms)

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "TripletSTDP")
        nearest = self.pairing == NEAREST
        names = ("a2_plus", "a3_plus", "a2_minus", "a3_minus", "tau_plus", "tau_minus", "tau_x", "tau_y")
        return RuleEquations(
            parameters={name: getattr(self, name) for name in names},
            traces=(
                Trace.exponential("r1", "pre", "tau_plus", nearest=nearest),
                Trace.exponential("r2", "pre", "tau_x", nearest=nearest),
                Trace.exponential("o1", "post", "tau_minus", nearest=nearest),
                Trace.exponential("o2", "post", "tau_y", nearest=nearest),
            ),
            updates=(
                Update("pre", dw="-o1*(a2_minus + a3_minus*r2)"),
                Update("post", dw="r1*(a2_plus + a3_plus*o2)"),
            ),
        )


def _scaled(
    scale: float, amplitudes: tuple[float, ...], tau_x: Quantity, tau_y: Quantity, pairing: str = ALL
) -> TripletSTDP:
    a2_plus, a3_plus, a2_minus, a3_minus = (scale * amplitude for amplitude in amplitudes)
    return TripletSTDP(a2_plus, a3_plus, a2_minus, a3_minus, tau_x=tau_x, tau_y=tau_y, pairing=pairing)
