"""Inputs, populations, readouts and the environment as groups of a plan."""

from __future__ import annotations

import re

import numpy as np
from brian2 import Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.backends.plan import (
    FIRST,
    LAST,
    LEARN,
    PREVIOUS,
    STEP,
    Code,
    Event,
    Group,
    OnEvent,
    Plan,
    SynapseBlock,
    Variable,
)
from snn.backends.reals import real_model, real_neuron
from snn.encode import Encoding
from snn.equations import identifiers, parsed, substitute
from snn.fields import si
from snn.network import INPUTS, NamedReadout, NetworkSpec, Population
from snn.neurons import Neuron
from snn.phase import whole_phase
from snn.readouts import LeakyReadout, SpikeReadout
from snn.signals import ACTIVITY, Signal
from snn.times import in_steps, refractory_steps

ENVIRONMENT = "environment"
IN_SAMPLE = "int(sample_step < sample_steps)"  # as opposed to the gap after it
AFTER_RULES = 9  # the order of what neurons learn for themselves, within part 5
WHOLE_SAMPLE = 2**30  # a learning window longer than any sample


def add_inputs(plan: Plan, spec: NetworkSpec, seed: int) -> None:
    """The input population: values are loaded, encoders run, and their spikes arrive in the same step."""
    encoding = spec.inputs.encoding()
    group = Group(INPUTS, n=int(spec.inputs.n), model=encoding.model, method="euler", threshold_slot="start")
    group.threshold = substitute(encoding.threshold, {"STREAM": str(plan.stream())})
    if encoding.rate is None:
        group.declare("value")
        _load(plan, group, "value", Signal("values", per=encoding.per))
    else:
        _add_phases(plan, group, encoding, si(encoding.rate) * si(spec.dt))
    if encoding.before:
        group.codes.append(Code("start", encoding.before, order=1))
    group.parameters(encoding.parameters)
    group.declare("seed", seed, "constant", integer=True, shared=True)
    for name in parsed(encoding.model).names if encoding.model else ():
        group.variables[name] = Variable(encoding.initial.get(name, 0.0))
    _count_spikes(group, encoding.reset, slot="after_start")
    plan.groups[INPUTS] = group


def _add_phases(plan: Plan, group: Group, encoding: Encoding, per_step: float) -> None:
    """The phases of an encoder that counts spikes, and how much a sample's value adds to them in a step."""
    source = plan.read_phases("values", encoding.per, group.n, per_step)
    group.declare("increment", 0, wide=True)
    group.codes.append(Code("start", f"increment = signal_{source}(sample_row, i)", FIRST))
    for name, spikes in encoding.phases.items():
        group.declare(name, int(whole_phase(spikes)), wide=True)
    for name, spikes in encoding.constants.items():
        group.declare(name, int(whole_phase(spikes)), "constant", wide=True, shared=True)


def _count_spikes(group: Group, also: str, slot: str) -> None:
    group.declare("spike_count", 0, "total", wide=True)
    text = "\n".join(part for part in ("spike_count += 1", also) if part)
    group.on_events.append(OnEvent("spike", text, slot))


def _load(plan: Plan, group: Group, variable: str, signal: Signal, order: int = 0) -> None:
    plan.read_signal(signal, group.n)
    row = "sample_row" if signal.per == "sample" else "signal_row"
    index = "0" if signal.one_hot else "i"
    text = f"signal_{signal.source}({row}, {index})"
    text = f"int({text} == i)" if signal.one_hot else text
    if signal.teacher:
        text += "*teach"
    if signal.per == "step":
        text += f"*{IN_SAMPLE}"
    group.codes.append(Code("start", f"{variable} = {text}", FIRST if signal.per == "sample" else STEP, order))


