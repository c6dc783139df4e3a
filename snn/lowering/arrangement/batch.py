"""The plan of a batch: plans of one structure as blocks of one plan, for `snn.backends.batch`.

Groups have the neurons of all candidates one after another, synapses likewise, so that whatever passes from neuron to
neuron, sums included, stays within a candidate. Indices and sizes must be relative to the candidate:

- Numbers that are equal in all candidates remain one number. Those that differ become one number a neuron; in synapses,
  a constant of the presynaptic neuron, which costs less to read than one number a synapse.
- ``i``, ``j`` and ``N`` are a neuron's number and its population's size within the candidate, as integer constants.
- A signal's row has the candidates' rows side by side, and each neuron knows where in it to read.

Which numbers differ makes the merged plan's texts, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from snn.equations.parse import identifiers, substitute
from snn.lowering.plan.blocks import Block, Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan

SIGNAL = re.compile(r"\bsignal_(\w+)\((sample_row|signal_row), (i|0)\)")
NUMBER, SIZE = "own_number", "own_size"
SYNAPTIC = {"i": f"{NUMBER}_pre", "j": f"{NUMBER}_post"} | {
    f"{word}_{side}": f"{own}_{side}" for word, own in (("i", NUMBER), ("N", SIZE)) for side in ("pre", "post")
}
"""What numbers are called in a candidate's synapses, and in the population's."""

AnyBlock = TypeVar("AnyBlock", Group, SynapseBlock)


def place(signal: str, index: str) -> str:
    """A neuron's constant that says where in a signal's row it reads; `index` is ``"i"``, or ``"0"``: the first."""
    return f"own_{'place' if index == 'i' else 'first'}_{signal}"


def side_by_side(plans: Sequence[Plan]) -> Plan:
    """One plan with the groups and synapses of all, which are of one structure."""
    return _Merger(plans).plan()


def rewritten(block: AnyBlock, change: Callable[[str], str]) -> AnyBlock:
    """The block with every piece of its code changed."""
    codes = [replace(code, text=change(code.text)) for code in block.codes]
    on_events = [replace(on, text=change(on.text)) for on in block.on_events]
    changed = replace(block, model=change(block.model), program=change(block.program), codes=codes, on_events=on_events)
    if isinstance(changed, Group):
        changed.threshold = changed.threshold and change(changed.threshold)
        changed.refractory = changed.refractory and change(changed.refractory)
        changed.events = [replace(event, condition=change(event.condition)) for event in changed.events]
    else:
        changed.summed = {name: replace(code, text=change(code.text)) for name, code in changed.summed.items()}
    return changed


def within(sizes: np.ndarray) -> np.ndarray:
    """Each element's number within its part, for parts of these sizes one after another."""
    return np.arange(sizes.sum()) - np.repeat(starts(sizes), sizes)


def starts(sizes: np.ndarray) -> np.ndarray:
    """Return the index at which each part begins."""
    return np.cumsum(sizes) - sizes


