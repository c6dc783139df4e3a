"""What a network lowers to, as plain data: groups, synapses, and code with its place in the time step.

A `Plan` has texts, which are compiled, and numbers, which are arguments. `snn.backends.planner` makes one of a network,
and only `snn.backends.lower` makes Brian2 objects of it; a run needs the numbers alone.

The time step (see `SLOTS`): encoders and arrivals; resets of the step before; state updates and pseudo-derivatives;
the spike test; readouts, errors and feedback; decision and environment where there are any; learning; and, in a
sample's last step, the writes that wait for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snn.equations import identifiers
from snn.errors import NetworkError
from snn.signals import Signal

SLOTS = (
    "start",  # signals are loaded, encoders run, spikes that arrive in this step are found
    "synapses",  # arriving spikes add their weights
    "resets",  # of neurons that spiked in the step before
    "groups",  # state update; pseudo-derivatives after it
    "thresholds",
    "readouts",
    "errors",
    "feedback",
    "decisions",
    "environment",
    "broadcast",
    "learning",
    "writes",
    "end",
)

OWN_SLOTS = ("synapses", "resets", "groups", "thresholds")
"""What each population goes through by itself where populations are updated one after another."""

SPIKE_TEST = 3  # the order of the spike test within its slot

STEP, LEARN, FIRST, LAST, LEARN_LAST = "step", "learn", "first", "last", "learn_last"
PHASES = (STEP, LEARN, FIRST, LAST, LEARN_LAST)
"""When code runs: in every step; only while learning; in a sample's first or last step; in its last while learning."""

CLOCK = ("sample_row", "sample_step", "sample_steps", "signal_row", "absolute_step", "teach")
"""Shared integers that every object may read and the run's loop sets: the row of the sample in this run, the step
within it, its length without the gap, the row of per-step signals, the step since the beginning of the stream, and
whether teachers act."""
INTEGERS = {"integer": np.int32, "wide": np.int64, "boolean": np.bool_}
WIDE = ("absolute_step", "signal_row")  # 64 bits

SPIKES_EVENT = "e"  # how the engine is told to record events
PREVIOUS = "previous"
"""The event of neurons that spiked in the step before; its delayed relatives are named after their projection."""


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
    """What groups and synapses have in common."""

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
        from snn.fields import si, unit_text

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


@dataclass(frozen=True)
class SignalUse:
    """How a signal is read: one row a ``"sample"`` or a ``"step"``, by at most so many neurons.

    With `phases`, its numbers are 64-bit integers in every precision. They are those of the signal `of`, values in
    [0, 1], times `scale`, as phases (`snn.phase`). Without `of`, the signal has such integers already.
    """

    per: str
    width: int
    phases: bool = False
    of: str | None = None
    scale: float = 1.0


@dataclass
class Plan:
    """Everything that a network lowers to."""

    dt: float
    groups: dict[str, Group] = field(default_factory=dict)
    synapses: dict[str, SynapseBlock] = field(default_factory=dict)
    signals: dict[str, SignalUse] = field(default_factory=dict)
    outputs: dict[str, list[str]] = field(default_factory=dict)  # per sample: readout -> "group.variable"
    streams: int = 0
    turns: int = 1
    """How many groups of populations are updated one after another in a step."""

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots of a step in their order."""
        cut = SLOTS.index(OWN_SLOTS[-1]) + 1
        own = [own_slot(slot, turn) for turn in range(1, self.turns) for slot in OWN_SLOTS]
        return (*SLOTS[:cut], *own, *SLOTS[cut:])

    def blocks(self) -> Iterator[Block]:
        """Groups, then synapses."""
        yield from self.groups.values()
        yield from self.synapses.values()

    def read_signal(self, signal: Signal, n: int) -> None:
        """Note that n neurons read a signal."""
        width = 1 if signal.one_hot else n
        known = self.signals.get(signal.source)
        if known is not None and known.per != signal.per:
            raise NetworkError(f"The signal {signal.source!r} is read per sample in one place and per step in another.")
        self.signals[signal.source] = SignalUse(signal.per, max(width, known.width if known else 1))

    def read_phases(self, source: str, per: str, n: int, scale: float) -> str:
        """Note that n neurons read a signal as phases (see `SignalUse`); returns the name under which they do."""
        name = f"{source}_as_phases"
        self.signals[name] = SignalUse(per, n, phases=True, of=source, scale=scale)
        return name

    def stream(self) -> int:
        """A new stream id of random numbers."""
        self.streams += 1
        return self.streams

    def counts(self, totals: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Costs of a run from its counters: spikes, the synapses that they crossed, weights read and written.

        A weight is read once for each spike that crosses it and once for each write.
        """
        operations = 0
        for block in self.synapses.values():
            if block.transmits:
                spikes = totals[f"{block.source}.spike_count"]
                operations += int(np.bincount(block.pre, minlength=len(spikes)) @ spikes)
        writes = int(sum(array.sum() for name, array in totals.items() if name.endswith("_writes")))
        return {
            "spikes": int(sum(array.sum() for name, array in totals.items() if name.endswith(".spike_count"))),
            "synaptic_operations": operations,
            "weight_reads": operations + writes,
            "weight_writes": writes,
        }

    def structure(self) -> str:
        """The texts that are compiled, without any number that is an argument."""
        return json.dumps([_texts(block) for block in self.blocks()])

    def structure_hash(self) -> str:
        """A hash of `structure`."""
        return hashlib.sha256(self.structure().encode()).hexdigest()[:16]


def own_slot(slot: str, turn: int) -> str:
    """The slot of a population that is the turn-th to be updated, from 0."""
    base = slot.removeprefix("after_").removeprefix("before_")
    return f"{slot}_{turn}" if turn and base in OWN_SLOTS else slot


def _texts(block: Block) -> list[Any]:
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