def add_population(plan: Plan, spec: NetworkSpec, population: Population, seed: int) -> None:
    """A population: its own equations, its spikes' history, and what teachers add."""
    neuron = real_neuron(population.model.neuron(spec.dt))
    model, threshold, reset = (own_random(plan, text) for text in (neuron.model, neuron.threshold or "", neuron.reset))
    group = Group(population.name, n=int(population.n), model=model, method=neuron.method)
    _declare_model(group, parsed(model), neuron)
    group.declare("seed", seed, "constant", integer=True, shared=True)
    for name, signal in population.signals.items():
        group.declare(name)
        _load(plan, group, name, signal)
    for index, drive in enumerate(population.drives):
        group.declare(f"drive_{index}")
        group.parameters({f"drive_gain_{index}": drive.gain})
        _load(plan, group, f"drive_{index}", drive.signal)
        group.codes.append(Code("synapses", f"{neuron.input} += drive_gain_{index}*drive_{index}", order=1))
    onto = {p.onto for p in spec.projections if p.target == population.name and p.onto}
    for variable in sorted({neuron.input, *onto}):
        if parsed(model)[variable].type == PARAMETER:  # it holds what arrived in this step
            group.codes.append(Code("groups", f"{variable} = 0*{variable}", order=1))
    if neuron.learning:
        code = own_random(plan, substitute(neuron.learning, {"spiked": "history_at(spike_history, 1)"}))
        group.codes.append(Code("learning", code, LEARN, order=AFTER_RULES))
    if threshold:
        _add_spikes(group, spec, neuron, threshold, reset)
    plan.groups[population.name] = group


def _declare_model(group: Group, equations: Equations, neuron: Neuron) -> None:
    for name, equation in equations.items():
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER):
            role = "lasting" if name in neuron.lasting else "state"
            group.variables[name] = Variable(si(neuron.initial.get(name, 0.0)), role, kind=str(equation.var_type))
    group.parameters(neuron.parameters)


def _add_spikes(group: Group, spec: NetworkSpec, neuron: Neuron, threshold: str, reset: str) -> None:
    group.threshold = threshold
    _add_history(group)
    group.events.append(Event(PREVIOUS, "history_at(spike_history, 2) == 1", "start", order=2))
    _count_spikes(group, f"spike_history += 1\nsample_spikes += {IN_SAMPLE}", slot="after_thresholds")
    group.declare("sample_spikes", integer=True)
    group.codes.append(Code("start", "sample_spikes = 0", FIRST))
    if reset:
        group.on_events.append(OnEvent(PREVIOUS, reset, "resets"))
    if neuron.refractory is None:
        return
    group.variables["not_refractory"] = Variable(True, kind="boolean")
    if isinstance(neuron.refractory, str):
        group.refractory = neuron.refractory
        return
    # Counted in steps rather than in Brian2's absolute time, so that a run can be continued.
    group.refractory = "refractory_left > 0"
    group.declare("refractory_left", 0, integer=True)
    counted = refractory_steps(neuron.refractory, spec.dt)
    group.declare("refractory_steps", counted, "constant", integer=True, shared=True)
    group.codes.append(Code("start", "refractory_left = clip(refractory_left - 1, 0, refractory_left)", order=1))
    group.on_events.append(OnEvent("spike", "refractory_left = refractory_steps", "after_thresholds", order=1))


def add_delay(group: Group, name: str, steps: int, slot: str) -> str:
    """The event of neurons that spiked so many steps ago, tested in the given slot; returns its name."""
    event, lag = f"{name}_delayed", f"{name}_lag"
    if "spike_history" not in group.variables:
        _add_history(group)
        group.on_events.append(OnEvent("spike", "spike_history += 1", "after_start"))
    group.declare(lag, 2**steps, "constant", wide=True, shared=True)
    group.variables["history_size"].value = max(group.variables["history_size"].value, 2 ** (steps + 1))
    group.events.append(Event(event, f"history_at(spike_history, {lag}) == 1", slot, order=5))
    return event


def _add_history(group: Group) -> None:
    """One bit a step: bit k says whether the neuron spiked k steps ago."""
    group.declare("spike_history", 0, wide=True)
    group.declare("history_size", 4, "constant", wide=True, shared=True)
    group.codes.append(Code("start", "spike_history = history_shifted(spike_history, history_size)", order=1))


def own_random(plan: Plan, text: str) -> str:
    """The code with rand(), randn(), xi and t replaced by functions of the seed and of the stream's step."""

    def draw(kind: str) -> str:
        return f"{kind}(seed, {plan.stream()}, absolute_step, i)"

    text = re.sub(r"\brand\(\s*\)", lambda _: draw("uniform"), text)
    text = re.sub(r"\brandn\(\s*\)", lambda _: draw("normal"), text)
    # As in Brian2, one name is one noise, wherever it stands.
    noises = {name: f"({draw('normal')}*dt**-0.5)" for name in dict.fromkeys(re.findall(r"\bxi(?:_\w+)?\b", text))}
    text = substitute(text, noises)
    return re.sub(r"\bt\b", "(absolute_step*dt)", text)


