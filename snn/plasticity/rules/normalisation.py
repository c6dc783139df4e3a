"""A rule that keeps the sum of the weights onto a neuron."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from snn.errors import NetworkError
from snn.fields import number
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rule import Place, Rule
from snn.plasticity.rules.static import Static
from snn.plasticity.terms import WEIGHT_IN_RULES, Sum, Update
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class WeightNormalisation(Rule):
    r"""A rule whose weights onto each neuron are scaled to one sum at a sample's end (Diehl & Cook 2015, sec. 2.3).

    .. math:: \Delta w_{ij} = w_{ij} \left( \frac{\text{total}}{\sum_k |w_{kj}|} - 1 \right)

    proposed after all that the rule itself proposes; the sum is over one projection. Weights that are all zero stay so.

    Parameters
    ----------
    rule : Rule
        The rule that learns; by default none.
    total : float, > 0
        The sum of the weights' absolute values (Diehl & Cook: 78 for 784 inputs).

    Place in the time step: a sample's last step, after all other writes of part 5.

    Raises
    ------
    NetworkError
        Where `rule` cannot work, or is one that has errors fed back to it.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, PairSTDP, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> rule = WeightNormalisation(PairSTDP(a_plus=0.01), total=6.4)
    >>> net.connect("inputs", "out", Dense(Uniform(0, 0.2)), rule, w_min=0, w_max=1)
    >>> spec = net.freeze()
    """

    rule: Rule = field(default_factory=Static)
    total: float = number(78.0, above=0)

    def problems(self, name: str) -> list[str]:
        if not isinstance(self.rule, Rule):
            return [f"`rule` of {name} must be a rule such as PairSTDP(), but is {self.rule!r}."]
        return super().problems(name) + self.rule.problems(f"the rule within {name}")

    def at(self, place: Place) -> RuleEquations:
        plain = self.rule.at(place)
        if plain.feedback or plain.sums or any(update.of != WEIGHT_IN_RULES for update in plain.updates):
            raise NetworkError(
                f"WeightNormalisation scales what a local rule has learned, but is given a {type(self.rule).__name__}, "
                "which has feedback or sums of its own; use that rule alone."
            )
        scaled = Update("sample", dw="w*(total_weight/(w_sum_post + int(w_sum_post == 0)) - 1)", late=True)
        return replace(
            plain,
            parameters={**plain.parameters, "total_weight": self.total},
            sums=(Sum("w_sum", "abs(w)"),),
            updates=(*plain.updates, scaled),
        )
