"""Lowers input spikes, spike counts and delays."""

from __future__ import annotations

from snn.lowering.plan.blocks import Code, Event, Group, OnEvent, Variable
from snn.lowering.plan.schedule import FIRST, PREVIOUS
from snn.lowering.populations.signals import IN_SAMPLE
from snn.network.spec import NetworkSpec
from snn.neurons import Neuron
from snn.times import refractory_steps


def count_spikes(group: Group, also: str, slot: str) -> None:
    """Add the counting of a group's spikes, and other code that runs at each spike."""
    group.declare("spike_count", 0, "total", wide=True)
    text = "\n".join(part for part in ("spike_count += 1", also) if part)
    group.on_events.append(OnEvent("spike", text, slot))


def add_spikes(group: Group, spec: NetworkSpec, neuron: Neuron, threshold: str, reset: str) -> None:
    """Add threshold, reset, refractory time and spike counts to a group."""
    group.threshold = threshold
    _add_history(group)
    group.events.append(Event(PREVIOUS, "history_at(spike_history, 2) == 1", "start", order=2))
    count_spikes(group, f"spike_history += 1\nsample_spikes += {IN_SAMPLE}", slot="after_thresholds")
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
