"""Lowers readouts and their losses."""

from __future__ import annotations

from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from snn.equations.parse import parsed
from snn.lowering.plan.blocks import Code, Group, OnEvent, all_to_all
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import FIRST, LAST, STEP
from snn.lowering.populations.populations import declare_model
from snn.lowering.populations.signals import IN_SAMPLE, load_signal
from snn.network.data import NamedReadout
from snn.network.spec import NetworkSpec
from snn.neurons import Neuron
from snn.readouts import LeakyReadout, SpikeReadout
from snn.signals import Signal
from snn.times import in_steps

WHOLE_SAMPLE = 2**30  # a learning window longer than any sample


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
    declare_model(group, parsed(group.model), Neuron(group.model, parameters={"tau": readout.tau}))
    for variable in ("target", "error", "loss", "score"):
        group.declare(variable)
    window = WHOLE_SAMPLE if readout.learning_window is None else round(in_steps(readout.learning_window, spec.dt))
    group.declare("learning_steps", window, "constant", integer=True, shared=True)
    load_signal(
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
    block = all_to_all(f"softmax_{name}", name, n)
    block.model = "normaliser_post = exp(clip(y_pre - y_post, -80, 80)) : 1 (summed)"
    block.summed["normaliser_post"] = Code("errors", "", STEP, order=0)
    plan.synapses[block.name] = block