def add_readout(plan: Plan, spec: NetworkSpec, named: NamedReadout) -> None:
    """A readout: its units, or the scoring of a spiking population."""
    if isinstance(named.readout, SpikeReadout):
        group = plan.groups[named.readout.population]
        _score_spikes(group, named, STEP if spec.environment is not None and spec.environment.on == "step" else LAST)
        score, tie = f"{named.name}_score", f"{named.name}_tie"
        plan.outputs[named.name] = [f"{group.name}.{score}", f"{group.name}.{tie}"]
    else:
        assert isinstance(named.readout, LeakyReadout)
        group = _leaky_group(plan, spec, named.name, named.readout)
        plan.groups[named.name] = group
        plan.outputs[named.name] = [f"{named.name}.score", f"{named.name}.loss"]


def _score_spikes(group: Group, named: NamedReadout, phase: str) -> None:
    readout = named.readout
    assert isinstance(readout, SpikeReadout)
    score, tie = f"{named.name}_score", f"{named.name}_tie"
    group.declare(score, integer=True)
    group.codes.append(Code("start", f"{score} = 0", FIRST))
    dimensions = parsed(group.model).dimensions[readout.variable]
    group.declare(tie, unit="1" if dimensions is DIMENSIONLESS else repr(get_unit(dimensions)))
    if readout.decide == "count":
        group.on_events.append(OnEvent("spike", f"{score} += {IN_SAMPLE}", "after_thresholds", order=2))
    else:  # the earlier the first spike, the higher; 0 without one
        first = f"{score} = {score} + int({score} == 0)*{IN_SAMPLE}*(sample_steps - sample_step)"
        group.on_events.append(OnEvent("spike", first, "after_thresholds", order=2))
    group.codes.append(Code("decisions", f"{tie} = {readout.variable}", phase, order=-3))


def _leaky_group(plan: Plan, spec: NetworkSpec, name: str, readout: LeakyReadout) -> Group:
    group = Group(name, n=int(readout.n), model="dy/dt = (I - y)/tau : 1\nI : 1", update_slot="readouts")
    _declare_model(group, parsed(group.model), Neuron(group.model, parameters={"tau": readout.tau}))
    for variable in ("target", "error", "loss", "score"):
        group.declare(variable)
    window = WHOLE_SAMPLE if readout.learning_window is None else round(in_steps(readout.learning_window, spec.dt))
    group.declare("learning_steps", window, "constant", integer=True, shared=True)
    _load(
        plan,
        group,
        "target",
        Signal("label", one_hot=True) if readout.target == "label" else Signal("target", per="step"),
        order=1,
    )
    group.codes.append(Code("start", "score = 0\nloss = 0", FIRST))
    group.codes.append(Code("readouts", "I = 0", order=1))
    # Whether the step counts, and as how much of the learning window, or of the sample if that is shorter.
    inside = f"inside = int(sample_step >= sample_steps - learning_steps)*{IN_SAMPLE}"
    lines = [inside, "share = 1.0*inside/clip(learning_steps, 1, sample_steps)"]
    if readout.loss == "cross_entropy":
        _add_softmax(plan, name, group.n)
        group.declare("normaliser")
        lines += ["error = inside*(1/normaliser - target)", "loss += share*target*log(normaliser)"]
    else:
        lines += ["error = inside*(y - target)", "loss += 0.5*error**2"]
    lines.append("score += share*y" if readout.decide == "mean" else "score = score + inside*(y - score)")
    group.codes.append(Code("errors", "\n".join(lines), order=1))
    return group


def _add_softmax(plan: Plan, name: str, n: int) -> None:
    """exp(y_j - y_i) summed over j: the inverse of unit i's softmax, which no y can make overflow."""
    block = _within(f"softmax_{name}", name, n)
    block.model = "normaliser_post = exp(clip(y_pre - y_post, -80, 80)) : 1 (summed)"
    block.summed["normaliser_post"] = Code("errors", "", STEP, order=0)
    plan.synapses[block.name] = block


def _within(name: str, group: str, n: int) -> SynapseBlock:
    pre, post = np.divmod(np.arange(n * n), n)
    return SynapseBlock(name, source=group, target=group, pre=pre.astype(np.int32), post=post.astype(np.int32))


