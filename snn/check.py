"""Everything that can be wrong with a network, found at once and before any code is generated."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.units.fundamentalunits import DIMENSIONLESS

from snn.connect import Connection
from snn.encode import Encoder
from snn.equations import environment_problems, identifiers, parsed, parsing_problem, reserved, units_of
from snn.errors import NetworkError, nearest
from snn.fields import mapping_problems, si
from snn.fields import problems as field_problems
from snn.neurons import ALIF, LIF, Neuron, NeuronModel, SynapticLIF
from snn.plasticity.rule import Place, Rule
from snn.readouts import LeakyReadout, Readout, SpikeReadout
from snn.signals import ACTIVITY, Environment, Signal

if TYPE_CHECKING:
    from snn.network import NetworkSpec, Population, Projection

MAX_DELAY_STEPS = 50
SHORTEST, LONGEST = 1 / 50, 1e5
"""Time constants of `LIF` and its kin in steps: beyond, exp(dt/tau) or 1 - exp(-dt/tau) is no number of 32 bits."""
MAX_STEPS = 2**31 - 1
ANSWERS = ("label", "target")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TAKEN = re.compile(r"environment|ranks|decision|(softmax|phase)_.*|.*_to_.*")  # blocks of a plan


def problems(spec: NetworkSpec) -> list[str]:
    """Every problem of a network, one sentence each; an empty list if there is none."""
    return [" ".join(text.split()) for text in _problems(spec)]


def _problems(spec: NetworkSpec) -> list[str]:
    found = list(_basics(spec))
    if found:  # what follows would stumble over these
        return found
    found += [*_names(spec), *_rhythms(spec)]
    found += [text for population in spec.populations for text in _population(spec, population)]
    found += [text for readout in spec.readouts for text in _readout(spec, readout.name, readout.readout)]
    found += [text for projection in spec.projections for text in _projection(spec, projection)]
    found += _activities(spec)
    return [*found, *_rules(spec, sound=not found)]


def _basics(spec: NetworkSpec) -> Iterator[str]:
    """What is not even of the right kind."""
    from snn.network import NamedReadout, Population, Projection

    yield from field_problems(spec, "the network")
    if not isinstance(spec.inputs, Encoder):
        yield f"`inputs` must be an encoder such as Poisson(64, rate=100*Hz), but is {spec.inputs!r}."
    elif not field_problems(spec, "the network"):
        yield from spec.inputs.problems(spec.dt)
    for field, kind in (("populations", Population), ("readouts", NamedReadout), ("projections", Projection)):
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
    if isinstance(spec.environment, Environment):
        yield from _environment(spec, spec.environment)
    elif spec.environment is not None:
        yield f"`environment` must be an Environment('reward = ... : 1'), but is {spec.environment!r}."
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
    for end in ("name", "source", "target"):
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
    refractory = 0.0 if neuron.refractory is None or isinstance(neuron.refractory, str) else si(neuron.refractory)
    if refractory / si(spec.dt) > MAX_STEPS:
        yield f"`refractory <= {MAX_STEPS} dt` must hold, but {population.name} has {neuron.refractory!r}."
    for signal in [*population.signals.values(), *(drive.signal for drive in population.drives)]:
        if signal.source in ANSWERS and not signal.teacher:
            yield (
                f"A signal that tells the answer must be a teacher, which is silent where the network is scored, but "
                f"{population.name} has {signal!r}; add teacher=True."
            )
    for name in population.signals:
        taken = {
            *parsed(neuron.model).names,
            *neuron.parameters,
            *DEFAULT_UNITS,
            *DEFAULT_CONSTANTS,
            *DEFAULT_FUNCTIONS,
        }
        if reserved(name) or name in taken:
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
        if window is not None and round(si(window) / si(spec.dt)) < 1:
            yield f"`learning_window >= dt` must hold, but {name!r} has {window!r} with dt = {spec.dt!r}."
    elif isinstance(readout, SpikeReadout):
        populations = {p.name: p for p in spec.populations}
        if readout.population not in populations:
            yield f"{name!r} reads the population {readout.population!r}; {nearest(readout.population, populations)}."
        elif (neuron := _neuron(spec, readout.population)) is not None:
            variables = parsed(neuron.model).names
            if readout.variable not in variables:
                yield (
                    f"{name!r} breaks ties by {readout.variable!r}, which {readout.population!r} does not have; "
                    f"{nearest(readout.variable, variables)}."
                )
            if neuron.threshold is None:
                yield f"{name!r} reads spikes, but {readout.population!r} has threshold=None and never spikes."


def _neuron(spec: NetworkSpec, name: str) -> Neuron | None:
    """The neuron of a population, if there is nothing wrong with it that would be in the way."""
    for population in spec.populations:
        if population.name == name:
            neuron = population.model.neuron(spec.dt)
            return None if neuron.problems(name) else neuron
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
    same = projection.source == projection.target
    pre, post = sizes[projection.source], sizes[projection.target]
    yield from projection.connection.problems(projection.name, pre, post, same)
    if projection.delay is not None and si(projection.delay) / si(spec.dt) > MAX_DELAY_STEPS + 0.5:
        yield (
            f"`0 <= delay <= {MAX_DELAY_STEPS} dt` must hold, but {projection.name} has "
            f"delay = {projection.delay!r} with dt = {spec.dt!r}."
        )
    low, high = projection.w_min, projection.w_max
    if low is not None and high is not None and low > high:
        yield f"`w_min <= w_max` must hold, but {projection.name} has w_min = {low}, w_max = {high}."


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
            if reserved(signal)
        ]
    yield from found


def _activities(spec: NetworkSpec) -> Iterator[str]:
    read = identifiers(spec.environment.model) if spec.environment is not None else set()
    for population in spec.populations:
        name = f"{population.name}{ACTIVITY}"
        neuron = _neuron(spec, population.name)
        if name in read and neuron is not None and neuron.threshold is None:
            yield f"The environment reads {name!r}, but {population.name!r} has threshold=None and never spikes."


def _rules(spec: NetworkSpec, sound: bool) -> Iterator[str]:
    """What is wrong with rules; in a network that is not sound, with those that can be told all the same."""
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
    if sound:
        for population, projections in taught.items():
            yield from _feedback(spec, population, projections)


def _sound_place(spec: NetworkSpec, projection: Projection) -> bool:
    """Whether there is nothing wrong with the neurons behind a projection."""
    for population in spec.populations:
        if population.name == projection.target:
            neuron = _neuron(spec, population.name)
            return neuron is not None and not neuron.text_problems(population.name, population.signals)
    return any(r.name == projection.target and isinstance(r.readout, LeakyReadout) for r in spec.readouts)


def _feedback(spec: NetworkSpec, population: str, taught: list[Projection]) -> Iterator[str]:
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


def _factors(spec: NetworkSpec, projection: Projection, factors: tuple[str, ...]) -> Iterator[str]:
    answers = {} if spec.environment is None else parsed(spec.environment.model)
    signals = {name for p in spec.populations if p.name == projection.target for name in p.signals}
    neuron = _neuron(spec, projection.target)
    taken = set() if neuron is None else {*parsed(neuron.model).names, *neuron.parameters}
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


def place(spec: NetworkSpec, projection: Projection) -> Place:
    """Where a projection's rule works: the neurons behind it, or the readout, and the readouts that listen to them."""
    readouts = {named.name: named.readout for named in spec.readouts}
    if projection.target in readouts:
        return Place(None, readouts[projection.target], ())
    listening = [readouts[p.target] for p in spec.projections if p.source == projection.target and p.target in readouts]
    return Place(_neuron(spec, projection.target), None, tuple(listening))