class _Merger:
    def __init__(self, plans: Sequence[Plan]):
        self.plans, self.first = plans, plans[0]
        self.sizes = {name: np.array([plan.groups[name].n for plan in plans]) for name in self.first.groups}
        widths = {source: np.array([plan.signals[source].width for plan in plans]) for source in self.first.signals}
        self.begins = {source: starts(width) for source, width in widths.items()}
        self.signals = {s: replace(use, width=int(widths[s].sum()), of=None) for s, use in self.first.signals.items()}
        self.taken = {name for block in self.first.blocks() for name in block.variables}
        self.taken |= {name for block in self.first.blocks() for text in block.texts() for name in identifiers(text)}
        self.names: dict[str, str] = {}

    def plan(self) -> Plan:
        groups = {name: self._group(name) for name in self.first.groups}
        synapses = {name: self._synapses(name, groups) for name in self.first.synapses}
        return replace(self.first, groups=groups, synapses=synapses, signals=self.signals)

    def _free(self, name: str) -> str:
        """A name that nothing else has: neurons and rules may be a user's."""
        if name not in self.names:
            free = name
            while free in self.taken:
                free += "0"
            self.names[name] = free
            self.taken.add(free)
        return self.names[name]

    def _group(self, name: str) -> Group:
        group, sizes = self.first.groups[name], self.sizes[name]
        given = {v: _joined([plan.groups[name].variables[v] for plan in self.plans], sizes) for v in group.variables}
        merged = replace(group, n=int(sizes.sum()), variables=given)
        read = {match.groups()[::2] for text in group.texts() for match in SIGNAL.finditer(text)}
        for source, index in sorted(read):
            columns = np.repeat(self.begins[source], sizes) + (within(sizes) if index == "i" else 0)
            merged.declare(self._free(place(source, index)), columns, "constant", integer=True)

        def signals(text: str) -> str:
            return SIGNAL.sub(
                lambda m: f"signal_{m.group(1)}({m.group(2)}, {self._free(place(m.group(1), m.group(3)))})", text
            )

        merged = rewritten(merged, signals)
        words = {"i": NUMBER, "N": SIZE}
        self._declare_own(merged, {words[word] for word in _words(merged) & words.keys()})
        own = {word: self._free(words[word]) for word in words}
        return rewritten(merged, lambda text: substitute(text, own))

    def _declare_own(self, group: Group, names: Iterable[str]) -> None:
        sizes = self.sizes[group.name]
        for name in sorted(names):
            value = within(sizes) if name == NUMBER else np.repeat(sizes, sizes)
            group.declare(self._free(name), value, "constant", integer=True)

    def _synapses(self, name: str, groups: dict[str, Group]) -> SynapseBlock:
        blocks = [plan.synapses[name] for plan in self.plans]
        block, counts = blocks[0], np.array([len(b.pre) for b in blocks])
        source, target = groups[block.source], groups[block.target]
        ends = {side: np.concatenate([getattr(b, side) for b in blocks]) for side in ("pre", "post")}
        for side, group in (("pre", source), ("post", target)):
            ends[side] += np.repeat(starts(self.sizes[group.name]), counts).astype(ends[side].dtype)
        words = {word: own for word, own in SYNAPTIC.items() if word in _words(block)}
        for side, group in (("pre", source), ("post", target)):
            self._declare_own(group, {own[: -len(side) - 1] for own in words.values() if own.endswith(f"_{side}")})
        words = {word: self._free(own.rpartition("_")[0]) + own[own.rindex("_") :] for word, own in words.items()}
        kept: dict[str, Variable] = {}
        for variable in block.variables:
            numbers = [b.variables[variable] for b in blocks]
            if _shared(numbers[0]) and _differ(numbers):
                words[variable] = f"{self._moved(name, variable, numbers, source)}_pre"
            else:
                kept[variable] = _joined(numbers, counts)
        if "N" in _words(block):
            number = [Variable(int(count), "constant", "N : integer (shared, constant)", "integer") for count in counts]
            words["N"] = f"{self._moved(name, 'N', number, source)}_pre"
        merged = replace(block, pre=ends["pre"], post=ends["post"], variables=kept)
        return rewritten(merged, lambda text: substitute(text, words))

    def _moved(self, block: str, name: str, numbers: list[Variable], source: Group) -> str:
        """A number of the candidates' synapses as a constant of the neurons that they begin at; returns its name."""
        own = self._free(f"of_{block}_{name}")
        moved = _joined(numbers, self.sizes[source.name])
        assert moved.declaration is not None
        declaration = _unshared(re.sub(r"^\w+", own, moved.declaration))
        source.variables[own] = replace(moved, declaration=declaration, bits=None)
        if np.ndim(moved.value) == 0:
            source.variables[own].value = np.full(source.n, moved.value)
        return own


def _words(block: Block) -> set[str]:
    return {name for text in block.texts() for name in identifiers(text)}


def _shared(variable: Variable) -> bool:
    return variable.role == "constant" and "shared" in (variable.declaration or "")


def _differ(variables: Sequence[Variable]) -> bool:
    return any(np.ndim(v.value) or v.value != variables[0].value for v in variables)


def _joined(variables: Sequence[Variable], sizes: np.ndarray) -> Variable:
    """The candidates' numbers one after another; what is one number in all remains one."""
    first, values = variables[0], [variable.value for variable in variables]
    if not _differ(variables):
        return replace(first)
    joined: Any
    if all(np.ndim(value) == 0 for value in values):
        joined = np.repeat(np.array(values), sizes)
    else:
        joined = np.concatenate([np.broadcast_to(value, size) for value, size in zip(values, sizes, strict=True)])
    return replace(first, value=joined, declaration=first.declaration and _unshared(first.declaration))


def _unshared(declaration: str) -> str:
    return declaration.replace("(shared, ", "(").replace(" (shared)", "")
