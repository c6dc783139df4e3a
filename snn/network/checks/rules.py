"""Checks that the rules of a network can work where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from brian2.units.fundamentalunits import DIMENSIONLESS

from snn.equations.parse import parsed
from snn.errors import NetworkError, nearest
from snn.fields import si
from snn.network.rules import neuron_of, place
from snn.plasticity.equations import RuleEquations
from snn.readouts import LeakyReadout

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Projection

READOUT = {"y", "I", "tau", "target", "error", "loss", "score", "normaliser", "rank"}
"""What a readout's units have of their own."""


def rule_problems(spec: NetworkData, sound: bool) -> Iterator[str]:
    """Check rules; in an invalid network, only those whose context is valid."""
    taught: dict[str, list[Projection]] = {}
    for projection in spec.projections:
        if not sound and not _sound_place(spec, projection):
            continue
        try:
            equations = projection.rule.equations(place(spec, projection))
        except NetworkError as error:
            yield from (f"{projection.name}: {text}" for text in error.problems)
            continue
        if equations.feedback:
            taught.setdefault(projection.target, []).append(projection)
        if sound:
            yield from _factors(spec, projection, equations.factors)
            if spec.chip is not None and spec.chip.trace_bits is not None:
                yield from _traces(projection, equations)
    if sound:
        for population, projections in taught.items():
            yield from _feedback(spec, population, projections)


def _sound_place(spec: NetworkData, projection: Projection) -> bool:
    """Whether there is nothing wrong with the neurons behind a projection."""
    for population in spec.populations:
        if population.name == projection.target:
            neuron = neuron_of(spec, population.name)
            return neuron is not None and not neuron.text_problems(population.name, population.signals)
    return any(r.name == projection.target and isinstance(r.readout, LeakyReadout) for r in spec.readouts)


def _traces(projection: Projection, equations: RuleEquations) -> Iterator[str]:
    """Whether a chip of traces that are whole numbers of levels from 0 can keep a rule's."""
    for trace in equations.traces:
        jump = equations.parameters.get(trace.jump, 0.0)
        if si(jump) < 0:
            yield (
                f"The traces of a chip with trace_bits are at least 0, but a spike adds {si(jump):g} to {trace.name!r} "
                f"in the rule of {projection.name}; turn the sign of what reads it."
            )


def _feedback(spec: NetworkData, population: str, taught: list[Projection]) -> Iterator[str]:
    """Whether all rules that teach a population, and those of the readouts behind it, agree on the feedback."""
    behind = [p for p in spec.projections if p.source == population and place(spec, p).readout is not None]
    kinds = {kind for p in (*taught, *behind) if (kind := getattr(p.rule, "feedback", None)) is not None}
    if len(kinds) > 1:
        yield (
            f"All rules that teach {population!r} and the readouts behind it must use one kind of feedback, but "
            f"they use {' and '.join(sorted(kinds))}."
        )
        return
    weights = [getattr(p.rule, "feedback_weights", None) for p in taught]
    if kinds != {"symmetric"} and any(w != weights[0] for w in weights):
        yield f"All rules that teach {population!r} must have the same feedback_weights, but they have {weights}."
    for projection in behind:
        if kinds == {"adaptive"} and getattr(projection.rule, "feedback", None) is None:
            yield (
                f"Adaptive feedback changes with a readout's weights, but {projection.name} has the rule "
                f"{type(projection.rule).__name__}; give it EProp(feedback='adaptive')."
            )


def _factors(spec: NetworkData, projection: Projection, factors: tuple[str, ...]) -> Iterator[str]:
    answers = {} if spec.environment is None else parsed(spec.environment.model)
    signals = {name for p in spec.populations if p.name == projection.target for name in p.signals}
    neuron = neuron_of(spec, projection.target)
    taken = READOUT if neuron is None else {*parsed(neuron.model).names, *neuron.parameters}
    for factor in factors:
        if factor in answers and (factor in signals or factor in taken):
            yield f"`{factor}` must mean one thing in {projection.target!r}, but the environment has it too; rename it."
        elif factor in answers and (answers[factor].dim is not DIMENSIONLESS or answers[factor].var_type != "float"):
            yield f"The third factor {factor!r} must be a plain number, but the environment has {answers[factor]}."
        elif factor not in answers and factor not in signals:
            yield (
                f"The rule of {projection.name} needs the third factor {factor!r}, a variable of an Environment or "
                f"a signal of {projection.target!r}; {nearest(factor, {*answers, *signals})}."
            )
