"""Modulo scheduling: the GeNN time step in which each action of a step runs.

GeNN does two things in turn: all synapses, which see the neurons as they were left, and then all neurons at once, which
see what synapses have sent. One such turn is a **round**. What depends on another population therefore runs a round
later, and its **lag** says how many rounds after the step has begun: with a lag of 3, an action works on a step while
others have begun the third step after it. So a step of the network takes one round, however long the way from a spike
to the change of a weight is, and a sample as many rounds more as its last action lags behind.

Each value is read and written in the plan's own order, and nothing is a step late:

- what one block does to its own variables stays in order;
- what synapses read of neurons they read as it was left for them, from a copy so many rounds old if it has changed
  since (`Placed.past`);
- a sample begins when the one before has ended in all parts, so that weights that are written in a sample's last step
  are there in the next one's first.

Where that is impossible, as with weights that change in every step by errors which depend on them, a step has more
rounds: the smallest number with which it is possible. This is modulo scheduling (Rau, 1994, Iterative modulo
scheduling, MICRO-27), with rounds for cycles and a step for an iteration. What GeNN then orders otherwise than the plan
is the order of sums over synapses alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from snn.backends.genn.fitting.action import Action
from snn.lowering.plan.schedule import FIRST, LAST

Edge = tuple[int, int, int]  # the second's lag is at least the first's and so much
Instance = tuple[int, int]  # an action, and how many steps later than another one


@dataclass(frozen=True)
class Placed:
    """An action in its place.

    Attributes
    ----------
    lag : int
        Rounds from the beginning of a step to this action of it.
    past : dict of str to int
        Variables that it reads as they were so many rounds ago.
    """

    action: Action
    lag: int
    past: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """Actions in their places.

    Attributes
    ----------
    placed : tuple of Placed
        As they follow one another in a round; what a target receives of synapses is there beside what they send.
    rounds : int
        The rounds of a step.
    """

    placed: tuple[Placed, ...]
    rounds: int

    @property
    def behind(self) -> int:
        """Steps by which the end of a sample lags behind."""
        return max((item.lag for item in self.placed), default=0) // self.rounds

    def of(self, block: str) -> list[Placed]:
        """The actions of a group or of synapses."""
        return [item for item in self.placed if item.action.block == block]

    def lag(self, block: str, text: str) -> int:
        """The lag of a block's action whose statements begin so."""
        return next(item.lag for item in self.of(block) if item.action.text.startswith(text))

    def past(self, block: str) -> dict[str, int]:
        """How old the oldest copies are that anybody reads of a group's variables."""
        oldest: dict[str, int] = {}
        for item in self.placed:
            for full, age in item.past.items():
                owner, name = full.split(".")
                if owner == block:
                    oldest[name] = max(age, oldest.get(name, 0))
        return oldest


def place(actions: Sequence[Action]) -> Order:
    """Give each action its place."""
    flat = [one for action in actions for one in ([action, action.received] if action.received else [action])]
    rounds = 1
    while True:
        for remembering in (False, True):  # whether neurons, too, read copies of their own variables
            solver = _Solver(flat, rounds, remembering)
            lags = solver.lags()
            if lags is not None:
                placed = [Placed(action, lags[n], solver.past(n, lags)) for n, action in enumerate(flat)]
                return Order(tuple(sorted(placed, key=lambda item: -item.lag)), rounds)  # older steps first
        rounds += 1


