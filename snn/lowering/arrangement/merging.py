"""The merging of neighbouring statements of a group into fewer, longer loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from snn.equations.statements import written_names
from snn.lowering.plan.blocks import Code, Event, Group, OnEvent
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import SPIKE_TEST

Time = tuple[str, int]
"""Slot and order."""
Piece = TypeVar("Piece", Code, OnEvent)


def merge(plan: Plan) -> None:
    """Join neighbouring codes of each group, and neighbouring codes of one event, in place.

    They are joined if they run in the same slot and phase and nothing stands between them that reads or writes the
    group: its own events, its state update and spike test, and everything that synapses do. What other groups do makes
    no difference. What has local variables of its own can only come first: they may be scalars, which Brian2 wants
    written before all vectors.
    """
    synaptic: set[Time] = set()
    for block in plan.synapses.values():
        synaptic |= {*_times(block.codes), *_times(block.on_events), *_times(block.summed.values())}
    for group in plan.groups.values():
        fixed = synaptic | {(group.update_slot, 0), (group.threshold_slot, SPIKE_TEST), *_times(group.events)}
        group.codes[:] = _joined(group, group.codes, fixed | {*_times(group.on_events)})
        events = list(dict.fromkeys(on_event.event for on_event in group.on_events))
        of = {event: [on for on in group.on_events if on.event == event] for event in events}
        others = {event: [on for on in group.on_events if on.event != event] for event in events}
        busy = {event: {*_times(group.codes), *_times(others[event])} for event in events}
        group.on_events[:] = [on for event in events for on in _joined(group, of[event], fixed | busy[event])]


def _joined(group: Group, pieces: Iterable[Piece], busy: set[Time]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.slot, piece.order)):
        last = joined[-1] if joined else None
        together = last and (last.slot, last.phase) == (piece.slot, piece.phase) and not _between(busy, last, piece)
        if last and together and written_names(piece.text) <= group.variables.keys():
            joined[-1] = replace(last, text=f"{last.text}\n{piece.text}")
        else:
            joined.append(piece)
    return joined


def _between(busy: set[Time], first: Code | OnEvent, second: Code | OnEvent) -> bool:
    return any(slot == first.slot and first.order <= order <= second.order for slot, order in busy)


def _times(pieces: Iterable[Code | OnEvent | Event]) -> Iterator[Time]:
    for piece in pieces:
        yield piece.slot, piece.order
