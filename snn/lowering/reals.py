"""Whole numbers in a user's texts, made real on their way into a plan where backends would differ."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.equations.arithmetic import BIT, INDEX, INTEGER, REAL, TRUTH, Kind, as_real_expression, as_real_statements
from snn.equations.parse import parsed
from snn.neurons import Neuron
from snn.plasticity.equations import RuleEquations

Known = frozenset[tuple[str, Kind]]
"""Kinds by name that can be a key: the texts of a trial are mostly those of the trial before."""
KINDS = {"float": REAL, "integer": INTEGER, "boolean": TRUTH}
CLOCKS = {name: INDEX for name in ("sample_step", "sample_steps", "sample_spikes")}
GIVEN: Known = frozenset({"i": INDEX, "N": INDEX, "spiked": BIT, "not_refractory": TRUTH}.items())
"""Whole numbers that every neuron has."""
BESIDES: Known = frozenset({**CLOCKS, "spiked_before": BIT, "is_refractory": TRUTH}.items())
"""Whole numbers that the neuron variables of a rule read too."""


@lru_cache(maxsize=512)
def kinds_of(model: str) -> Known:
    """The kinds of the names that texts about these neurons may read."""
    own = {name: KINDS[str(equation.var_type)] for name, equation in parsed(model).items()} if model else {}
    return frozenset({**dict(GIVEN), **own}.items())


@lru_cache(maxsize=4096)
def _expression(text: str, kinds: Known) -> str:
    return as_real_expression(text, dict(kinds))


@lru_cache(maxsize=4096)
def _statements(code: str, kinds: Known) -> str:
    return as_real_statements(code, dict(kinds))


def real_neuron(neuron: Neuron) -> Neuron:
    """The neuron with texts that give the same numbers on every backend."""
    kinds = kinds_of(neuron.model)
    condition = neuron.refractory
    return replace(
        neuron,
        model=real_model(neuron.model),
        threshold=None if neuron.threshold is None else _expression(neuron.threshold, kinds),
        reset=_statements(neuron.reset, kinds),
        learning=_statements(neuron.learning, kinds),
        refractory=_expression(condition, kinds) if isinstance(condition, str) else condition,
    )


@lru_cache(maxsize=512)
def real_model(model: str) -> str:
    """The equations likewise; the text itself if there is nothing to change."""
    kinds = dict(kinds_of(model))
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


def real_rule(equations: RuleEquations, pre: Known, post: Known, own: bool) -> RuleEquations:
    """A rule with texts that give the same numbers on every backend.

    Parameters
    ----------
    equations : RuleEquations
    pre, post : Known
        Kinds of the names of the neurons at either end, as `kinds_of` has them.
    own : bool
        Whether the user has written the synaptic code; rules of this package count steps with care.
    """
    kinds = _synaptic(pre, post, own)
    at_neuron = post | BESIDES
    return replace(
        equations,
        neuron_variables=tuple(
            replace(v, expression=_expression(v.expression, at_neuron)) for v in equations.neuron_variables
        ),
        steps=tuple(replace(step, code=_statements(step.code, kinds)) for step in equations.steps),
        updates=tuple(
            replace(
                update,
                dw=_expression(update.dw, kinds),
                before=_statements(update.before, kinds),
                after=_statements(update.after, kinds),
            )
            for update in equations.updates
        ),
        sums=tuple(replace(total, expression=_expression(total.expression, kinds)) for total in equations.sums),
    )


@lru_cache(maxsize=512)
def _synaptic(pre: Known, post: Known, own: bool) -> Known:
    """The kinds of the names that synaptic code may read."""
    clocks = {**CLOCKS, **{f"{name}_post": kind for name, kind in CLOCKS.items()}}
    ends = {f"{name}_{end}": kind for end, kinds in (("pre", pre), ("post", post)) for name, kind in kinds}
    return frozenset({**ends, **(clocks if own else {"int": INTEGER})}.items())
