"""A user's texts on their way into a plan: whole numbers in them become real where backends would differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.arithmetic import (
    BIT,
    INDEX,
    INTEGER,
    REAL,
    TRUTH,
    Kind,
    Kinds,
    as_real_expression,
    as_real_statements,
)
from snn.equations import parsed
from snn.neurons import Neuron
from snn.plasticity.rule import RuleEquations

KINDS = {"float": REAL, "integer": INTEGER, "boolean": TRUTH}
CLOCKS = {name: INDEX for name in ("sample_step", "sample_steps", "sample_spikes")}
GIVEN: Kinds = {"i": INDEX, "N": INDEX, "spiked": BIT, "not_refractory": TRUTH}
"""Whole numbers that every neuron has."""
BESIDES: Kinds = {**CLOCKS, "spiked_before": BIT, "is_refractory": TRUTH}
"""Whole numbers that the neuron variables of a rule read too."""


def kinds_of(model: str) -> dict[str, Kind]:
    """The kinds of the names that texts about these neurons may read."""
    return {**GIVEN, **{name: KINDS[str(equation.var_type)] for name, equation in parsed(model).items()}}


def real_neuron(neuron: Neuron) -> Neuron:
    """The neuron with texts that give the same numbers on every backend."""
    kinds = kinds_of(neuron.model)
    condition = neuron.refractory
    return replace(
        neuron,
        model=real_model(neuron.model),
        threshold=None if neuron.threshold is None else as_real_expression(neuron.threshold, kinds),
        reset=as_real_statements(neuron.reset, kinds),
        learning=as_real_statements(neuron.learning, kinds),
        refractory=as_real_expression(condition, kinds) if isinstance(condition, str) else condition,
    )


@lru_cache(maxsize=512)
def real_model(model: str) -> str:
    """The equations likewise; the text itself if there is nothing to change."""
    kinds = kinds_of(model) if model else {}
    lines, changed = [], False
    for name, equation in parsed(model).items() if model else ():
        text = ""
        if equation.type != PARAMETER:
            given = str(equation.expr)
            text = as_real_expression(given, kinds, integer=equation.var_type == "integer")
            changed = changed or text != given
        lines.append(_equation(name, equation, text))
    return "\n".join(lines) if changed else model


def _equation(name: str, equation: Any, expression: str) -> str:
    left = f"d{name}/dt" if equation.type == DIFFERENTIAL_EQUATION else name
    unit = "1" if equation.dim is DIMENSIONLESS else repr(get_unit(equation.dim))
    unit = unit if equation.var_type == "float" else str(equation.var_type)
    flags = f" ({', '.join(equation.flags)})" if equation.flags else ""
    return f"{left} = {expression} : {unit}{flags}" if expression else f"{left} : {unit}{flags}"


def real_rule(equations: RuleEquations, pre: Kinds, post: Kinds, own: bool) -> RuleEquations:
    """A rule with texts that give the same numbers on every backend.

    Parameters
    ----------
    equations : RuleEquations
    pre, post : mapping of str to Kind
        Kinds of the names of the neurons at either end, as `kinds_of` has them.
    own : bool
        Whether the user has written the synaptic code; rules of this package count steps with care.
    """
    kinds = dict(_ends(pre, "pre")) | dict(_ends(post, "post"))
    kinds |= dict(CLOCKS) | dict(_ends(CLOCKS, "post")) if own else {"int": INTEGER}
    at_neuron = {**post, **BESIDES}
    variables = tuple(
        replace(v, expression=as_real_expression(v.expression, at_neuron)) for v in equations.neuron_variables
    )
    updates = tuple(
        replace(
            update,
            dw=as_real_expression(update.dw, kinds),
            before=as_real_statements(update.before, kinds),
            after=as_real_statements(update.after, kinds),
        )
        for update in equations.updates
    )
    steps = tuple(replace(step, code=as_real_statements(step.code, kinds)) for step in equations.steps)
    sums = tuple(replace(total, expression=as_real_expression(total.expression, kinds)) for total in equations.sums)
    return replace(equations, neuron_variables=variables, updates=updates, steps=steps, sums=sums)


def _ends(kinds: Kinds, end: str) -> Iterator[tuple[str, Kind]]:
    return ((f"{name}_{end}", kind) for name, kind in kinds.items())
