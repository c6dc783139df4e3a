"""The one place where weights are written: a rule proposes dw, and this says what becomes of it."""

from __future__ import annotations

from snn.backends.plan import Group, SynapseBlock
from snn.network import Projection
from snn.plasticity.rule import WEIGHT_IN_RULES, Update


def write(projection: Projection, synapses: SynapseBlock, target: Group, update: Update) -> str:
    """Statements that write ``w + dw`` within the projection's bounds and count the writes that changed something.

    Writes are counted at the postsynaptic neuron, one number a neuron instead of one a synapse. A feedback weight that
    a rule adapts is written and counted like a weight; the bounds are the weight's alone.
    """
    counter = f"{synapses.name}_writes"
    target.declare(counter, 0, "total", wide=True)
    low, high = (projection.w_min, projection.w_max) if update.of == WEIGHT_IN_RULES else (None, None)
    synapses.parameters({name: value for name, value in (("write_min", low), ("write_max", high)) if value is not None})
    written = f"{update.of} + ({update.dw})"
    if low is not None or high is not None:
        bounds = ("write_min" if low is not None else "-inf", "write_max" if high is not None else "inf")
        written = f"clip({written}, {bounds[0]}, {bounds[1]})"
    return (
        f"written_{update.of} = {written}\n{counter}_post += int(written_{update.of} != {update.of})\n"
        f"{update.of} = written_{update.of}"
    )
