"""Names of a user's variables that clash with names of a compiled program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from snn.equations.parse import parsed
from snn.network.rules import neuron_of
from snn.plasticity.rules.local import LocalRule

if TYPE_CHECKING:
    from snn.network.data import NetworkData

OWN_BLOCKS = ("inputs", "environment", "ranks", "decision")
OWN_SOURCES = ("values", "label", "target")


def clashing_names(spec: NetworkData) -> Iterator[str]:
    """Return a sentence for each variable that has the name of something else in the program."""
    taken = _program_names(spec)
    for where, names in _variables(spec):
        for name in sorted(taken & set(names)):
            yield f"`{name}` of {where} is a reserved name; rename it, for instance to `{name}_`."


def _program_names(spec: NetworkData) -> set[str]:
    blocks = (*OWN_BLOCKS, *(p.name for p in spec.populations), *(r.name for r in spec.readouts))
    signals = [signal for p in spec.populations for signal in (*p.signals.values(), *(d.signal for d in p.drives))]
    if spec.environment is not None:
        signals += spec.environment.signals.values()
    sources = (*OWN_SOURCES, *(signal.source for signal in signals))
    return {f"{word}_{block}" for word in ("size", "connectivity") for block in blocks} | {
        f"{word}_{source}" for word in ("row", "width") for source in sources
    }


def _variables(spec: NetworkData) -> Iterator[tuple[str, Iterable[str]]]:
    for population in spec.populations:
        neuron = neuron_of(spec, population.name)
        if neuron is not None:
            yield population.name, (*parsed(neuron.model).names, *neuron.parameters, *population.signals)
    if (environment := spec.environment) is not None:
        yield "the environment", (*parsed(environment.model).names, *environment.parameters, *environment.signals)
    for projection in spec.projections:
        if isinstance(rule := projection.rule, LocalRule):
            yield f"the rule of {projection.name}", (*rule.traces, *rule.parameters, *rule.variables)
