"""One run of a task: the stream, then frozen parts, through one program, in pieces that fit into memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Outcome, Program, Samples
from snn.backends.sample_arrays import signal_rows
from snn.backends.state import State
from snn.equations.parse import identifiers
from snn.errors import Cancelled, RunTimeout, SNNError
from snn.fields import si
from snn.network.spec import NetworkSpec
from snn.profile import Profile, largest, stage
from snn.readouts import LeakyReadout
from snn.results.part import Part
from snn.results.result import joined_recordings
from snn.values import Values
from tasks.data import Drawn
from tasks.indices import checked_order
from tasks.running.batch import Answer, Call
from tasks.running.settling import deciding, settled_after
from tasks.validation import checked_rows

if TYPE_CHECKING:
    from tasks.dataset import Dataset

PIECE = 64 << 20
"""The most bytes of signals, as numbers of 64 bits, that a run makes and hands to a program at a time."""
PIECES = 16
"""As many pieces of that size are held by all the runs that go side by side; with more runs they are smaller."""

T = TypeVar("T")
Advancing = Generator[Call, Answer, T]
"""A part of a run: it asks for calls, and gives something in the end."""

SETTLED = "settled"  # no name that can be recorded: those have a point


class TaskRun:
    """One run of a task.

    Parameters
    ----------
    task : Task
    candidate : Candidate
    cancel : threading.Event or None
        Ends it when set.
    profile : Profile or None
        Where its CPU time is counted.
    beside : int
        How many runs go side by side, itself included.

    Attributes
    ----------
    peak_memory_bytes : int or None
        The most memory that its program has held so far.

    Notes
    -----
    A piece is at most `PIECE` bytes of signals, or one sample, with its preview. A run in pieces is exactly the run in
    one. Whoever iterates over a run's methods makes the calls that they ask for (`tasks.running.batch`).
    """

    program: Program
    engine: tuple[str, str]
    began: float
    deadline: float | None = None
    memory: int | None = None
    peak_memory_bytes: int | None = None

    def __init__(
        self,
        task: Dataset,
        candidate: Candidate,
        cancel: threading.Event | None,
        profile: Profile | None = None,
        beside: int = 1,
    ):
        self.task, self.candidate, self.cancel, self.profile = task, candidate, cancel, profile
        dt = si(candidate.spec.dt)
        self.steps, self.gap = round(si(task.sample) / dt), round(si(task.gap) / dt)
        self.period = self.steps + self.gap
        self.readout = candidate.spec.readouts[0]
        self.piece = max(1, PIECE * min(beside, PIECES) // beside // max(1, task.data.row_bytes))
        self.passes = 2 if writes_during_sample(candidate.spec) else 1  # the first of two only predicts

    def check_signals(self) -> None:
        """Raise an error if the network reads something that the task does not give, before anything is compiled."""
        first = self._samples(np.arange(1))
        for source, use in self.candidate.plan.signals.items():
            signal_rows(first, source, use)

    def check_settling(self) -> None:
        """Raise an error if there is no decision that could settle, or if it cannot be followed."""
        if self.task.data.labels is None:
            raise SNNError(f"The settling time is that of a decision, but {self.task.name} has no labels to decide on.")
        deciding(self.candidate.plan, self.readout)

    def start(
        self, program: Program, engine: tuple[str, str], timeout: float | None, memory: int | None = None
    ) -> None:
        """The time runs from here; the engine is the program's backend and dtype."""
        self.program, self.engine, self.memory, self.began = program, engine, memory, time.monotonic()
        self.deadline = None if timeout is None else self.began + timeout

    @property
    def seconds(self) -> float:
        """Its run time, without the time of the runs beside it."""
        return time.monotonic() - self.began

    def _pause(self, seconds: float) -> None:
        """So much of the time was others'."""
        self.began += seconds
        self.deadline = None if self.deadline is None else self.deadline + seconds

    def stream(
        self, record: tuple[str, ...], last: int, rung: slice, state: State | None
    ) -> Advancing[tuple[Part, Outcome]]:
        """A piece of the stream: its scores, and the outcome with counters, what was recorded, and the state it leaves.

        Of the stream's last `last` samples those that lie in the piece are recorded.
        """
        whole = checked_order(self.task, self.candidate.seed)
        order, passes = whole[rung], self.passes
        preview = np.arange(len(order) * passes) % passes != passes - 1
        learn = ~preview
        if self.task.data.learn is not None:
            learn &= self.task.data.learn[np.repeat(order, passes)]
        recorded = ~preview & np.repeat(np.arange(len(whole))[rung] >= len(whole) - last, passes)
        samples = _flags(len(preview), learn=learn, teach=learn, preview=preview, record=recorded)
        outcome = yield from self._advance(np.repeat(order, passes), samples, state, record, passes, keep=True)
        return self._part(outcome, order, slice(None, None, passes)), outcome

    def frozen(self, indices: np.ndarray, state: State, settling: bool = False) -> Advancing[Part]:
        """A part without learning, from a state; with the steps after which decisions have settled, if asked for."""
        if not len(indices):
            return self._nothing(settling)
        names = deciding(self.candidate.plan, self.readout) if settling else ()
        flags = _flags(len(indices), record=np.full(len(indices), settling))
        reduce = self._settle if settling else None
        outcome = yield from self._advance(indices, flags, state, names, reduce=reduce)
        return self._part(outcome, indices, slice(None))

    def _settle(self, outcome: Outcome) -> Outcome:
        """Each step's scores are only kept until it is known when they have settled."""
        names = deciding(self.candidate.plan, self.readout)
        return replace(outcome, recordings={SETTLED: settled_after(outcome.recordings, names, self.period, decide)})

    def _samples(self, rows: np.ndarray, flags: dict[str, np.ndarray] | None = None) -> Samples:
        return Samples(
            steps=self.steps,
            gap=self.gap,
            signals={name: self._rows(name, array, rows) for name, array in self.task.data.arrays.items()},
            reset=np.full(len(rows), self.task.reset),
            **(flags or _flags(len(rows))),
        )

    def _rows(self, name: str, array: np.ndarray | Drawn, rows: np.ndarray) -> np.ndarray:
        """Rows of an array of the task; those that are drawn are checked here, the others were before."""
        if not isinstance(array, Drawn):
            return array[rows]
        takes = self.candidate.spec.inputs.takes if name == "values" else Values.FINITE
        return checked_rows(self.task, name, array, rows, takes)

    def _advance(
        self,
        rows: np.ndarray,
        flags: dict[str, np.ndarray],
        state: State | None,
        record: tuple[str, ...] = (),
        passes: int = 1,
        keep: bool = False,
        reduce: Callable[[Outcome], Outcome] | None = None,
    ) -> Advancing[Outcome]:
        """Run samples of any number piece by piece, each from the state that the one before has left.

        The state that the last one leaves is given back where `keep` says so. `reduce` makes less of each piece.
        """
        whole: Outcome | None = None
        for begin in range(0, max(1, len(rows)), self.piece * passes):
            piece = slice(begin, begin + self.piece * passes)
            options = self._options(record, state=keep or piece.stop < len(rows))
            with stage(self.profile, "write"):
                samples = self._samples(rows[piece], {name: flag[piece] for name, flag in flags.items()})
            outcome, others = yield Call(self.program, self.engine, self.candidate, samples, state, options)
            self._pause(others)
            self.peak_memory_bytes = largest(self.peak_memory_bytes, outcome.peak_memory_bytes)
            outcome = outcome if reduce is None else reduce(outcome)
            whole = outcome if whole is None else _joined(whole, outcome)
            state = outcome.state
        assert whole is not None
        return whole

    def _options(self, record: tuple[str, ...], state: bool) -> RunOptions:
        """Options of a piece; an error if the run should end instead."""
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled("The run was cancelled.")
        left = None if self.deadline is None else self.deadline - time.monotonic()
        if left is not None and left <= 0:
            raise RunTimeout("The run took longer than it was given.")
        return RunOptions(record, left, self.cancel, state, self.profile, self.memory)

    def _part(self, outcome: Outcome, indices: np.ndarray, scored: slice) -> Part:
        with stage(self.profile, "score"):
            return self._scored(outcome, indices, scored)

    def _nothing(self, settling: bool = False) -> Part:
        """A part without samples."""
        none = None if self.task.data.labels is None else np.zeros(0, np.int64)
        return Part(none, none, np.zeros(0), none if settling else None)

    def _scored(self, outcome: Outcome, indices: np.ndarray, scored: slice) -> Part:
        if not len(indices):  # not every backend knows the width of scores that it has never seen
            return self._nothing()
        first, second_ = (outcome.outputs[name][scored] for name in self.candidate.plan.outputs[self.readout.name])
        leaky = isinstance(self.readout.readout, LeakyReadout)
        losses = second_.sum(axis=1) if leaky else np.full(len(first), np.nan)
        if self.task.data.labels is None:
            return Part(predictions=None, labels=None, losses=losses)
        ties = np.zeros_like(first) if leaky else second_
        settled = outcome.recordings.get(SETTLED)
        return Part(decide(first, ties), self.task.data.labels[indices], losses, settled)


