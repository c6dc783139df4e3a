"""When each action of a step may run on GeNN.

GeNN does two things in turn: all synapses, which see the neurons as they were left, and then all neurons at once, which
see what synapses have sent. A step of a network is therefore a few steps of GeNN's, its **rounds**: an action runs in
the first round in which everything that it depends on is done. So each value is read and written in the plan's own
order, and nothing is a step late.

What GeNN orders otherwise is so left with the order of sums over synapses alone. The price is that every round goes
through all synapses, most of which have nothing to do in it; their programs could be put one step behind another
instead, so that a step has one round, with delay lines in the neurons for what is read late.
"""

from __future__ import annotations

from dataclasses import dataclass

from snn.backends.genn.actions import Action

SYNAPSES, NEURONS = 0, 1


@dataclass(frozen=True)
class Placed:
    """An action and its round, from 0."""

    action: Action
    round: int


def place(actions: list[Action]) -> tuple[list[Placed], int]:
    """Give each action its round, in order; returns the number of rounds too."""
    done: list[tuple[Action, int]] = []  # half-rounds: synapses are even, neurons odd
    placed: list[Placed] = []
    for action in actions:
        half = _earliest(action, done, SYNAPSES if action.synaptic else NEURONS)
        if action.received is not None:
            while any(a.received is not None and a.block == action.block and half == at for a, at in done):
                half += 2
            half = max(half, _earliest(action.received, done, NEURONS) - 1)
            while any(a.received is not None and a.block == action.block and half == at for a, at in done):
                half += 2
        done.append((action, half))
        placed.append(Placed(action, half // 2))
        if action.received is not None:
            done.append((action.received, half + 1))
            placed.append(Placed(action.received, half // 2))
    return placed, 1 + max((half // 2 for _, half in done), default=0)


def _earliest(action: Action, done: list[tuple[Action, int]], kind: int) -> int:
    half = kind
    for other, at in done:
        if _depend(action, other):
            half = max(half, at if other.block == action.block else at + 1)
    return half + (half % 2 != kind)


def _depend(later: Action, earlier: Action) -> bool:
    written = earlier.writes
    return bool(written & (later.reads | later.writes) or earlier.reads & later.writes)
