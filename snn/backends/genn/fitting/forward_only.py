"""Rewrites a plan so that synapses write only their own variables and the postsynaptic input, as GeNN needs it."""

from __future__ import annotations

import re
from dataclasses import replace

from snn.backends.genn.fitting.actions import SUMMED
from snn.equations.parse import identifiers, substitute
from snn.equations.statements import written_names
from snn.lowering.plan.blocks import Code, OnEvent, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan

MIRROR = "mirror_"
COUNT = re.compile(r"^\s*(\w+)_(post|pre) \+= (int\(.*\))\s*$")


def one_sided(plan: Plan) -> Plan:
    """The plan with synapses that count for themselves and send to what is postsynaptic only."""
    blocks = [_counting(plan, block) for block in plan.synapses.values()]
    mirrors = [mirror for block in blocks if (mirror := _mirror(block)) is not None]
    forward = [replace(block, model=_lines_without(block, "pre")) for block in blocks]
    return replace(plan, synapses={block.name: block for block in (*forward, *mirrors)})


def _lines_without(block: SynapseBlock, side: str) -> str:
    lines = block.model.splitlines()
    return "\n".join(line for line in lines if not ((match := SUMMED.match(line)) and match.group(2) == side))


def _counting(plan: Plan, block: SynapseBlock) -> SynapseBlock:
    """The block with counters of its own, one a synapse, where it would count at its target."""
    target = plan.groups[block.target]
    variables = dict(block.variables)

    def own(text: str) -> str:
        lines = []
        for line in text.splitlines():
            match = COUNT.match(line)
            if match and target.variables.get(match.group(1), Variable()).role == "total":
                name = match.group(1)
                variables[name] = Variable(0, "total", f"{name} : integer", "integer")
                line = f"{name} += {match.group(3)}"
            lines.append(line)
        return "\n".join(lines)

    codes = [replace(code, text=own(code.text)) for code in block.codes]
    on_events = [replace(on, text=own(on.text)) for on in block.on_events]
    return replace(block, codes=codes, on_events=on_events, variables=variables)


def counters(plan: Plan) -> dict[str, str]:
    """The totals that synapses count for their target, by the target's name for them: the block that counts."""
    found = {}
    for block in plan.synapses.values():
        for name in _counting(plan, block).variables.keys() - block.variables.keys():
            found[f"{block.target}.{name}"] = block.name
    return found


def _mirror(block: SynapseBlock) -> SynapseBlock | None:
    """The same synapses seen from their other end, which alone can send to what is presynaptic in the block.

    They hold the same state and run the same code, so far as what they send depends on it.
    """
    backwards = [line for line in block.model.splitlines() if (m := SUMMED.match(line)) and m.group(2) == "pre"]
    if not backwards:
        return None
    ends = {**_swapped_names(block), "i": "j", "j": "i"}
    codes: list[Code] = [Code(c.slot, _swapped(c.text, ends, block), c.phase, c.order) for c in block.codes]
    on_events: list[OnEvent] = [
        OnEvent(on.event, _swapped(on.text, ends, block), on.slot, on.phase, on.order, _other(on.side))
        for on in block.on_events
        if not re.match(r"^\s*\w+_post \+=", on.text)
    ]
    sent = identifiers("\n".join(backwards))
    texts = [*(code.text for code in codes), *(on.text for on in on_events)]
    written = set().union(*map(written_names, texts))
    if not sent & written:  # what is sent never changes
        codes, on_events, texts = [], [], []
    used = set(sent).union(*map(identifiers, texts))
    variables = {
        name: Variable(v.value, "mirror" if v.role != "constant" else v.role, v.declaration, v.kind)
        for name, v in block.variables.items()
        if name in used
    }
    return SynapseBlock(
        MIRROR + block.name,
        model="\n".join(substitute(line, ends) for line in backwards),
        codes=[code for code in codes if code.text],
        on_events=[on for on in on_events if on.text],
        variables=variables,
        source=block.target,
        target=block.source,
        pre=block.post,
        post=block.pre,
        summed={f"{name[:-4]}_post": code for name, code in block.summed.items() if name.endswith("_pre")},
    )


def _other(side: str) -> str:
    return {"pre": "post", "post": "pre"}[side]


def _swapped_names(block: SynapseBlock) -> dict[str, str]:
    words = set(identifiers("\n".join(block.texts())))
    sided = {word for word in words if word.endswith(("_pre", "_post")) and word not in block.variables}
    return {word: f"{word.rpartition('_')[0]}_{_other(word.rpartition('_')[2])}" for word in sided}


def _swapped(text: str, ends: dict[str, str], block: SynapseBlock) -> str:
    counted = {name for name, variable in block.variables.items() if variable.role == "total"}
    kept = [line for line in text.splitlines() if not (written_names(line) & counted)]
    return "\n".join(substitute(line, ends) for line in kept)
