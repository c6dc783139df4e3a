"""All checks of a network, before any code is generated."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from snn.chip import Chip
from snn.encoders import Encoder
from snn.fields import problems as field_problems
from snn.network.checks.chip import chip_problems
from snn.network.checks.environment import problems_of_activities, problems_of_environment
from snn.network.checks.kinds import NAME, kind_problems_of_population, kind_problems_of_projection
from snn.network.checks.names import clashing_names
from snn.network.checks.populations import problems_of_population, problems_of_readout
from snn.network.checks.projections import problems_of_inhibitions, problems_of_projection
from snn.network.checks.rules import rule_problems
from snn.network.data import Inhibition, NamedReadout, Population, Projection
from snn.readouts import LeakyReadout, Readout, SpikeReadout
from snn.signals import Environment

if TYPE_CHECKING:
    from snn.network.data import NetworkData

TAKEN = re.compile(r"t|environment|ranks|decision|(softmax|phase)_.*|.*_to_.*")  # blocks of a plan; size_t


def problems(spec: NetworkData) -> list[str]:
    """Every problem of a network, one sentence each; an empty list if there is none."""
    return [" ".join(text.split()) for text in _problems(spec)]


def _problems(spec: NetworkData) -> list[str]:
    found = list(_basics(spec))
    if found:  # what follows would stumble over these
        return found
    found += [*_names(spec), *clashing_names(spec), *_rhythms(spec)]
    found += [text for population in spec.populations for text in problems_of_population(spec, population)]
    found += [text for readout in spec.readouts for text in problems_of_readout(spec, readout.name, readout.readout)]
    found += [text for projection in spec.projections for text in problems_of_projection(spec, projection)]
    found += problems_of_inhibitions(spec)
    found += problems_of_activities(spec)
    if spec.chip is not None:
        found += chip_problems(spec, spec.chip)
    return [*found, *rule_problems(spec, sound=not found)]


def _basics(spec: NetworkData) -> Iterator[str]:
    """Check that everything is of the right kind."""
    yield from field_problems(spec, "the network")
    if not isinstance(spec.inputs, Encoder):
        yield f"`inputs` must be an encoder such as Poisson(64, rate=100*Hz), but is {spec.inputs!r}."
    elif not field_problems(spec, "the network"):
        yield from spec.inputs.problems(spec.dt)
    kinds = {"populations": Population, "readouts": NamedReadout, "projections": Projection, "inhibitions": Inhibition}
    for field, kind in kinds.items():
        items = getattr(spec, field)
        if not isinstance(items, tuple) or not all(isinstance(item, kind) for item in items):
            yield f"`{field}` must be a tuple of {kind.__name__}, but is {items!r}."
            return
    for population in spec.populations:
        yield from kind_problems_of_population(population)
    for named in spec.readouts:
        if isinstance(named.readout, Readout):
            yield from named.readout.problems(f"readout {named.name!r}")
        else:
            yield f"Readout {named.name!r} must be a readout such as LeakyReadout(10), but is {named.readout!r}."
        if isinstance(named.readout, SpikeReadout):
            for end in ("population", "variable"):
                if not isinstance(getattr(named.readout, end), str):
                    yield f"`{end}` of readout {named.name!r} must be a text, but is {getattr(named.readout, end)!r}."
    for projection in spec.projections:
        yield from kind_problems_of_projection(projection)
    for inhibition in spec.inhibitions:
        yield from field_problems(inhibition, f"the inhibition of {inhibition.population}")
        if not isinstance(inhibition.population, str):
            yield f"`inhibit` takes the name of a population, but was given {inhibition.population!r}."
    if isinstance(spec.environment, Environment):
        yield from problems_of_environment(spec, spec.environment)
    elif spec.environment is not None:
        yield f"`environment` must be an Environment('reward = ... : 1'), but is {spec.environment!r}."
    if isinstance(spec.chip, Chip):
        yield from spec.chip.problems()
    elif spec.chip is not None:
        yield f"`chip` must be a Chip(weight_bits=8) or so, but is {spec.chip!r}."
    for name in ["inputs", *(p.name for p in spec.populations), *(r.name for r in spec.readouts)]:
        if not isinstance(name, str) or not NAME.fullmatch(name) or keyword.iskeyword(name):
            yield f"A name must be a plain word such as 'hidden', but one is {name!r}."


def _names(spec: NetworkData) -> Iterator[str]:
    names = ["inputs", *(p.name for p in spec.populations), *(r.name for r in spec.readouts)]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"Names must be different, but {name!r} is used {count} times."
        if TAKEN.fullmatch(name):
            yield f"`{name}` is a reserved name; give that population or readout another name."
    for name, count in Counter(p.name for p in spec.projections).items():
        if count > 1:
            yield f"Projections must have different names, but {name!r} is used {count} times; give them name=."


def _rhythms(spec: NetworkData) -> Iterator[str]:
    """A stream's array has one row a sample or one row a step; whoever reads it must say the same."""
    read = {("values", spec.inputs.encoding().per)}
    for named in spec.readouts:
        if isinstance(named.readout, LeakyReadout):
            read.add(("label", "sample") if named.readout.target == "label" else ("target", "step"))
    for population in spec.populations:
        signals = [*population.signals.values(), *(drive.signal for drive in population.drives)]
        read |= {(signal.source, signal.per) for signal in signals}
    if spec.environment is not None:
        read |= {(signal.source, signal.per) for signal in spec.environment.signals.values()}
    for source, count in sorted(Counter(source for source, _ in read).items()):
        if count > 1:
            yield (
                f"The signal {source!r} must be read per sample or per step, but one part of the network reads it "
                "per sample and another per step; change per=."
            )
