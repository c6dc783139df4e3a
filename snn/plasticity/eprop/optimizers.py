"""Optimizers, as equations of the synapse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snn import fields
from snn.fields import number
from snn.plasticity.terms import NeuronVariable, SynapseVariable
from snn.serial import serialisable


class Optimizer(ABC):
    """Statements that turn ``gradient`` into a change, reading the parameter ``lr``.

    `due` is an expression that is 1 where weights are to change and 0 where they wait for the rest of a batch; an
    empty text stands for always.
    """

    @property
    def variables(self) -> tuple[SynapseVariable, ...]:
        """The variables of each synapse."""
        return ()

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its numbers."""
        return {}

    def neuron_variables(self, at: str, lr: float, due: str) -> tuple[NeuronVariable, ...]:
        """Return the variables of each postsynaptic neuron, computed at "step" or at "sample"."""
        return ()

    def statements(self, due: str) -> str:
        """Return the statements before the change is known."""
        return ""

    @abstractmethod
    def change(self) -> str:
        """The change as an expression."""

    @property
    @abstractmethod
    def formulas(self) -> tuple[tuple[str, str], ...]:
        """The mathematics: what stands left, and what right, of an equals sign."""

    def problems(self, name: str) -> list[str]:
        """Return all problems of the optimizer's numbers, one sentence each."""
        return fields.problems(self, name)


@serialisable
@dataclass(frozen=True)
class GradientDescent(Optimizer):
    r""":math:`\Delta w = -\eta\, g`."""

    def change(self) -> str:
        return "-lr*gradient"

    @property
    def formulas(self) -> tuple[tuple[str, str], ...]:
        return (("weight'", "weight - lr*gradient"),)


@serialisable
@dataclass(frozen=True)
class Adam(Optimizer):
    r"""Adam (Kingma & Ba 2015, algorithm 1 with the rearrangement of section 2), n the number of updates.

    .. math::
       m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad s \leftarrow \beta_2 s + (1-\beta_2) g^2, \qquad
       \Delta w = -\eta \frac{\sqrt{1-\beta_2^n}}{1-\beta_1^n} \frac{m}{\sqrt{s} + \epsilon}

    Parameters
    ----------
    beta_1, beta_2 : float, >= 0 and < 1
        Decay of the two moments per update.
    epsilon : float, > 0
        Keeps the quotient finite.
    """

    beta_1: float = number(0.9, at_least=0, at_most=1)
    beta_2: float = number(0.999, at_least=0, at_most=1)
    epsilon: float = number(1e-8, above=0)

    @property
    def variables(self) -> tuple[SynapseVariable, ...]:
        return (SynapseVariable("m", lasting=True), SynapseVariable("s", lasting=True))

    @property
    def parameters(self) -> Mapping[str, Any]:
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

    def neuron_variables(self, at: str, lr: float, due: str) -> tuple[NeuronVariable, ...]:
        # Before the first update is due n is 0, and the rate would be 0/0, which times 0 is no number.
        corrected = "lr*sqrt(1 - beta_2**clip(updates, 1, inf))/(1 - beta_1**clip(updates, 1, inf))"
        numbers = {"lr": lr, "beta_1": self.beta_1, "beta_2": self.beta_2}
        return (
            NeuronVariable("updates", f"updates + {due or '1'}", {}, ("updates", "due"), at, lasting=True),
            NeuronVariable("rate_corrected", corrected, numbers, ("updates",), at, lasting=True),
        )

    def statements(self, due: str) -> str:
        moments = {"m": ("beta_1", "gradient"), "s": ("beta_2", "gradient**2")}
        if due:
            lines = [f"{k} = {k} + {due}*(1 - {beta})*({new} - {k})" for k, (beta, new) in moments.items()]
        else:
            lines = [f"{k} = {beta}*{k} + (1 - {beta})*{new}" for k, (beta, new) in moments.items()]
        return "\n".join(lines)

    def change(self) -> str:
        return "-rate_corrected_post*m/(sqrt(s) + epsilon)"

    @property
    def formulas(self) -> tuple[tuple[str, str], ...]:
        return (
            ("m'", "beta_1*m + (1 - beta_1)*gradient"),
            ("s'", "beta_2*s + (1 - beta_2)*gradient**2"),
            ("weight'", "weight - lr*sqrt(1 - beta_2**n)/(1 - beta_1**n)*m/(sqrt(s) + epsilon)"),
        )

    def problems(self, name: str) -> list[str]:
        betas = {beta: getattr(self, beta) for beta in ("beta_1", "beta_2")}
        return super().problems(name) + [
            f"`{beta} < 1` must hold, but {name} has {beta} = 1." for beta, value in betas.items() if value == 1
        ]
