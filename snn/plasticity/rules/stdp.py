"""Spike-timing-dependent plasticity of spike pairs."""

from dataclasses import dataclass

from brian2 import Quantity, ms, second

from snn.fields import choice, flag, number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.terms import Trace, Update
from snn.serial import serialisable

ALL, NEAREST = "all", "nearest"


def pair_traces(pairing: str = ALL, current: bool = False) -> tuple[Trace, Trace]:
    """The traces x of presynaptic and y of postsynaptic spikes, of all of them or of the nearest."""
    nearest = pairing == NEAREST
    return (
        Trace.exponential("x", "pre", "tau_plus", nearest=nearest, current=current),
        Trace.exponential("y", "post", "tau_minus", nearest=nearest, current=current),
    )


PAIR_TRACES = pair_traces()

DEPENDENCES = {
    "additive": ("", ""),
    "multiplicative": ("(1 - w/w_max)", "w/w_max"),
    "power": ("clip(1 - w/w_max, 0, inf)**mu_plus", "clip(w/w_max, 0, inf)**mu_minus"),
    "power_law": ("clip(w/w_max, 0, inf)**mu_plus", "clip(w/w_max, 0, inf)**mu_minus"),
}
"""What potentiation and depression are multiplied by."""


@serialisable
@dataclass(frozen=True)
class PairSTDP(Rule):
    r"""Pair-based STDP: additive and all-to-all by default (Song, Miller & Abbott 2000).

    .. math:: \Delta w = A_+ f_+(w)\, e^{-\Delta t/\tau_+} \; (\Delta t > 0), \qquad
              \Delta w = -A_- f_-(w)\, e^{\Delta t/\tau_-} \; (\Delta t < 0), \qquad \Delta t = t_{post} - t_{pre}

    with :math:`t_{pre}` the arrival of the presynaptic spike; a coincident pair changes nothing. One trace a neuron:
    :math:`x \leftarrow e^{-dt/\tau_+} x + z_{pre}`, :math:`y \leftarrow e^{-dt/\tau_-} y + z_{post}`.

    Parameters
    ----------
    a_plus, a_minus : float, >= 0
        Amplitudes of potentiation and depression, in units of the weight.
    tau_plus, tau_minus : Quantity, > 0 ms
        Time constants of the two halves of the window.
    pairing : {"all", "nearest"}
        Whether a spike pairs with all earlier ones of the other side, or with the latest alone (a spike sets its trace
        to 1; Morrison, Diesmann & Gerstner 2008, "symmetric" nearest neighbours).
    dependence : {"additive", "multiplicative", "power", "power_law"}
        ``"additive"``: :math:`f_\pm = 1`. With :math:`u = w/w_{max}`: ``"multiplicative"``, :math:`f_+ = 1 - u`,
        :math:`f_- = u` (Rubin, Lee & Sompolinsky 2001); ``"power"``, :math:`f_+ = (1-u)^{\mu_+}`,
        :math:`f_- = u^{\mu_-}` (Guetig et al. 2003 with one :math:`\mu`; van Rossum, Bi & Turrigiano 2000 with
        :math:`\mu_+ = 0, \mu_- = 1`); ``"power_law"``, :math:`f_+ = u^{\mu_+}`, :math:`f_- = u^{\mu_-}` (Morrison,
        Aertsen & Diesmann 2007 with :math:`\mu_+ = 0.4, \mu_- = 1`).
    mu_plus, mu_minus : float, >= 0
        Those exponents.
    w_max : float, > 0
        The scale of that dependence. Bounds of the weight are the projection's.
    coincident : bool
        Whether traces include this step's spikes, so that a coincident pair potentiates and depresses (spikelearn).

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
    >>> rule = PairSTDP(pairing="nearest", dependence="power", mu_plus=0.1, mu_minus=0.1)
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    a_plus: float = number(0.01, at_least=0)
    a_minus: float = number(0.0105, at_least=0)
    tau_plus: Quantity = number(20 * ms, second, above=0)
    tau_minus: Quantity = number(20 * ms, second, above=0)
    pairing: str = choice(ALL, ALL, NEAREST)
    dependence: str = choice("additive", *DEPENDENCES)
    mu_plus: float = number(1.0, at_least=0)
    mu_minus: float = number(1.0, at_least=0)
    w_max: float = number(1.0, above=0)
    coincident: bool = flag(False)

    def at(self, place: Place) -> RuleEquations:
        needs_spikes(place, "PairSTDP")
        scales = zip(("x", "y"), DEPENDENCES[self.dependence], strict=True)
        up, down = ("*".join(part for part in parts if part) for parts in scales)
        read = [name for name in ("mu_plus", "mu_minus", "w_max") if name in up + down]
        names = ("a_plus", "a_minus", "tau_plus", "tau_minus", *read)
        return RuleEquations(
            parameters={name: getattr(self, name) for name in names},
            traces=pair_traces(self.pairing, self.coincident),
            updates=(Update("pre", dw=f"-a_minus*{down}"), Update("post", dw=f"a_plus*{up}")),
        )
