"""The memory that a network needs, in bits."""

from __future__ import annotations

import numpy as np

from snn.lowering.plan.blocks import INTEGERS, Block, Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan
from snn.lowering.populations.environment import ENVIRONMENT

HISTORY, HISTORY_SIZE = "spike_history", "history_size"


def memory_bits(plan: Plan, dtype: str) -> int:
    """Bits of every number that a network keeps from step to step.

    Parameters
    ----------
    plan : Plan
        What the network lowers to, with its synapses.
    dtype : {"float32", "float64"}
        Precision of the run: bits of a real number.

    Returns
    -------
    int
        The sum over inputs, populations, readouts and projections of

        - every variable of a neuron or a synapse: weights, feedback weights, membranes, traces, eligibilities, an
          optimizer's moments, and the values that are loaded or passed on within a step. A real number has the bits of
          `dtype`, an integer its own 32 or 64, a yes or no 1, and a neuron's spike history one for each step that its
          longest delay looks back. What a chip (`snn.chip.Chip`) keeps of a weight, an accumulator or a trace has the
          chip's bits, an accumulator one more for its sign;
        - constants that differ from one neuron or synapse to the next;
        - the index of the target, in the fewest bits, for each synapse of a projection whose synapses are not known
          beforehand (sparse, fixed fan-in); one that is dense or one to one needs none.

    Notes
    -----
    What all neurons or synapses of a block share (time constants, learning rates, delays, bounds) is not counted, nor
    are the program, counters that only report costs, and the environment, which is not the network.
    """
    number = 8 * np.dtype(dtype).itemsize
    total = 0
    for block in plan.blocks():
        if block.name == ENVIRONMENT:
            continue
        for name, variable in block.variables.items():
            if variable.role in ("state", "lasting", "constant"):
                total += _elements(block, variable) * _width(block, name, variable, number)
    return total + sum(_index_bits(plan, block) for block in plan.synapses.values())


def _elements(block: Block, variable: Variable) -> int:
    if variable.declaration is not None and "shared" in variable.declaration.partition(":")[2]:
        return 0 if variable.role == "constant" else 1
    if isinstance(block, SynapseBlock):
        return len(block.pre)
    assert isinstance(block, Group)
    return block.n


def _width(block: Block, name: str, variable: Variable, number: int) -> int:
    if variable.bits is not None:
        return variable.bits
    if name == HISTORY:
        return int(block.variables[HISTORY_SIZE].value).bit_length() - 1
    if variable.kind == "boolean":
        return 1
    return number if variable.kind == "float" else 8 * np.dtype(INTEGERS[variable.kind]).itemsize


def _index_bits(plan: Plan, block: SynapseBlock) -> int:
    """Bits of the targets of a projection, 0 where they follow from the sizes."""
    n_pre, n_post = plan.groups[block.source].n, plan.groups[block.target].n
    full = {n_pre * n_post} | ({n_pre * (n_pre - 1)} if block.source == block.target else set())
    one_to_one = n_pre == n_post == len(block.pre) and np.array_equal(block.pre, block.post)
    if not block.transmits or len(block.pre) in full or one_to_one:
        return 0
    return len(block.pre) * (n_post - 1).bit_length()
