"""Candidates of one structure in one simulation, each with its own numbers, samples and outcome.

A candidate's outcome does not depend on its neighbours: nothing passes between them (`snn.lowering.arrangement.batch`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from snn.backends.options import RunOptions
from snn.backends.program import FLAGS, Candidate, Outcome, Samples, finished
from snn.backends.recording import SPIKES
from snn.backends.sample_arrays import signal_rows
from snn.backends.state import State
from snn.lowering.arrangement.batch import side_by_side, starts
from snn.lowering.plan.blocks import INTEGERS
from snn.lowering.plan.plan import Plan


@dataclass(frozen=True)
class Population:
    """Plans of one structure (`Plan.structure`) and time step, as blocks of one plan.

    Sizes, synapses and numbers may differ. Every structure can be a population.
    """

    plans: Sequence[Plan]

    @cached_property
    def plan(self) -> Plan:
        """The plan to simulate."""
        return side_by_side(self.plans)

    def samples(self, pieces: Sequence[Samples]) -> Samples:
        """The candidates' samples as one: equal in steps, gap and flags, with their signals side by side."""
        signals: dict[str, np.ndarray] = {}
        for source in self.plans[0].signals:
            columns = []
            for plan, piece in zip(self.plans, pieces, strict=True):
                use = plan.signals[source]
                rows = signal_rows(piece, source, use)
                columns.append(rows[:, : use.width] if rows.shape[1] > 1 else np.repeat(rows, use.width, axis=1))
            rows = np.concatenate(columns, axis=1)
            shape = (len(pieces[0]), pieces[0].steps) if use.per == "step" else (len(pieces[0]),)
            signals[source] = rows.reshape(*shape, rows.shape[1])
        return replace(pieces[0], signals=signals)

    def state(self, states: Sequence[State | None]) -> State | None:
        """The candidates' states, all at one step, as one; None is the beginning."""
        given = [state for state in states if state is not None]
        if not given:
            return None
        arrays = {}
        for name in dict.fromkeys(name for state in given for name in state.arrays):
            pieces = [
                state.arrays[name] if state is not None and name in state.arrays else _first_value(plan, name)
                for plan, state in zip(self.plans, states, strict=True)
            ]
            arrays[name] = np.concatenate(pieces).astype(given[0].arrays.get(name, pieces[0]).dtype, copy=False)
        return State(given[0].step, arrays)

    def split(self, outcome: Outcome) -> list[Outcome]:
        """Each candidate's part of an outcome; the memory is that of the whole."""
        outputs, totals, arrays = map(self._split, (outcome.outputs, outcome.totals, outcome.state.arrays))
        recordings = self._split(outcome.recordings)
        whole = replace(outcome, not_finite=None)
        return [
            replace(whole, outputs=outputs[k], totals=totals[k], recordings=recordings[k], state=state)
            for k, state in enumerate(State(outcome.state.step, part) for part in arrays)
        ]

    def _split(self, arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
        parts: list[dict[str, np.ndarray]] = [{} for _ in self.plans]
        for name, array in arrays.items():
            sizes = np.array([_size(plan, name.partition(".")[0]) for plan in self.plans])
            cut = _split_spikes if name.endswith(f".{SPIKES}") else _split_columns
            for part, piece in zip(parts, cut(array, sizes), strict=True):
                part[name] = piece
        return parts


def _size(plan: Plan, block: str) -> int:
    return plan.groups[block].n if block in plan.groups else len(plan.synapses[block].pre)


def _first_value(plan: Plan, name: str) -> np.ndarray:
    """A variable at the beginning."""
    block, _, variable = name.partition(".")
    described = (plan.groups.get(block) or plan.synapses[block]).variables[variable]
    return np.full(_size(plan, block), described.value, INTEGERS.get(described.kind))


def _split_columns(array: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Copies, so that one that is kept does not keep all."""
    return [part.copy() for part in np.split(array, np.cumsum(sizes)[:-1], axis=-1)]


def _split_spikes(spikes: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    """Rows of step and neuron, with the neuron's number in its candidate, in the order that they had."""
    of = np.searchsorted(np.cumsum(sizes), spikes[:, 1], side="right")
    order = np.argsort(of, kind="stable")
    own = np.column_stack([spikes[:, 0], spikes[:, 1] - starts(sizes)[of]])[order]
    return np.split(own, np.searchsorted(of[order], np.arange(1, len(sizes))))


def together(
    candidates: Sequence[Candidate], samples: Sequence[Samples], states: Sequence[State | None]
) -> list[list[int]]:
    """Return the positions of candidates that fit into one simulation: those of one structure that do the same in every
    step.

    That is a time step, the steps and gap of a sample, the first step, and whether each sample learns, teaches, resets,
    is a preview and is recorded.
    """
    fitting: dict[Any, list[int]] = {}
    for k, (candidate, piece, state) in enumerate(zip(candidates, samples, states, strict=True)):
        flags = tuple(np.asarray(getattr(piece, name), bool).tobytes() for name in FLAGS)
        step = state.step if state else 0
        plan = candidate.plan
        key = (plan.structure(), plan.dt, piece.steps, piece.gap, step, flags)
        fitting.setdefault(key, []).append(k)
    return list(fitting.values())


def advance_together(
    candidates: Sequence[Candidate],
    samples: Sequence[Samples],
    states: Sequence[State | None],
    options: RunOptions,
    run: Callable[[Candidate | Population, Samples, State | None, RunOptions], Outcome],
) -> list[Outcome]:
    """`Program.advance` by a function that simulates one candidate, or at once all that fit together."""
    outcomes: dict[int, Outcome] = {}
    whole = replace(options, state=True)  # to see whose numbers are none
    for places in together(candidates, samples, states):
        pieces, begun = [samples[k] for k in places], [states[k] for k in places]
        if len(places) == 1:
            parts = [run(candidates[places[0]], pieces[0], begun[0], whole)]
        else:
            population = Population([candidates[k].plan for k in places])
            parts = population.split(run(population, population.samples(pieces), population.state(begun), whole))
        outcomes |= {k: finished(part, options) for k, part in zip(places, parts, strict=True)}
    return [outcomes[k] for k in range(len(candidates))]
