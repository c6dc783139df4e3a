"""Checks that each part of a network is of the right kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snn.connectivity.patterns import Connection
from snn.fields import problems as field_problems
from snn.network.data import Drive
from snn.neurons import NeuronModel
from snn.plasticity.rule import Rule
from snn.signals import Signal

if TYPE_CHECKING:
    from snn.network.data import Population, Projection

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def kind_problems_of_population(population: Population) -> Iterator[str]:
    """Check the types of a population's parts."""
    name = f"population {population.name!r}"
    if isinstance(population.model, NeuronModel):
        yield from population.model.problems(str(population.name))
    else:
        yield f"The {name} needs a neuron model such as LIF(), but has {population.model!r}."
    yield from field_problems(population, f"the {name}")
    if not isinstance(population.signals, Mapping):
        yield f"`signals` of the {name} must map names to Signal(...), but is {population.signals!r}."
    else:
        yield from kind_problems_of_signals(population.signals, f"the {name}")
    if not isinstance(population.drives, tuple) or not all(isinstance(drive, Drive) for drive in population.drives):
        yield f"`drives` of the {name} must be a tuple of Drive, but is {population.drives!r}."
        return
    for drive in population.drives:
        yield from field_problems(drive, f"a drive of the {name}")
        yield from kind_problems_of_signals({"drive": drive.signal}, f"a drive of the {name}")


def kind_problems_of_projection(projection: Projection) -> Iterator[str]:
    """Check the types of a projection's parts."""
    name = f"projection {projection.name!r}"
    if isinstance(projection.connection, Connection):
        yield from projection.connection.number_problems(str(projection.name))
    else:
        yield f"The {name} needs a connection such as Dense(), but has {projection.connection!r}."
    if isinstance(projection.rule, Rule):
        yield from projection.rule.problems(f"the rule of {projection.name}")
    else:
        yield f"The {name} needs a rule such as Static(), but has {projection.rule!r}."
    for end in ("name", "source", "target", *(("target_variable",) if projection.target_variable is not None else ())):
        if not isinstance(getattr(projection, end), str):
            yield f"`{end}` of the {name} must be a text, but is {getattr(projection, end)!r}."
    yield from field_problems(projection, f"the {name}")


def kind_problems_of_signals(signals: Mapping[Any, Any], name: str) -> Iterator[str]:
    """Check the types of named signals."""
    for key, signal in signals.items():
        if not isinstance(key, str) or not NAME.fullmatch(key):
            yield f"A signal of {name} must have a plain word as its name, but has {key!r}."
        if not isinstance(signal, Signal):
            yield f"A signal of {name} must be a Signal('label') or so, but is {signal!r}."
        else:
            yield from signal.problems(f"a signal of {name}")
