"""The parts of a plan: variables, code, groups of neurons and blocks of synapses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snn.equations.parse import identifiers
from snn.fields import si, unit_text
from snn.lowering.plan.schedule import CLOCK, STEP

INTEGERS = {"integer": np.int32, "wide": np.int64, "boolean": np.bool_}
WIDE = ("absolute_step", "signal_row")  # 64 bits


@dataclass(frozen=True)
class Code:
    """Statements that run once for every element of a group, or every synapse."""

    slot: str
    text: str
    phase: str = STEP
    order: int = 0


@dataclass(frozen=True)
class Event:
    """A condition tested for every neuron; neurons that meet it can trigger code and synapses."""

    name: str
    condition: str
    slot: str
    order: int = 0


@dataclass(frozen=True)
class OnEvent:
    """Statements for the neurons of an event, or, in synapses, for the synapses of one side's neurons."""

    event: str
    text: str
    slot: str
    phase: str = STEP
    order: int = 0
    side: str = "pre"


@dataclass
class Variable:
    """A variable that is an array of its own: its Brian2 declaration, its first value, and what becomes of it.

    Roles: ``"constant"``; ``"state"`` (reset between samples if the task says so, carried from run to run);
    ``"lasting"`` (carried, never reset); ``"total"`` (counted up during one run); ``"clock"`` (set by the loop).
    """

    value: Any = 0.0
    role: str = "state"
    declaration: str | None = None  # None: declared by the model's own equations
    kind: str = "float"  # or a key of INTEGERS
    bits: int | None = None  # that a chip keeps of it; None: those of its type


@dataclass
class Block:
    """The common base of groups and synapses."""

    name: str
    model: str = ""
    method: str = "exact"
    codes: list[Code] = field(default_factory=list)
    on_events: list[OnEvent] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    program: str = ""
    """Statements in place of the model's own state update."""

    def declare(
        self,
        name: str,
        value: Any = 0.0,
        role: str = "state",
        unit: str = "1",
        wide: bool = False,
        integer: bool = False,
        shared: bool = False,
    ) -> None:
        """Add a variable; declaring the same one twice is fine."""
        kind = "wide" if wide else "integer" if integer else "float"
        flags = [flag for flag, on in (("shared", shared), ("constant", role == "constant")) if on]
        text = f"{name} : {unit if kind == 'float' else 'integer'}" + (f" ({', '.join(flags)})" if flags else "")
        known = self.variables.setdefault(name, Variable(value, role, text, kind))
        if known.declaration != text:
            raise ValueError(f"{self.name} has {known.declaration!r} already and cannot have {text!r}")

    def parameters(self, numbers: Mapping[str, Any]) -> None:
        """Add constants: arguments of the program, one number for the whole block."""
        for name, value in numbers.items():
            self.declare(name, si(value), "constant", unit_text(value), shared=True)

    def texts(self) -> Iterable[str]:
        """Every piece of code of the block."""
        yield self.model
        yield from (code.text for code in self.codes)
        yield from (event.text for event in self.on_events)

    def declare_clock(self, used: set[str] | None = None) -> None:
        """Declare what the code, or the names given, read of the stream's clock."""
        used = {name for text in self.texts() for name in identifiers(text)} if used is None else used
        for name in CLOCK:
            if name in used or f"{name}_post" in used:
                self.declare(name, 0, "clock", integer=True, shared=True, wide=name in WIDE)


@dataclass
class Group(Block):
    """A `NeuronGroup`-to-be."""

    n: int = 1
    threshold: str | None = None
    threshold_slot: str = "thresholds"
    refractory: str | None = None
    events: list[Event] = field(default_factory=list)
    update_slot: str = "groups"

    def texts(self) -> Iterable[str]:
        yield from super().texts()
        yield from (text for text in (self.threshold, self.refractory) if text)
        yield from (event.condition for event in self.events)


@dataclass
class SynapseBlock(Block):
    """A `Synapses`-to-be. `summed` says in which slot and phase each summed variable is computed."""

    source: str = ""
    target: str = ""
    pre: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    post: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    summed: dict[str, Code] = field(default_factory=dict)
    transmits: bool = False

    def texts(self) -> Iterable[str]:
        yield from super().texts()
        yield from (code.text for code in self.summed.values())


def all_to_all(name: str, group: str, n: int) -> SynapseBlock:
    """Return all-to-all synapses within one group, itself included."""
    pre, post = np.divmod(np.arange(n * n), n)
    return SynapseBlock(name, source=group, target=group, pre=pre.astype(np.int32), post=post.astype(np.int32))


def broadcast(name: str, source: str, target: str, n_source: int, n_target: int) -> SynapseBlock:
    """Synapses from every neuron to every neuron that carry no spikes; their model says what they carry."""
    pre, post = np.divmod(np.arange(n_source * n_target), n_target)
    return SynapseBlock(name, source=source, target=target, pre=pre.astype(np.int32), post=post.astype(np.int32))


def texts_of(block: Block) -> list[Any]:
    """Return everything of a block that decides its code, for the structure hash."""
    extra: list[Any]
    if isinstance(block, Group):
        extra = [
            block.threshold,
            block.threshold_slot,
            block.refractory,
            block.update_slot,
            [vars(event) for event in block.events],
        ]
    else:
        assert isinstance(block, SynapseBlock)
        extra = [block.source, block.target, [[name, vars(code)] for name, code in block.summed.items()]]
    declared = [[name, v.declaration, v.role, v.kind] for name, v in block.variables.items()]
    return [
        type(block).__name__,
        block.name,
        block.model,
        block.method,
        declared,
        extra,
        [vars(code) for code in block.codes],
        [vars(event) for event in block.on_events],
    ]
