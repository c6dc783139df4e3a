"""Writes weights exactly, within their bounds."""

from __future__ import annotations

from dataclasses import dataclass

from snn.lowering.plan.blocks import Group, SynapseBlock
from snn.lowering.plan.plan import Plan
from snn.network.data import Projection
from snn.plasticity.terms import WEIGHT_IN_RULES, Update

WAITING = "chip_waiting"
"""Changes of a synapse that have not been written: in units of the weight, or of its accumulator where it has one."""


@dataclass(frozen=True)
class Writer:
    """Writes the weights of one projection, and what else a rule changes of its synapses.

    Its texts read the weight by its name in rules.
    """

    plan: Plan
    projection: Projection
    synapses: SynapseBlock
    target: Group

    def proposed(self, update: Update) -> str:
        """Statements that write ``w + dw`` within the projection's bounds and count the writes that changed something.

        Writes are counted at the postsynaptic neuron, one number a neuron instead of one a synapse. A feedback weight
        that a rule adapts is written and counted like a weight; the bounds are the weight's alone.
        """
        low, high = None, None
        if update.of == WEIGHT_IN_RULES:
            low, high = self.projection.w_min, self.projection.w_max
        return self._written(update.of, self._within(f"{update.of} + ({update.dw})", low, high))

    def kept(self, group: Group, trace: str, value: str) -> str:
        """Return a trace's new value as it is stored, as an expression of the group."""
        return value

    def _within(self, value: str, low: float | None, high: float | None) -> str:
        given = {name: bound for name, bound in (("write_min", low), ("write_max", high)) if bound is not None}
        if not given:
            return value
        self.synapses.parameters(given)
        return f"clip({value}, {'-inf' if low is None else 'write_min'}, {'inf' if high is None else 'write_max'})"

    def _written(self, of: str, value: str, counted: bool = True) -> str:
        counter = f"{self.synapses.name}_writes"
        self.target.declare(counter, 0, "total", wide=True)
        count = [f"{counter}_post += int(written_{of} != {of})"] if counted else []
        return "\n".join([f"written_{of} = {value}", *count, f"{of} = written_{of}"])
