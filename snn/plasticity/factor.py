"""The third factor of a rule: a signal that modulates learning, besides the spikes at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from brian2 import Quantity, second

from snn import fields
from snn.equations.parse import identifiers
from snn.fields import number, sort_mappings
from snn.plasticity.expressions import expression_problems, outside
from snn.plasticity.rule import Place
from snn.plasticity.terms import NeuronVariable
from snn.serial import serialisable

NAME = "m"
"""The name by which a rule's equations read its factor."""


@serialisable
@dataclass(frozen=True)
class Factor:
    r"""A third factor with a trace of its own: reward, error, teacher spikes, or an equation of yours.

    .. math:: m_t = e^{-dt/\tau} m_{t-1} + g\, \text{value}_t \qquad (\text{without } \tau: \; m_t = g\, \text{value}_t)

    Parameters
    ----------
    value : str
        A Brian2 expression, evaluated once a postsynaptic neuron in every step. It may read signals of the target
        population (one number an output: a teacher), variables of the `Environment` (broadcast: a reward), the
        neuron's variables and parameters, ``spiked`` (1 in the step of a spike), ``sample_spikes``, ``rand()``,
        ``randn()`` and `parameters`; onto a `LeakyReadout` its ``error`` and ``y``. Plain numbers in SI units.
    parameters : mapping of str to number or Quantity
        Constants of the expression: arguments of the compiled program.
    tau : Quantity or None, > 0 ms
        Time constant of the trace; ``None``: no trace.
    gain : float
        The factor g.

    Place in the time step: the beginning of part 5, after the environment's answer, while learning. What an
    environment with ``on="sample"`` tells holds until it tells it anew; a trace of it goes on adding it up.

    Examples
    --------
    >>> from brian2 import ms
    >>> dopamine = Factor("reward - expected", {"expected": 0.5}, tau=100 * ms)  # broadcast by an Environment
    >>> teacher = Factor.teacher_spikes(probability=0.5, tau=20 * ms)  # one an output, by a signal named "teacher"
    >>> teacher.value
    'int(rand() < probability*teacher)'
    """

    value: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tau: Quantity | None = number(None, second, above=0, optional=True)
    gain: float = number(1.0)

    def __post_init__(self) -> None:
        sort_mappings(self, "parameters")

    @staticmethod
    def teacher_spikes(
        probability: float = 0.5, tau: Quantity | None = None, gain: float = 1.0, signal: str = "teacher"
    ) -> Factor:
        """Random spikes of a teacher: in each step with this probability times the signal of that name, 0 or 1."""
        return Factor(f"int(rand() < probability*{signal})", {"probability": probability}, tau, gain)

    def problems(self, name: str) -> list[str]:
        """Return all problems of the factor, one sentence each."""
        found = fields.problems(self, name)
        found += expression_problems(
            "value", self.value, "parameters", self.parameters, name, "a factor", "reward - expected"
        )
        if not found:
            clashing = OWN & ({*self.parameters} | identifiers(self.value))
            found += [f"`{word}` means the factor itself in {name}; rename it." for word in sorted(clashing)]
        return found

    def variables(self, name: str = NAME) -> tuple[NeuronVariable, ...]:
        """The factor as a variable of the postsynaptic neuron, which a rule's code reads with suffix ``_post``."""
        value, numbers = f"{name}_gain*({self.value})", {**self.parameters, f"{name}_gain": self.gain}
        if self.tau is not None:
            value, numbers = f"exp(-dt/{name}_tau)*{name} + {value}", {**numbers, f"{name}_tau": self.tau}
        return (NeuronVariable(name, value, numbers, (name,), at="step"),)

    def outside(self, place: Place) -> tuple[str, ...]:
        """The signals and the environment's variables that it reads."""
        return outside(self.value, self.parameters, place, "a factor", "parameters")


FACTORS = (NAME, "activity", "activity_mean", "r0", "r1")
OWN = {f"{name}{end}" for name in FACTORS for end in ("", "_tau", "_gain")}


def as_factor(factor: Factor | str) -> Factor:
    """A factor, of which a text is the short form."""
    return factor if isinstance(factor, Factor) else Factor(factor)


def factor_problems(factor: Any, field: str, name: str) -> list[str]:
    """Return the problems of a rule's field that must hold a factor."""
    if not isinstance(factor, Factor | str):
        return [f"`{field}` of {name} must be a text such as 'reward' or a Factor('reward'), but is {factor!r}."]
    return as_factor(factor).problems(f"the {field} of {name}")


def outside_of(factors: Iterable[Factor | str], place: Place) -> tuple[str, ...]:
    """The signals and the environment's variables that some factors read."""
    return tuple(sorted({name for factor in factors for name in as_factor(factor).outside(place)}))
