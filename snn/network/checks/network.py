"""Everything that can be wrong with a network, found at once and before any code is generated."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snn.chip import Chip
from snn.chip.check import chip_problems
from snn.clashes import clashing_names
from snn.connect import Connection, Constant, Given
from snn.encode import Encoder
from snn.equations import environment_problems, identifiers, parsed, parsing_problem, units_of, unusable
from snn.errors import nearest
from snn.fields import mapping_problems, si
from snn.fields import problems as field_problems
from snn.neurons import ALIF, LIF, NeuronModel, SynapticLIF
from snn.plasticity.check import neuron_of, rule_problems
from snn.plasticity.rule import Rule
from snn.readouts import LeakyReadout, Readout, SpikeReadout
from snn.signals import ACTIVITY, Environment, Signal
from snn.times import TOLERANCE, delay_steps, in_steps, refractory_steps, whole_steps, wrong_duration

if TYPE_CHECKING:
    from snn.network import NetworkSpec, Population, Projection

MAX_DELAY_STEPS = 50
SHORTEST, LONGEST = 1 / 50, 1e5
"""Time constants of `LIF` and its kin in steps: beyond, exp(dt/tau) or 1 - exp(-dt/tau) is no number of 32 bits."""
MAX_STEPS = 2**31 - 1
ANSWERS = ("label", "target")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TAKEN = re.compile(r"t|environment|ranks|decision|(softmax|phase)_.*|.*_to_.*")  # blocks of a plan; size_t


def problems(spec: NetworkSpec) -> list[str]:
    """Every problem of a network, one sentence each; an empty list if there is none."""
    return [" ".join(text.split()) for text in _problems(spec)]


def _problems(spec: NetworkSpec) -> list[str]:
    found = list(_basics(spec))
    if found:  # what follows would stumble over these
        return found
    found += [*_names(spec), *clashing_names(spec), *_rhythms(spec)]
    found += [text for population in spec.populations for text in _population(spec, population)]
    found += [text for readout in spec.readouts for text in _readout(spec, readout.name, readout.readout)]
    found += [text for projection in spec.projections for text in _projection(spec, projection)]
    found += _inhibitions(spec)
    found += _activities(spec)
    if spec.chip is not None:
        found += chip_problems(spec, spec.chip)
    return [*found, *rule_problems(spec, sound=not found)]


def _basics(spec: NetworkSpec) -> Iterator[str]:
    """What is not even of the right kind."""
    from snn.network import Inhibition, NamedReadout, Population, Projection

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
        yield from _kinds_of_population(population)
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
        yield from _kinds_of_projection(projection)
    for inhibition in spec.inhibitions:
        yield from field_problems(inhibition, f"the inhibition of {inhibition.population}")
        if not isinstance(inhibition.population, str):
            yield f"`inhibit` takes the name of a population, but was given {inhibition.population!r}."
    if isinstance(spec.environment, Environment):
        yield from _environment(spec, spec.environment)
    elif spec.environment is not None:
        yield f"`environment` must be an Environment('reward = ... : 1'), but is {spec.environment!r}."
    if isinstance(spec.chip, Chip):
        yield from spec.chip.problems()
    elif spec.chip is not None:
        yield f"`chip` must be a Chip(weight_bits=8) or so, but is {spec.chip!r}."
    for name in ["inputs", *(p.name for p in spec.populations), *(r.name for r in spec.readouts)]:
        if not isinstance(name, str) or not NAME.fullmatch(name) or keyword.iskeyword(name):
            yield f"A name must be a plain word such as 'hidden', but one is {name!r}."


def _kinds_of_population(population: Population) -> Iterator[str]:
    from snn.network import Drive

    name = f"population {population.name!r}"
    if isinstance(population.model, NeuronModel):
        yield from population.model.problems(str(population.name))
    else:
        yield f"The {name} needs a neuron model such as LIF(), but has {population.model!r}."
    yield from field_problems(population, f"the {name}")
    if not isinstance(population.signals, Mapping):
        yield f"`signals` of the {name} must map names to Signal(...), but is {population.signals!r}."
    else:
        yield from _signals(population.signals, f"the {name}")
    if not isinstance(population.drives, tuple) or not all(isinstance(drive, Drive) for drive in population.drives):
        yield f"`drives` of the {name} must be a tuple of Drive, but is {population.drives!r}."
        return
    for drive in population.drives:
        yield from field_problems(drive, f"a drive of the {name}")
        yield from _signals({"drive": drive.signal}, f"a drive of the {name}")


def _kinds_of_projection(projection: Projection) -> Iterator[str]:
    name = f"projection {projection.name!r}"
    if isinstance(projection.connection, Connection):
        yield from projection.connection.number_problems(str(projection.name))
    else:
        yield f"The {name} needs a connection such as Dense(), but has {projection.connection!r}."
    if isinstance(projection.rule, Rule):
        yield from projection.rule.problems(f"the rule of {projection.name}")
    else:
        yield f"The {name} needs a rule such as Static(), but has {projection.rule!r}."
    for end in ("name", "source", "target", *(("onto",) if projection.onto is not None else ())):
        if not isinstance(getattr(projection, end), str):
            yield f"`{end}` of the {name} must be a text, but is {getattr(projection, end)!r}."
    yield from field_problems(projection, f"the {name}")


def _signals(signals: Mapping[Any, Any], name: str) -> Iterator[str]:
    for key, signal in signals.items():
        if not isinstance(key, str) or not NAME.fullmatch(key):
            yield f"A signal of {name} must have a plain word as its name, but has {key!r}."
        if not isinstance(signal, Signal):
            yield f"A signal of {name} must be a Signal('label') or so, but is {signal!r}."
        else:
            yield from signal.problems(f"a signal of {name}")


def _names(spec: NetworkSpec) -> Iterator[str]:
    names = ["inputs", *(p.name for p in spec.populations), *(r.name for r in spec.readouts)]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"Names must be different, but {name!r} is used {count} times."
        if TAKEN.fullmatch(name):
            yield f"`{name}` means something else to a simulation; give that population or readout another name."
    for name, count in Counter(p.name for p in spec.projections).items():
        if count > 1:
            yield f"Projections must have different names, but {name!r} is used {count} times; give them name=."


def _rhythms(spec: NetworkSpec) -> Iterator[str]:
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


def _population(spec: NetworkSpec, population: Population) -> Iterator[str]:
    if found := list(_time_constants(spec, population)):
        yield from found
        return
    neuron = population.model.neuron(spec.dt)
    if found := neuron.problems(population.name):
        yield from found
        return
    yield from neuron.text_problems(population.name, population.signals)
    refractory = 0 * spec.dt if neuron.refractory is None or isinstance(neuron.refractory, str) else neuron.refractory
    if refractory_steps(refractory, spec.dt) > MAX_STEPS:
        yield f"`refractory <= {MAX_STEPS} dt` must hold, but {population.name} has {neuron.refractory!r}."
    for signal in [*population.signals.values(), *(drive.signal for drive in population.drives)]:
        if signal.source in ANSWERS and not signal.teacher:
            yield (
                f"A signal that tells the answer must be a teacher, which is silent where the network is scored, but "
                f"{population.name} has {signal!r}; add teacher=True."
            )
    for name in population.signals:
        if unusable(name) or name in {*parsed(neuron.model).names, *neuron.parameters}:
            yield f"The signal {name!r} of {population.name} has a name that means something else there; rename it."


def _time_constants(spec: NetworkSpec, population: Population) -> Iterator[str]:
    if not isinstance(population.model, (LIF, ALIF, SynapticLIF)):
        return
    for name in ("tau_m", "tau_a", "tau_syn"):
        tau = getattr(population.model, name, None)
        if tau is not None and not SHORTEST <= si(tau) / si(spec.dt) <= LONGEST:
            yield (
                f"`{SHORTEST:g} dt <= {name} <= {LONGEST:g} dt` must hold, but {population.name} has "
                f"{name} = {tau!r} with dt = {spec.dt!r}."
            )


def _readout(spec: NetworkSpec, name: str, readout: Readout) -> Iterator[str]:
    if isinstance(readout, LeakyReadout):
        if not any(p.target == name for p in spec.projections):
            yield f"Nothing is connected to the readout {name!r}; connect a population to it."
        window = readout.learning_window
        if window is not None and in_steps(window, spec.dt) < 1 - TOLERANCE:
            yield f"`learning_window >= dt` must hold, but {name!r} has {window!r} with dt = {spec.dt!r}."
        elif window is not None and whole_steps(window, spec.dt) is None:
            yield wrong_duration(f"`learning_window` of {name!r}", window, spec.dt)
    elif isinstance(readout, SpikeReadout):
        populations = {p.name: p for p in spec.populations}
        if readout.population not in populations:
            yield f"{name!r} reads the population {readout.population!r}; {nearest(readout.population, populations)}."
        elif (neuron := neuron_of(spec, readout.population)) is not None:
            variables = parsed(neuron.model).names
            if readout.variable not in variables:
                yield (
                    f"{name!r} breaks ties by {readout.variable!r}, which {readout.population!r} does not have; "
                    f"{nearest(readout.variable, variables)}."
                )
            if neuron.threshold is None:
                yield f"{name!r} reads spikes, but {readout.population!r} has threshold=None and never spikes."


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
    yield from _onto(spec, projection, projection.target in readouts)
    source = neuron_of(spec, projection.source)
    if source is not None and source.threshold is None:
        yield f"{projection.name} transmits spikes, but {projection.source!r} has threshold=None and never spikes."
    same = projection.source == projection.target
    pre, post = sizes[projection.source], sizes[projection.target]
    connection = projection.connection
    if spec.chip is not None and spec.chip.fan_in is not None and isinstance(connection.weights, Given):
        connection = connection.with_weights(Constant())  # one per synapse that there is room for, which drawing tells
    yield from connection.problems(projection.name, pre, post, same)
    if projection.delay is not None and delay_steps(projection.delay, spec.dt) > MAX_DELAY_STEPS:
        yield (
            f"`0 <= delay <= {MAX_DELAY_STEPS} dt` must hold, but {projection.name} has "
            f"delay = {projection.delay!r} with dt = {spec.dt!r}."
        )
    low, high = projection.w_min, projection.w_max
    if low is not None and high is not None and low > high:
        yield f"`w_min <= w_max` must hold, but {projection.name} has w_min = {low}, w_max = {high}."


def _onto(spec: NetworkSpec, projection: Projection, readout: bool) -> Iterator[str]:
    """Whether the variable that a projection names can receive weights."""
    if projection.onto is None:
        return
    if readout:
        yield f"A readout has one kind of input, but {projection.name} has onto = {projection.onto!r}; leave it out."
    elif (neuron := neuron_of(spec, projection.target)) is not None:
        yield from neuron.receiving_problems(projection.onto, f"{projection.name} adds to", projection.target)


def _inhibitions(spec: NetworkSpec) -> Iterator[str]:
    names = [population.name for population in spec.populations]
    for name, count in Counter(inhibition.population for inhibition in spec.inhibitions).items():
        if name not in names:
            yield f"`inhibit` names the population {name!r}; {nearest(name, names)}."
            continue
        if count > 1:
            yield f"A population has one inhibitory unit, but {name!r} has {count}; add up their gains."
        if (neuron := neuron_of(spec, name)) is not None and neuron.threshold is None:
            yield f"`inhibit` hears spikes, but {name!r} has threshold=None and never spikes."


def _environment(spec: NetworkSpec, environment: Environment) -> Iterator[str]:
    name = "the environment"
    if not spec.readouts and "action" in str(environment.model):
        yield "An environment answers a readout's decision, but the network has no readout; add net.readout(...)."
    found = field_problems(environment, name) + mapping_problems("parameters", environment.parameters, name)
    for field in ("model", "method"):
        if not isinstance(getattr(environment, field), str):
            found.append(f"`{field}` of {name} must be a text, but is {getattr(environment, field)!r}.")
    if isinstance(environment.signals, Mapping):
        found += _signals(environment.signals, name)
    else:
        found.append(f"`signals` of {name} must map names to Signal(...), but is {environment.signals!r}.")
    if not found and (unparsed := parsing_problem(environment.model, name)):
        found.append(unparsed)
    if not found:
        activities = [f"{p.name}{ACTIVITY}" for p in spec.populations]
        found += environment_problems(
            environment.model,
            environment.method,
            units_of(environment.parameters),
            (*environment.signals, *activities),
        )
        found += [
            f"The signal {signal!r} of {name} has a name that means something else there; rename it."
            for signal in environment.signals
            if unusable(signal)
        ]
    yield from found


def _activities(spec: NetworkSpec) -> Iterator[str]:
    read = identifiers(spec.environment.model) if spec.environment is not None else set()
    for population in spec.populations:
        name = f"{population.name}{ACTIVITY}"
        neuron = neuron_of(spec, population.name)
        if name in read and neuron is not None and neuron.threshold is None:
            yield f"The environment reads {name!r}, but {population.name!r} has threshold=None and never spikes."
