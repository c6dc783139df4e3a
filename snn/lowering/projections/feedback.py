"""Lowers learning signals and their feedback weights."""

from __future__ import annotations

import numpy as np

from snn.connectivity.weights import Normal
from snn.lowering.plan.blocks import Code, SynapseBlock
from snn.lowering.plan.names import WEIGHT, block_names
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import LEARN
from snn.network.data import Projection
from snn.network.spec import NetworkSpec
from snn.readouts import LeakyReadout


def learning_signal(spec: NetworkSpec, population: str) -> str:
    """Return the learning signal of a population: the sum over the readouts that it projects to."""
    readouts = {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    blocks = block_names(spec)
    listening = [p for p in spec.projections if p.source == population and p.target in readouts]
    return "(" + " + ".join(f"{blocks[p.name]}_learning_signal_post" for p in listening) + ")"


def add_feedback(
    plan: Plan, spec: NetworkSpec, projection: Projection, block: SynapseBlock, rng: np.random.Generator
) -> None:
    """Add the feedback of a readout's errors to a population: sums over the same synapses, backwards."""
    taught = [
        (p.rule, kind)
        for p in spec.projections
        if p.target == projection.source and (kind := spec.rules[p.name].feedback)
    ]
    rule, kind = taught[0] if taught else (projection.rule, getattr(projection.rule, "feedback", None))
    if kind in ("random", "adaptive"):
        fan_in = np.bincount(block.post, minlength=plan.groups[block.target].n)
        weights = getattr(rule, "feedback_weights", Normal())
        block.declare("feedback_weight", weights.draw(rng, block.pre, block.post, fan_in), "lasting")
    if not taught:
        return
    signal = f"{block.name}_learning_signal"
    plan.groups[block.source].declare(signal)
    back = WEIGHT if kind == "symmetric" else "feedback_weight"
    model = f"{signal}_pre = {back}*error_post : 1 (summed)"
    block.model = "\n".join(part for part in (block.model, model) if part)
    block.summed[f"{signal}_pre"] = Code("feedback", "", LEARN)
