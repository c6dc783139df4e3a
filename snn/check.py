"""Everything that can be wrong with a network, found at once and before any code is generated."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from brian2 import have_same_dimensions, second

from snn.connect import Connection
from snn.encode import Encoder
from snn.errors import NetworkError, nearest
from snn.fields import problems as field_problems
from snn.fields import si
from snn.neurons import Neuron, NeuronModel
from snn.plasticity.rule import Place, Rule
from snn.readouts import LeakyReadout, Readout, SpikeReadout

if TYPE_CHECKING:
    from snn.network import NetworkSpec, Population, Projection

MAX_DELAY_STEPS = 50


def problems(spec: NetworkSpec) -> list[str]:
    """Every problem of a network, one sentence each; an empty list if there is none."""
    found = list(_basics(spec))
    if found:  # what follows would stumble over these
        return found
    found += list(_names(spec))
    found += [text for population in spec.populations for text in _population(spec, population)]
    found += [text for readout in spec.readouts for text in _readout(spec, readout.name, readout.readout)]
    found += [text for projection in spec.projections for text in _projection(spec, projection)]
    if not found:
        found += list(_rules(spec))
    return found


def _basics(spec: NetworkSpec) -> Iterator[str]:
    if not have_same_dimensions(spec.dt, second) or not si(spec.dt) > 0:
        yield f"`dt > 0 ms` must hold, but the network has dt = {spec.dt!r}."
        return
    if not isinstance(spec.inputs, Encoder):
        yield f"`inputs` must be an encoder such as Poisson(64, rate=100*Hz), but is {spec.inputs!r}."
    else:
        yield from spec.inputs.problems(spec.dt)
    for population in spec.populations:
        if not isinstance(population.model, NeuronModel):
            yield f"Population {population.name!r} needs a neuron model such as LIF(), but has {population.model!r}."
        if isinstance(population.n, bool) or not _whole(population.n) or population.n < 1:
            yield f"`n >= 1` must hold and be whole, but population {population.name!r} has n = {population.n!r}."
    for named in spec.readouts:
        if not isinstance(named.readout, Readout):
            yield f"Readout {named.name!r} must be a readout such as LeakyReadout(10), but is {named.readout!r}."
    for projection in spec.projections:
        if not isinstance(projection.connection, Connection):
            yield f"{projection.name} needs a connection such as Dense(), but has {projection.connection!r}."
        if not isinstance(projection.rule, Rule):
            yield f"{projection.name} needs a rule such as Static(), but has {projection.rule!r}."


def _whole(value: Any) -> bool:
    try:
        return float(value) == int(value)
    except (TypeError, ValueError):
        return False


def _names(spec: NetworkSpec) -> Iterator[str]:
    names = ["inputs", *(p.name for p in spec.populations), *(r.name for r in spec.readouts)]
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            yield f"A name must be a plain word such as 'hidden', but one is {name!r}."
    for name, count in Counter(names).items():
        if count > 1:
            yield f"Names must be different, but {name!r} is used {count} times."
    for name, count in Counter(p.name for p in spec.projections).items():
        if count > 1:
            yield f"Projections must have different names, but {name!r} is used {count} times; give them name=."


def _population(spec: NetworkSpec, population: Population) -> Iterator[str]:
    found = population.model.problems(population.name)
    yield from found
    if found:
        return
    yield from population.model.neuron(spec.dt).problems(population.name)
    for signal in [*population.signals.values(), *(drive.signal for drive in population.drives)]:
        yield from field_problems(signal, f"a signal of {population.name}")


def _readout(spec: NetworkSpec, name: str, readout: Readout) -> Iterator[str]:
    yield from readout.problems(name)
    if isinstance(readout, LeakyReadout):
        if not any(p.target == name for p in spec.projections):
            yield f"Nothing is connected to the readout {name!r}; connect a population to it."
    elif isinstance(readout, SpikeReadout):
        populations = {p.name: p for p in spec.populations}
        if readout.population not in populations:
            yield f"{name!r} reads the population {readout.population!r}; {nearest(readout.population, populations)}."
        elif (neuron := _neuron(spec, readout.population)) is not None and f"{readout.variable}" not in neuron.model:
            yield f"SpikeReadout breaks ties by {readout.variable!r}, which {readout.population!r} does not have."


def _neuron(spec: NetworkSpec, name: str) -> Neuron | None:
    for population in spec.populations:
        if population.name == name and not population.model.problems(name):
            return population.model.neuron(spec.dt)
    return None


def _projection(spec: NetworkSpec, projection: Projection) -> Iterator[str]:
    sizes = spec.sizes()
    readouts = {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    sources = set(sizes) - readouts
    targets = set(sizes) - {"inputs"}
    if projection.source not in sources:
        yield f"{projection.name} starts at {projection.source!r}; {nearest(projection.source, sources)}."
    if projection.target not in targets:
        yield f"{projection.name} ends at {projection.target!r}; {nearest(projection.target, targets)}."
    if projection.source not in sources or projection.target not in targets:
        return
    if projection.source == "inputs" and projection.target in readouts:
        yield f"{projection.name}: a readout listens to populations; put a population between."
    source = _neuron(spec, projection.source)
    if source is not None and source.threshold is None:
        yield f"{projection.name} transmits spikes, but {projection.source!r} has threshold=None and never spikes."
    yield from projection.connection.problems(projection.name, sizes[projection.source], sizes[projection.target])
    yield from projection.rule.problems(f"the rule of {projection.name}")
    if projection.delay is not None:
        if not have_same_dimensions(projection.delay, second):
            yield f"`delay` of {projection.name} must be a time such as 2*ms, but is {projection.delay!r}."
        elif not 0 <= round(si(projection.delay) / si(spec.dt)) <= MAX_DELAY_STEPS:
            yield (
                f"`0 <= delay <= {MAX_DELAY_STEPS} dt` must hold, but {projection.name} has "
                f"delay = {projection.delay!r} with dt = {spec.dt!r}."
            )
    low, high = projection.w_min, projection.w_max
    if low is not None and high is not None and low > high:
        yield f"`w_min <= w_max` must hold, but {projection.name} has w_min = {low}, w_max = {high}."


def _rules(spec: NetworkSpec) -> Iterator[str]:
    feedbacks: dict[str, set[tuple[str, Any]]] = {}
    for projection in spec.projections:
        try:
            equations = projection.rule.equations(place(spec, projection))
        except NetworkError as error:
            yield from (f"{projection.name}: {text}" for text in error.problems)
            continue
        if equations.feedback:
            kind = (equations.feedback, getattr(projection.rule, "feedback_weights", None))
            feedbacks.setdefault(projection.target, set()).add(kind[:1])  # type: ignore[arg-type]
        known = set() if spec.environment is None else _environment_names(spec)
        known |= {name for p in spec.populations if p.name == projection.target for name in p.signals}
        for factor in equations.factors:
            if factor not in known:
                yield (
                    f"The rule of {projection.name} needs the third factor {factor!r}, a variable of an Environment or "
                    f"a signal of {projection.target!r}; {nearest(factor, known)}."
                )
    for population, kinds in feedbacks.items():
        if len(kinds) > 1:
            yield f"All rules that teach {population!r} must use one kind of feedback, but they use {sorted(kinds)}."


def _environment_names(spec: NetworkSpec) -> set[str]:
    from brian2 import Equations

    assert spec.environment is not None
    return set(Equations(spec.environment.model).names)


def place(spec: NetworkSpec, projection: Projection) -> Place:
    """Where a projection's rule works: the neurons behind it, or the readout, and the readouts that listen to them."""
    readouts = {named.name: named.readout for named in spec.readouts}
    if projection.target in readouts:
        return Place(None, readouts[projection.target], ())
    listening = [readouts[p.target] for p in spec.projections if p.source == projection.target and p.target in readouts]
    return Place(_neuron(spec, projection.target), None, tuple(listening))
