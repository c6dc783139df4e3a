"""Names in the plan of a batch (`snn.lowering.arrangement.batch`), resolved for `snn.backends.genn.fitting.fit`."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from snn.lowering.arrangement.batch import rewritten
from snn.lowering.plan.blocks import Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan

DECAY = re.compile(r"\bexp\(-dt/(of_\w+)_pre\)")
READ = re.compile(r"\bsignal_(\w+)\((sample_row|signal_row), (own_\w+)\)")


def plain(plan: Plan) -> Plan:
    """The plan with signals read by ``i``, as the host copies each neuron its own, and decays as numbers.

    A time constant that each candidate has its own of is one of presynaptic neurons, and so is ``exp(-dt/tau)``: GeNN
    would compute it for each synapse. A plan of one candidate stays as it is.
    """

    def signals(text: str) -> str:
        return READ.sub(r"signal_\1(\2, i)", text)

    copies = {name: replace(group, variables=dict(group.variables)) for name, group in plan.groups.items()}
    groups = {name: rewritten(group, signals) for name, group in copies.items()}
    synapses = {name: _decays_known(block, groups[block.source], plan.dt) for name, block in plan.synapses.items()}
    return replace(plan, groups=groups, synapses=synapses)


def places(group: Group) -> dict[str, str]:
    """By signal, the constant that says where in its row a neuron reads; nothing in a plan of one candidate."""
    found: dict[str, str] = {}
    for code in group.codes:
        for source, _, place in READ.findall(code.text):
            if source not in found or place.startswith("own_place_"):  # where one would do, all columns are alike
                found[source] = place
    return found


def _decays_known(block: SynapseBlock, source: Group, dt: float) -> SynapseBlock:
    def known(match: re.Match[str]) -> str:
        tau = source.variables.get(match.group(1))
        if tau is None or tau.role != "constant":  # a user's own
            return match.group()
        name = f"genn_decay_{match.group(1)}"
        source.variables[name] = Variable(np.exp(-dt / np.asarray(tau.value)), "constant", f"{name} : 1 (constant)")
        return f"{name}_pre"

    return rewritten(block, lambda text: DECAY.sub(known, text))
