"""Lowers projections to blocks of synapses, with their transmission and their rule."""

from __future__ import annotations

import numpy as np

from snn.chip import Chip
from snn.connectivity.weights import FromArray
from snn.lowering.plan.blocks import Group, OnEvent, SynapseBlock
from snn.lowering.plan.names import WEIGHT, block_names, receiving
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import PREVIOUS
from snn.lowering.populations.spikes import add_delay
from snn.lowering.projections.chip_writer import ChipWriter
from snn.lowering.projections.feedback import add_feedback
from snn.lowering.projections.rules import add_rule, add_waiting
from snn.lowering.projections.writer import Writer
from snn.lowering.reals import GIVEN, kinds_of, real_rule
from snn.network.data import INPUTS, Projection
from snn.network.spec import NetworkSpec
from snn.plasticity.equations import RuleEquations
from snn.plasticity.rules.local import LocalRule
from snn.random import FEEDBACK, WEIGHTS, generator
from snn.readouts import LeakyReadout
from snn.times import delay_steps


def add_projection(
    plan: Plan, spec: NetworkSpec, projection: Projection, index: int, seed: int, kept: np.ndarray | None
) -> None:
    """One projection: its synapses, their first weights, the transmission of spikes, and its rule.

    `kept` says which of the synapses that are drawn there is room for; None: all.
    """
    source, target = plan.groups[projection.source], plan.groups[projection.target]
    block = SynapseBlock(block_names(spec)[projection.name], source=source.name, target=target.name, transmits=True)
    _draw(block, projection, source.n, target.n, generator(seed, WEIGHTS, index), spec.chip, kept)
    onto_readout = projection.target in {r.name for r in spec.readouts if isinstance(r.readout, LeakyReadout)}
    arrival = _arrival(spec, projection, source, block.name, onto_readout)
    slot = "readouts" if onto_readout else "synapses"
    block.on_events.append(OnEvent(arrival, _transmission(spec, projection, onto_readout), slot, order=-1))
    equations = _real(spec, projection)
    plan.synapses[block.name] = block
    writer = Writer(plan, projection, block, target)
    if spec.chip is not None:
        writer = ChipWriter(plan, projection, block, target, spec.chip, equations.updates, seed, index)
    add_rule(plan, spec, projection, block, equations, arrival, writer)
    add_waiting(writer, arrival)
    if onto_readout:
        add_feedback(plan, spec, projection, block, generator(seed, FEEDBACK, index))


def _real(spec: NetworkSpec, projection: Projection) -> RuleEquations:
    """The rule's equations, whose whole numbers are real where backends would differ."""
    ends = (projection.source, projection.target)
    kinds = {p.name: kinds_of(p.model.neuron(spec.dt).model) for p in spec.populations if p.name in ends}
    pre, post = kinds.get(projection.source, GIVEN), kinds.get(projection.target, GIVEN)
    return real_rule(spec.rules[projection.name], pre, post, own=isinstance(projection.rule, LocalRule))


def _draw(
    block: SynapseBlock,
    projection: Projection,
    n_pre: int,
    n_post: int,
    rng: np.random.Generator,
    chip: Chip | None,
    kept: np.ndarray | None,
) -> None:
    pre, post = projection.connection.pairs(rng, n_pre, n_post, projection.source == projection.target)
    distribution = projection.connection.weights
    if kept is not None:
        if isinstance(distribution, FromArray) and distribution.values.size == len(
            kept
        ):  # not only of those that are left
            distribution = FromArray(distribution.values.ravel()[kept])
        pre, post = pre[kept], post[kept]
    block.pre, block.post = pre, post
    weights = distribution.draw(rng, pre, post, np.bincount(post, minlength=n_post))
    bounds = (projection.w_min, projection.w_max)
    grid = chip.grid(*bounds) if chip else None
    if grid is not None:
        weights = grid.nearest(weights)
    elif any(bound is not None for bound in bounds):
        weights = np.clip(weights, *bounds)
    block.declare(WEIGHT, weights, "lasting")
    block.variables[WEIGHT].bits = chip.weight_bits if chip else None


def _transmission(spec: NetworkSpec, projection: Projection, onto_readout: bool) -> str:
    """Weights are plain numbers in the SI unit of the variable that receives them."""
    if onto_readout:
        return f"I_post += {WEIGHT}"
    variable, factor = receiving(spec, projection.target, projection.target_variable)
    return f"{variable}_post += {WEIGHT}{factor}"


def _arrival(spec: NetworkSpec, projection: Projection, source: Group, name: str, onto_readout: bool) -> str:
    """The event whose neurons' spikes arrive in this step: at readouts the step's own, elsewhere the last step's."""
    own_step = onto_readout or source.name == INPUTS or spec.updates_before(source.name, projection.target)
    if projection.delay is None:
        return "spike" if own_step else PREVIOUS
    steps = delay_steps(projection.delay, spec.dt) + (not own_step)
    slot = "start" if not own_step else "after_start" if source.name == INPUTS else "after_thresholds"
    return add_delay(source, name, steps, slot)
