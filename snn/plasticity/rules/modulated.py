"""Rules whose modulator, such as dopamine, decides the change of a synapse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from snn.errors import NetworkError
from snn.fields import choice
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor, as_factor, factor_problems, outside_of
from snn.plasticity.rule import Place, Rule
from snn.plasticity.rules.stdp import PairSTDP
from snn.serial import serialisable


class Modulated(Rule):
    """The base of rules with a factor m: its checks and its place in the equations."""

    factor: Factor | str

    def problems(self, name: str) -> list[str]:
        return super().problems(name) + factor_problems(self.factor, "factor", name)

    def learned(self, plain: RuleEquations, place: Place, collected: bool = False) -> RuleEquations:
        """The rule with its factor, which code reads as ``m_post``; its proposals `collected` or not."""
        found = replace(
            plain,
            neuron_variables=(*plain.neuron_variables, *as_factor(self.factor).variables()),
            factors=tuple(sorted({*plain.factors, *outside_of([self.factor], place)})),
        )
        return found.collected() if collected else found


@serialisable
@dataclass(frozen=True)
class ModulatedSTDP(Modulated):
    r"""A rule of spike timing times a modulator: what would be proposed is proposed m-fold.

    .. math:: \Delta w = m\, \Delta w_{stdp}

    The gated STDP of three-factor rules without an eligibility trace (Fremaux & Gerstner 2016, eq. 1); `RewardSTDP` is
    the one with it. spikelearn's "ModSTDP" has ``stdp=PairSTDP(coincident=True)``.

    Parameters
    ----------
    stdp : Rule
        `PairSTDP`, `TripletSTDP`, `CoactivitySTDP` or another rule that proposes on spikes or in steps.
    factor : Factor or str
        The modulator m.
    on : {"spike", "sample"}
        Whether changes are proposed with their spikes, or their sum at the sample's end.

    Place in the time step: that of `stdp`, part 5.

    Raises
    ------
    NetworkError
        Where `stdp` cannot work, or is one that proposes nothing, at a sample's end, or by errors fed back.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Environment, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=100 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.environment(Environment("reward = 2*int(action == label) - 1 : 1", on="step"))
    >>> rule = ModulatedSTDP(PairSTDP(a_plus=0.02), factor=Factor("reward", tau=50 * ms, gain=0.02))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 0.5)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    stdp: Rule = PairSTDP()
    factor: Factor | str = "reward"
    on: str = choice("spike", "spike", "sample")

    def problems(self, name: str) -> list[str]:
        return super().problems(name) + inner_problems(self.stdp, "stdp", name)

    def at(self, place: Place) -> RuleEquations:
        plain = self.stdp.at(place)
        if plain.feedback or not plain.updates or any(update.on == "sample" for update in plain.updates):
            raise NetworkError(
                f"ModulatedSTDP multiplies what a rule proposes on spikes or in steps, but is given a "
                f"{type(self.stdp).__name__} that proposes nothing, or at a sample's end, or by errors fed back; "
                "give it another rule, such as PairSTDP(), and on='sample' to ModulatedSTDP itself."
            )
        updates = tuple(replace(update, dw=f"m_post*({update.dw})") for update in plain.updates)
        return self.learned(replace(plain, updates=updates), place, self.on == "sample")


def inner_problems(rule: Any, field: str, name: str) -> list[str]:
    """Return the problems of a rule that another one changes."""
    if not isinstance(rule, Rule):
        return [f"`{field}` of {name} must be a rule such as PairSTDP(), but is {rule!r}."]
    if isinstance(rule, Modulated) or getattr(rule, "factor", None) is not None:
        return [f"`{field}` of {name} must be a rule without a factor, but is {type(rule).__name__}."]
    return rule.problems(f"the {field} of {name}")