def _flags(n: int, **given: np.ndarray) -> dict[str, np.ndarray]:
    """What is done in each of n samples; nothing where it is not given."""
    return {name: given.get(name, np.zeros(n, bool)) for name in ("learn", "teach", "preview", "record")}


def _joined(before: Outcome, after: Outcome) -> Outcome:
    """Two pieces of a run as one."""
    return replace(
        after,
        outputs={name: np.concatenate([array, after.outputs[name]]) for name, array in before.outputs.items()},
        totals={name: array + after.totals[name] for name, array in before.totals.items()},
        recordings=joined_recordings(before.recordings, after.recordings),
        peak_memory_bytes=largest(before.peak_memory_bytes, after.peak_memory_bytes),
    )


def decide(scores: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """The index of each row's highest score; of equal ones that of the highest tie-breaker, then the lowest."""
    best = scores == scores.max(axis=1, keepdims=True)
    return np.argmax(np.where(best, ties, -np.inf), axis=1)


def writes_during_sample(spec: NetworkSpec) -> bool:
    """Whether a rule changes weights before a sample's end, or a teacher acts on neurons in it.

    A teacher that rules alone hear, as their third factor, changes no prediction before they write.
    """
    if any(update.on != "sample" for p in spec.projections for update in spec.rules[p.name].updates):
        return True
    for population in spec.populations:
        neuron = population.model.neuron(spec.dt)
        words = {word for text in neuron.texts() for word in identifiers(text)}
        heard = [signal for name, signal in population.signals.items() if name in words]
        if neuron.learning or any(s.teacher for s in [*heard, *(drive.signal for drive in population.drives)]):
            return True
    return False
