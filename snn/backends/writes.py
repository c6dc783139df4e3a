"""The one place where weights are written: a rule proposes dw, and this says what becomes of it."""

from __future__ import annotations

from snn.backends.plan import Group, SynapseBlock
from snn.network import Projection


def write(projection: Projection, synapses: SynapseBlock, target: Group, dw: str) -> str:
    """Statements that write ``w + dw`` within the projection's bounds and count the writes that changed a weight.

    Writes are counted at the postsynaptic neuron, one number a neuron instead of one a synapse.
    """
    counter = f"{synapses.name}_writes"
    target.declare(counter, 0, "total", wide=True)
    written = f"w + ({dw})"
    low, high = projection.w_min, projection.w_max
    synapses.parameters({name: value for name, value in (("write_min", low), ("write_max", high)) if value is not None})
    if low is not None and high is not None:
        written = f"clip({written}, write_min, write_max)"
    elif low is not None:
        written = f"clip({written}, write_min, inf)"
    elif high is not None:
        written = f"clip({written}, -inf, write_max)"
    return f"written = {written}\n{counter}_post += int(written != w)\nw = written"