def broadcast(name: str, source: str, target: str, n_source: int, n_target: int) -> SynapseBlock:
    """Synapses from every neuron to every neuron that carry no spikes; their model says what they carry."""
    pre, post = np.divmod(np.arange(n_source * n_target), n_target)
    return SynapseBlock(name, source=source, target=target, pre=pre.astype(np.int32), post=post.astype(np.int32))


def add_environment(plan: Plan, spec: NetworkSpec) -> None:
    """The environment: the first readout's decision, the equations that answer it, and their broadcast to rules."""
    environment = spec.environment
    assert environment is not None
    phase = LAST if environment.on == "sample" else STEP
    model = real_model(environment.model)
    group = Group(ENVIRONMENT, model=model, method=environment.method, update_slot="environment")
    equations = parsed(environment.model)
    for name, equation in equations.items():
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER):
            group.variables[name] = Variable()
    group.parameters(environment.parameters)
    for name, signal in environment.signals.items():
        group.declare(name)
        _load(plan, group, name, signal)
    plan.groups[ENVIRONMENT] = group
    read = {name for text in group.texts() for name in identifiers(text)}
    if "action" in read:
        _add_decision(plan, spec, group, phase)
    for population in spec.populations:
        if f"{population.name}{ACTIVITY}" in read:
            _add_activity(plan, population.name, phase)
    for factor, targets in _factors(spec).items():
        for target in targets:
            if factor in equations.names:
                _add_factor(plan, factor, target, phase)


def _add_decision(plan: Plan, spec: NetworkSpec, environment: Group, phase: str) -> None:
    """A unit's rank is the number of units that beat it; the decision is the unit of rank 0."""
    score, *rest = plan.outputs[spec.readouts[0].name]
    name, score = score.split(".")
    group = plan.groups[name]
    group.declare("rank")
    equal = f"int({score}_pre == {score}_post)"
    later = "int(i_pre < i_post)"
    if spec.readouts[0].readout.ties:
        tie = rest[0].split(".")[1]
        later = f"(int({tie}_pre > {tie}_post) + int({tie}_pre == {tie}_post)*{later})"
    ranks = _within("ranks", name, group.n)
    ranks.model = f"rank_post = int({score}_pre > {score}_post) + {equal}*{later} : 1 (summed)"
    ranks.summed["rank_post"] = Code("decisions", "", phase, order=0)
    plan.synapses["ranks"] = ranks
    environment.declare("action")
    action = broadcast("decision", name, ENVIRONMENT, group.n, 1)
    action.model = "action_post = i_pre*int(rank_pre == 0) : 1 (summed)"
    action.summed["action_post"] = Code("decisions", "", phase, order=1)
    plan.synapses["decision"] = action


def _add_activity(plan: Plan, population: str, phase: str) -> None:
    """The share of a population that spiked in this step, as a variable of the environment."""
    name, group, environment = f"{population}{ACTIVITY}", plan.groups[population], plan.groups[ENVIRONMENT]
    environment.declare(name)
    environment.parameters({f"{population}_share": 1 / group.n})
    block = broadcast(f"{name}_to_{ENVIRONMENT}", population, ENVIRONMENT, group.n, 1)
    block.model = f"{name}_post = (spike_history_pre % 2)*{population}_share_post : 1 (summed)"
    block.summed[f"{name}_post"] = Code("decisions", "", phase)
    plan.synapses[block.name] = block


def _factors(spec: NetworkSpec) -> dict[str, set[str]]:
    """Third factors and the populations whose synapses need them."""
    needed: dict[str, set[str]] = {}
    for projection in spec.projections:
        for factor in spec.rules[projection.name].factors:
            needed.setdefault(factor, set()).add(projection.target)
    return {factor: needed[factor] for factor in sorted(needed)}


def _add_factor(plan: Plan, factor: str, target: str, phase: str) -> None:
    plan.groups[target].declare(factor)
    block = broadcast(f"{factor}_to_{target}", ENVIRONMENT, target, 1, plan.groups[target].n)
    block.model = f"{factor}_post = {factor}_pre : 1 (summed)"
    block.summed[f"{factor}_post"] = Code("broadcast", "", phase)
    plan.synapses[block.name] = block
