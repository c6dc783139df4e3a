"""The check of everything in a network that Brian2GeNN cannot do, before any code is generated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snn.backends.genn.fitting.action import Action
from snn.backends.genn.fitting.actions import actions
from snn.backends.genn.fitting.forward_only import MIRROR, one_sided
from snn.equations.parse import parsed
from snn.errors import NetworkError
from snn.lowering.plan.blocks import Group, SynapseBlock
from snn.lowering.plan.plan import Plan

OWN_NAMES = {"t", "id", "num", "batch", "scalar", "rng", "DT", "inSyn", "Isyn", "sT", "seT", "prev_sT", "prev_seT"}
"""Words that mean something to GeNN in a neuron's code."""


def problems(plan: Plan) -> list[str]:
    """Return everything in a network that GeNN cannot do, one sentence each.

    Parameters
    ----------
    plan : Plan
        What the network lowers to, with its synapses (`snn.lowering.planner.plan`).
    """
    found = [text for group in plan.groups.values() for text in _group(group)]
    found += _of_numbers(plan)
    if not found:  # what cannot be arranged has been told by now
        found += [text for action in actions(one_sided(plan)) for text in _action(plan, action)]
    return list(dict.fromkeys(found))


def check(plan: Plan, *others: Plan) -> None:
    """Raise `NetworkError` with all `problems`, if there are any; other plans of its structure are checked with it."""
    found = problems(plan)
    found += [text for other in others for text in _of_numbers(other)]
    if found:
        raise NetworkError(list(dict.fromkeys(found)))


def _of_numbers(plan: Plan) -> list[str]:
    return [text for block in plan.synapses.values() for text in _synapses(plan, block)]


def _group(group: Group) -> Iterator[str]:
    equations = parsed(group.model) if group.model else {}
    for name, equation in equations.items():
        if str(equation.var_type) == "boolean":
            yield (
                f"GeNN's neurons hold numbers, but `{name}` of {group.name} is boolean; declare it as an integer, and "
                "compare it with 1."
            )
    for name in sorted(OWN_NAMES & (equations.keys() | group.variables.keys())):
        yield f"`{name}` is a reserved name of GeNN; rename the variable of {group.name}."


def _synapses(plan: Plan, block: SynapseBlock) -> Iterator[str]:
    where = f"from {block.source} to {block.target}"
    if not len(block.pre):
        yield f"GeNN's projections need at least one synapse, but the one {where} has none; leave it out."
    pairs = block.pre.astype(np.int64) * plan.groups[block.target].n + block.post
    in_order = (np.diff(pairs) > 0).all()  # as most are, which is found out faster
    twice = 0 if in_order else len(pairs) - len(np.unique(pairs))
    if twice:
        yield (
            f"GeNN allows one synapse between two neurons in a projection, but the one {where} has {twice} more; make "
            "the second ones a projection of their own."
        )


def _action(plan: Plan, action: Action) -> Iterator[str]:
    """Writes at neurons, which only show in the statements that run."""
    if action.synaptic:
        block = plan.synapses[action.block.removeprefix(MIRROR)]
        for name in sorted(action.writes):
            owner, _, variable = name.partition(".")
            if owner != action.block:
                yield (
                    f"GeNN's synapses cannot set variables of neurons, but the projection from {block.source} to "
                    f"{block.target} sets `{variable}` of {owner}; let the population's own equations set it."
                )
