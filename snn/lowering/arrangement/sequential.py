"""Sequential schedules: populations that are updated one after another within a step."""

from __future__ import annotations

from dataclasses import replace

from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import own_slot
from snn.network.spec import NetworkSpec


def take_turns(plan: Plan, spec: NetworkSpec) -> None:
    """Give every population slots of its own, in the order of the network: arrivals, resets, update, spike test."""
    plan.turns = max(1, len(spec.populations))
    for turn, population in enumerate(spec.populations):
        group = plan.groups[population.name]
        group.codes[:] = [replace(code, slot=own_slot(code.slot, turn)) for code in group.codes]
        group.on_events[:] = [replace(on, slot=own_slot(on.slot, turn)) for on in group.on_events]
        group.events[:] = [replace(event, slot=own_slot(event.slot, turn)) for event in group.events]
        group.threshold_slot = own_slot(group.threshold_slot, turn)
        group.update_slot = own_slot(group.update_slot, turn)
        for block in plan.synapses.values():
            if block.target == population.name:  # what a population receives, it receives when it is its turn
                block.on_events[:] = [replace(on, slot=own_slot(on.slot, turn)) for on in block.on_events]
                block.summed = {name: replace(c, slot=own_slot(c.slot, turn)) for name, c in block.summed.items()}
