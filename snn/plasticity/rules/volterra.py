"""Any polynomial of low order in the activities at both ends and the weight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from brian2 import Quantity, ms, second

from snn.errors import nearest
from snn.fields import choice, mapping_problems, number, sort_mappings
from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Place
from snn.plasticity.rules.activity import ActivityRule
from snn.serial import serialisable

POWERS = tuple(f"{a}{b}{c}" for a, b, c in product(range(3), repeat=3))


@serialisable
@dataclass(frozen=True)
class VolterraRule(ActivityRule):
    r"""A rule of 27 coefficients (Confavreux et al. 2020; Mehta et al. 2024, eq. 4).

    .. math:: \Delta w = \eta \sum_{a,b,c = 0}^{2} A_{abc}\, x^a y^b w^c \quad \text{in every step}

    with x and y as in `Covariance`. All 27 are arguments of one compiled program. Oja's rule is
    ``{"110": 1, "021": -1}``; "X1R1W0" of Mehta et al. is ``{"110": 1}`` with ``post="reward"``.

    Parameters
    ----------
    coefficients : mapping of str to float
        :math:`A_{abc}` by the digits abc; those that are not named are 0.
    lr : float, >= 0
        Learning rate :math:`\eta` (Mehta et al.: one over the fan-in).
    post, tau_pre, tau_post, gain_pre, gain_post, on
        As of `Covariance`; with a reward as `post` y is that of Mehta et al.'s behavioural rules.

    Place in the time step: part 5; traces include this step's spikes.

    Examples
    --------
    >>> from brian2 import Hz, ms
    >>> from snn import LIF, Dense, Network, Poisson, SpikeReadout, Uniform
    >>> net = Network(inputs=Poisson(64, rate=20 * Hz), dt=1 * ms)
    >>> net.population("out", LIF(), n=2)
    >>> net.readout(SpikeReadout("out"))
    >>> net.connect("inputs", "out", Dense(Uniform(0, 1)), VolterraRule({"110": 1.0, "021": -1.0}), w_min=0)
    >>> spec = net.freeze()
    """

    coefficients: Mapping[str, float] = field(default_factory=dict)
    lr: float = number(1e-3, at_least=0)
    post: Factor | str | None = None
    tau_pre: Quantity = number(20 * ms, second, above=0)
    tau_post: Quantity = number(20 * ms, second, above=0)
    gain_pre: float = number(1.0)
    gain_post: float = number(1.0)
    on: str = choice("step", "step", "sample")

    def __post_init__(self) -> None:
        sort_mappings(self, "coefficients")

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        if not isinstance(self.coefficients, Mapping):
            return [*found, *mapping_problems("coefficients", self.coefficients, name)]
        for key in self.coefficients:
            if key not in POWERS:
                found.append(f"`coefficients` of {name} names {key!r}; {nearest(key, POWERS)}.")
        named = {f"A_{key}": value for key, value in self.coefficients.items()}
        return [*found, *mapping_problems("coefficients", named, name)]

    def at(self, place: Place) -> RuleEquations:
        numbers = {f"a_{abc}": float(self.coefficients.get(abc, 0.0)) for abc in POWERS}
        of_w = [horner("{y}", [horner("x", [f"a_{a}{b}{c}" for a in range(3)]) for b in range(3)]) for c in range(3)]
        return self.learned(place, f"lr*({horner('w', of_w)})", numbers)


def horner(variable: str, coefficients: Iterable[str]) -> str:
    """A polynomial with these coefficients, lowest order first."""
    first, *rest = coefficients
    return f"{first} + {variable}*({horner(variable, rest)})" if rest else first
