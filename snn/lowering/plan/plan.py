"""A plan: groups, synapses, and code with its place in the time step, as plain data.

A `Plan` has texts, which are compiled, and numbers, which are arguments. `snn.lowering.planner` makes one of a network,
and only `snn.backends.brian.objects` makes Brian2 objects of it; a run needs the numbers alone.

The time step (see `SLOTS`): encoders and arrivals; resets of the step before; state updates and pseudo-derivatives;
the spike test; readouts, errors and feedback; decision and environment where there are any; learning; and, in a
sample's last step, the writes that wait for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from snn.errors import NetworkError
from snn.lowering.plan.blocks import Block, Group, SynapseBlock, texts_of
from snn.lowering.plan.schedule import OWN_SLOTS, SLOTS, own_slot
from snn.signals import Signal


@dataclass(frozen=True)
class SignalUse:
    """The use of a signal: one row for each ``"sample"`` or ``"step"``, and the largest number of neurons that read it.

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
    """A lowered network."""

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
        return json.dumps([texts_of(block) for block in self.blocks()])

    def structure_hash(self) -> str:
        """A hash of `structure`."""
        return hashlib.sha256(self.structure().encode()).hexdigest()[:16]