class _Solver:
    """The lags with a number of rounds, as the longest paths between actions, if there are any."""

    def __init__(self, actions: Sequence[Action], rounds: int, remembering: bool):
        self.actions, self.rounds, self.remembering = actions, rounds, remembering
        self.writers: dict[str, list[int]] = {}
        for number, action in enumerate(actions):
            for name in action.writes:
                self.writers.setdefault(name, []).append(number)

    def lags(self) -> list[int] | None:
        """The smallest lags that keep everything in order; None if there are none."""
        edges = list(dict.fromkeys(self._edges()))
        lags = self._longest(edges, [0] * len(self.actions))
        while lags is not None and (clash := self._clash(lags)) is not None:
            edges.append(clash)
            lags = self._longest(edges, lags)
        return lags

    def _longest(self, edges: list[Edge], lags: list[int]) -> list[int] | None:
        lags = list(lags)
        limit = self.rounds * (len(lags) + 1)  # no way without a circle is longer, and nobody waits longer to send
        changed = True
        while changed:
            changed = False
            for earlier, later, least in edges:
                if lags[later] < lags[earlier] + least:
                    lags[later], changed = lags[earlier] + least, True
                    if lags[later] > limit:
                        return None
        return lags

    def _clash(self, lags: list[int]) -> Edge | None:
        """What keeps two actions apart with which the same synapses would send in one round."""
        sends = [number for number, action in enumerate(self.actions) if action.received is not None]
        for pair in combinations(sends, 2):
            first, second = sorted(pair, key=lambda number: lags[number])
            apart = lags[second] - lags[first]
            if self.actions[first].block == self.actions[second].block and apart % self.rounds == 0:
                return first, second, apart + 1
        return None

    # ---- what must be kept in order

    def _edges(self) -> Iterator[Edge]:
        for number, action in enumerate(self.actions):
            if action.received is not None:  # it takes what is sent in the same round
                yield number, number + 1, 0
                yield number + 1, number, 0
            for name in action.reads - action.writes:
                yield from self._read(number, name)
        for writers in self.writers.values():
            for first, second in combinations(writers, 2):
                yield from self._ordered((first, 0), (second, 0))
                yield from self._ordered((second, 0), (first, 1))

    def _read(self, reader: int, name: str) -> Iterator[Edge]:
        before, after = self._around(reader, name)
        for writer in before:
            yield from self._ordered(writer, (reader, 0))
        if not self._remembers(reader, name):
            for writer in after:
                yield from self._ordered((reader, 0), writer)
            return
        for earlier in before:  # what was written must be there at the end of a round
            for later in after:
                if earlier[0] != later[0]:
                    yield self._edge(earlier, later, 1)

    def _around(self, reader: int, name: str) -> tuple[list[Instance], list[Instance]]:
        """Who may have written last what is read in a step, and who may write it next."""
        before: list[Instance] = []
        after: list[Instance] = []
        for writer in self.writers.get(name, []):
            (before if writer < reader else after).append((writer, 0))
            if self._follows((writer, reader) if writer > reader else (reader, writer)):
                before.append((writer, -1)) if writer > reader else after.append((writer, 1))
        return before, after

    def _follows(self, pair: tuple[int, int]) -> bool:
        """Whether the second may run in the step after the first's, and not only in another sample's."""
        return self.actions[pair[0]].when != LAST and self.actions[pair[1]].when != FIRST

    def _ordered(self, earlier: Instance, later: Instance) -> Iterator[Edge]:
        if later[1] == earlier[1] or self._follows((earlier[0], later[0])):
            first, second = self.actions[earlier[0]], self.actions[later[0]]
            yield self._edge(earlier, later, int(not first.synaptic and second.synaptic))

    def _edge(self, earlier: Instance, later: Instance, least: int) -> Edge:
        return earlier[0], later[0], least - (later[1] - earlier[1]) * self.rounds

    # ---- copies

    def _remembers(self, reader: int, name: str) -> bool:
        """Whether an action may read an old copy: synapses of neurons' variables, if need be neurons of their own."""
        action = self.actions[reader]
        if action.synaptic:
            return not name.startswith(f"{action.block}.")
        return self.remembering

    def past(self, number: int, lags: list[int]) -> dict[str, int]:
        """How old the copies are that an action reads."""
        action, found = self.actions[number], {}
        for name in action.reads - action.writes:
            if not self._remembers(number, name):
                continue
            _, after = self._around(number, name)
            late = max((lags[number] - lags[writer] - steps * self.rounds for writer, steps in after), default=0)
            if late > 0:
                found[name] = late if action.synaptic else late + 1
        return found
