"""Lowers inputs and populations to groups of a plan."""

from __future__ import annotations

from brian2 import Equations
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER

from snn.encoders import Encoding
from snn.equations.parse import parsed, substitute
from snn.fields import si
from snn.lowering.plan.blocks import Code, Group, Variable
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import FIRST, LEARN
from snn.lowering.populations.signals import load_signal, own_random
from snn.lowering.populations.spikes import add_spikes, count_spikes
from snn.lowering.reals import real_neuron
from snn.network.data import INPUTS, Population
from snn.network.spec import NetworkSpec
from snn.neurons import Neuron
from snn.phase import whole_phase
from snn.signals import Signal

AFTER_RULES = 9  # the order of what neurons learn for themselves, within part 5


def add_inputs(plan: Plan, spec: NetworkSpec, seed: int) -> None:
    """The input population: values are loaded, encoders run, and their spikes arrive in the same step."""
    encoding = spec.inputs.encoding()
    group = Group(INPUTS, n=int(spec.inputs.n), model=encoding.model, method="euler", threshold_slot="start")
    group.threshold = substitute(encoding.threshold, {"STREAM": str(plan.stream())})
    if encoding.rate is None:
        group.declare("value")
        load_signal(plan, group, "value", Signal("values", per=encoding.per))
    else:
        _add_phases(plan, group, encoding, si(encoding.rate) * si(spec.dt))
    if encoding.before:
        group.codes.append(Code("start", encoding.before, order=1))
    group.parameters(encoding.parameters)
    group.declare("seed", seed, "constant", integer=True, shared=True)
    for name in parsed(encoding.model).names if encoding.model else ():
        group.variables[name] = Variable(encoding.initial.get(name, 0.0))
    count_spikes(group, encoding.reset, slot="after_start")
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


def add_population(plan: Plan, spec: NetworkSpec, population: Population, seed: int) -> None:
    """A population: its own equations, its spikes' history, and what teachers add."""
    neuron = real_neuron(population.model.neuron(spec.dt))
    model, threshold, reset = (own_random(plan, text) for text in (neuron.model, neuron.threshold or "", neuron.reset))
    group = Group(population.name, n=int(population.n), model=model, method=neuron.method)
    declare_model(group, parsed(model), neuron)
    group.declare("seed", seed, "constant", integer=True, shared=True)
    for name, signal in population.signals.items():
        group.declare(name)
        load_signal(plan, group, name, signal)
    for index, drive in enumerate(population.drives):
        group.declare(f"drive_{index}")
        group.parameters({f"drive_gain_{index}": drive.gain})
        load_signal(plan, group, f"drive_{index}", drive.signal)
        group.codes.append(Code("synapses", f"{neuron.input} += drive_gain_{index}*drive_{index}", order=1))
    onto = {p.target_variable for p in spec.projections if p.target == population.name and p.target_variable}
    for variable in sorted({neuron.input, *onto}):
        if parsed(model)[variable].type == PARAMETER:  # it holds what arrived in this step
            group.codes.append(Code("groups", f"{variable} = 0*{variable}", order=1))
    if neuron.learning:
        code = own_random(plan, substitute(neuron.learning, {"spiked": "history_at(spike_history, 1)"}))
        group.codes.append(Code("learning", code, LEARN, order=AFTER_RULES))
    if threshold:
        add_spikes(group, spec, neuron, threshold, reset)
    plan.groups[population.name] = group


def declare_model(group: Group, equations: Equations, neuron: Neuron) -> None:
    """Declare the variables and parameters of a neuron's equations in a group."""
    for name, equation in equations.items():
        if equation.type in (DIFFERENTIAL_EQUATION, PARAMETER):
            role = "lasting" if name in neuron.lasting else "state"
            group.variables[name] = Variable(si(neuron.initial.get(name, 0.0)), role, kind=str(equation.var_type))
    group.parameters(neuron.parameters)
