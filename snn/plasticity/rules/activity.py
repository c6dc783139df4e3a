"""The base of rules of activities at both ends: their traces, and replacements of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import Quantity

from snn.plasticity.equations import RuleEquations
from snn.plasticity.factor import NAME, Factor, as_factor, factor_problems, outside_of
from snn.plasticity.rule import Place, Rule, needs_spikes
from snn.plasticity.terms import NeuronVariable, Trace, Update

PRE = Trace.exponential("x", "pre", "tau_x", "jump_x", current=True)
POST = Trace.exponential("y", "post", "tau_y", "jump_y", current=True)
"""Traces that see this step's spikes before the synapses do."""
ACTIVITY = "activity"


class ActivityRule(Rule):
    """The base of these rules: x is a trace of presynaptic spikes, y one of postsynaptic spikes, or a factor."""

    lr: float
    post: Factor | str | None
    tau_pre: Quantity
    tau_post: Quantity
    gain_pre: float
    gain_post: float
    on: str

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        return found if self.post is None else found + factor_problems(self.post, "post", name)

    def learned(
        self,
        place: Place,
        dw: str,
        numbers: Mapping[str, Any],
        traces: tuple[Trace, ...] = (),
        means: tuple[NeuronVariable, ...] = (),
        factor: Factor | str | None = None,
    ) -> RuleEquations:
        """The rule of a change in every step.

        Parameters
        ----------
        place : Place
        dw : str
            An expression of x, of y in braces, of the weight, and of what follows.
        numbers, traces, means
            Parameters, traces and neuron variables besides those of x and y; `means` are computed before y.
        factor : Factor, str or None
            A factor m that the expression is multiplied by.
        """
        numbers = {"lr": self.lr, "tau_x": self.tau_pre, "jump_x": self.gain_pre, **numbers}
        factors = {}
        if self.post is None:
            needs_spikes(place, f"{type(self).__name__} without post=")
            numbers |= {"tau_y": self.tau_post, "jump_y": self.gain_post}
            traces = (POST, *traces)
        else:
            factors[ACTIVITY] = as_factor(self.post)
        if factor is not None:
            factors[NAME] = as_factor(factor)
        variables = (variable for name, given in factors.items() for variable in given.variables(name))
        text = dw.format(y="y" if self.post is None else f"{ACTIVITY}_post")
        found = RuleEquations(
            parameters=numbers,
            traces=(PRE, *traces),
            neuron_variables=(*means, *variables),
            updates=(Update("step", dw=text if factor is None else f"{NAME}_post*({text})"),),
            factors=outside_of(factors.values(), place),
        )
        return found.collected() if self.on == "sample" else found
