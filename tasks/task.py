"""What a learner is given, and how it is scored."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from brian2 import Quantity, ms, second

from snn import fields
from snn.backends.load import load_program
from snn.backends.process import RunOptions
from snn.backends.program import Candidate, Outcome, Program, Samples, State
from snn.backends.signals import signal_rows
from snn.check import place
from snn.errors import NetworkError, RunTimeout, SNNError
from snn.fields import number, si
from snn.network import Network, NetworkSpec, freeze
from snn.random import ORDER, generator
from snn.readouts import LeakyReadout, SpikeReadout
from snn.result import Part, Result
from snn.serial import dumps, loads
from snn.versions import versions

SPLIT_SEED = 0


@dataclass(frozen=True)
class Data:
    """A task's samples.

    Attributes
    ----------
    values : array of shape (n, width) or (n, steps, width)
        What the inputs encode, in [0, 1].
    labels : int array of shape (n,)
    classes : int
    signals : mapping of str to array
        What networks may read besides, through `snn.Signal` or a readout's ``target``: one row a sample, (n,) or
        (n, width), or one row a step, (n, steps, width).
    learn : bool array of shape (n,) or None
        The samples of the stream that are learned from; ``None``: all.
    """

    values: np.ndarray
    labels: np.ndarray
    classes: int
    signals: Mapping[str, np.ndarray] = field(default_factory=dict)
    learn: np.ndarray | None = None


@dataclass(frozen=True)
class Split:
    """Indices of the samples that are streamed, of those that a search selects on, and of those that it never sees."""

    stream: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @staticmethod
    def of(sizes: Sequence[int], seed: int = SPLIT_SEED) -> Split:
        """The same permutation for everyone, cut into three parts."""
        order = np.random.default_rng(seed).permutation(sum(sizes))
        stream, validation, test = np.split(order, np.cumsum(sizes)[:-1])
        return Split(stream, validation, test)


@dataclass(frozen=True)
class Task(ABC):
    """A stream of samples in one pass, one at a time, each predicted before it is learned from.

    A subclass is a frozen dataclass decorated with `snn.serial.serialisable` that says where the samples come from
    (`load`) and how they are split (`split`).

    Parameters
    ----------
    sample : Quantity, > 0 ms
        How long a sample is shown.
    gap : Quantity, >= 0 ms
        Silence after it.
    reset : bool
        Whether the network's state (not its weights) goes back to its initial values before each sample.

    Notes
    -----
    The prequential score comes from the stream: each sample is predicted with what was learned from those before it.
    Where a rule changes weights during a sample, or a teacher acts in it, the prediction comes from a first pass over
    the sample without learning and teacher, after which everything is put back. Validation and test parts are scored
    with the weights that the stream has left, without learning and teachers.
    """

    sample: Quantity = number(30 * ms, second, above=0)
    gap: Quantity = number(0 * ms, second, at_least=0)
    reset: bool = True

    @abstractmethod
    def load(self) -> Data:
        """Read or make the samples.

        Raises
        ------
        DataError
            If a file is missing, truncated or corrupt.
        """

    @abstractmethod
    def split(self, n: int) -> Split:
        """How n samples are split."""

    @cached_property
    def data(self) -> Data:
        """The samples, read once."""
        return self.load()

    @property
    def name(self) -> str:
        """The task's name in results."""
        return type(self).__name__

    def to_json(self) -> str:
        """The task as one line of JSON."""
        return dumps(self)

    @staticmethod
    def from_json(text: str) -> Task:
        """The task that a text from `to_json` describes."""
        task = loads(text)
        if not isinstance(task, Task):
            raise SNNError(f"The JSON must describe a task, but it describes a {type(task).__name__}.")
        return task

    def run(
        self,
        network: Network | NetworkSpec,
        *,
        seed: int = 0,
        backend: str = "standalone",
        dtype: str = "float32",
        record: Sequence[str] = (),
        record_samples: int = 5,
        test: bool = False,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
    ) -> Result:
        """Run a network through the stream, then score it.

        Parameters
        ----------
        network : Network or NetworkSpec
        seed : int, 0 to 2**31 - 1
            Decides the order of the stream, first weights, connectivity, and all noise.
        backend : {"standalone", "runtime", "runtime:cython"}
            A compiled program, or Brian2 in this process (slow; not from several threads).
        dtype : {"float32", "float64"}
            Precision of all state.
        record : sequence of str
            What to record over the last `record_samples` samples of the stream: ``"spikes"``, ``"hidden.spikes"``,
            ``"hidden.v"``; a projection's ``"inputs->hidden.weight"`` at the end of each of them.
        test : bool
            Whether to score the test part too. A search does so only when it is over.
        timeout : float or None
            Seconds that the run may take, not counting compilation.
        cancel : threading.Event or None
            Ends the run when it is set.

        Raises
        ------
        NetworkError
            If something is wrong with the network, or it does not fit the task.
        BuildError, RunError
            If it cannot be compiled, or did not finish.
        """
        begin = time.monotonic()
        spec = freeze(network)
        if not 0 <= seed < 2**31:
            raise SNNError(f"`0 <= seed < 2**31` must hold, but seed = {seed}.")
        self._check(spec)
        record = (record,) if isinstance(record, str) else tuple(record)
        candidate = Candidate(spec, int(seed))
        run = _TaskRun(self, candidate, cancel)
        run.check_signals()
        program = load_program(candidate, backend, dtype, RunOptions(cancel=cancel))
        run.start(program, timeout)
        parts, totals, recordings, state = run.stream(record, record_samples)
        split = self.split(len(self.data.labels))
        validation = run.frozen(split.validation, state)
        tested = run.frozen(split.test, state) if test else None
        return Result(
            task=self.name,
            seed=int(seed),
            backend=backend,
            dtype=dtype,
            stream=parts,
            validation=validation,
            test=tested,
            counts=candidate.plan.counts(totals)
            | {"samples": len(parts.labels), "steps": len(parts.labels) * run.period},
            weights=candidate.weights(state),
            recordings=recordings,
            dt_ms=si(spec.dt) * 1e3,
            period=run.period,
            versions=versions(),
            hashes={"network": spec.hash(), "structure": candidate.plan.structure_hash()},
            seconds=time.monotonic() - begin,
            builds=int(program.built),
        )

    def _check(self, spec: NetworkSpec) -> None:
        """Everything about a network that does not fit this task."""
        found = fields.problems(self, f"the task {self.name}")
        width = self.data.values.shape[-1]
        if spec.inputs.n != width:
            found.append(
                f"The inputs must be as many as {self.name} has values, {width}, but the network has {spec.inputs.n}."
            )
        if not spec.readouts:
            found.append("A task scores a readout, but the network has none; add net.readout(...).")
        sizes = spec.sizes()
        for named in spec.readouts:
            readout = named.readout
            units = sizes[readout.population] if isinstance(readout, SpikeReadout) else sizes[named.name]
            by_label = isinstance(readout, SpikeReadout) or readout.target == "label"  # type: ignore[attr-defined]
            if by_label and units != self.data.classes:
                found.append(
                    f"{self.name} has {self.data.classes} classes, but the readout {named.name!r} has {units} units."
                )
        for name in ("sample", "gap"):
            steps = si(getattr(self, name)) / si(spec.dt)
            if not found and abs(steps - round(steps)) > 1e-6:
                found.append(f"`{name}` must be a whole number of steps, but is {steps:g} steps of {spec.dt!r}.")
        if found:
            raise NetworkError(found)


class _TaskRun:
    """One run of a task: the stream, then frozen parts, through one program."""

    program: Program
    deadline: float | None = None

    def __init__(self, task: Task, candidate: Candidate, cancel: threading.Event | None):
        self.task, self.candidate, self.cancel = task, candidate, cancel
        dt = si(candidate.spec.dt)
        self.steps, self.gap = round(si(task.sample) / dt), round(si(task.gap) / dt)
        self.period = self.steps + self.gap
        self.readout = candidate.spec.readouts[0]

    def check_signals(self) -> None:
        """Raise an error if the network reads something that the task does not give, before anything is compiled."""
        first = self._samples(np.arange(1), np.zeros(1, bool), np.zeros(1, bool))
        for source, use in self.candidate.plan.signals.items():
            signal_rows(first, source, use)

    def start(self, program: Program, timeout: float | None) -> None:
        """The time runs from here."""
        self.program = program
        self.deadline = None if timeout is None else time.monotonic() + timeout

    def stream(
        self, record: tuple[str, ...], last: int
    ) -> tuple[Part, dict[str, np.ndarray], dict[str, np.ndarray], State]:
        """The stream: the scores, the counters, what was recorded, and the state that it leaves."""
        split = self.task.split(len(self.task.data.labels))
        order = generator(self.candidate.seed, ORDER).permutation(split.stream)
        previewed = writes_during_sample(self.candidate.spec)
        rows = np.repeat(order, 2) if previewed else order
        preview = np.arange(len(rows)) % 2 == 0 if previewed else np.zeros(len(rows), bool)
        samples = self._samples(rows, learn=~preview, preview=preview)
        recorded = ~preview & (np.arange(len(rows)) >= len(rows) - last * (1 + previewed))
        outcome = self._advance(replace(samples, record=recorded), None, record)
        scored = preview if previewed else np.ones(len(rows), bool)
        return self._part(outcome, order, scored), dict(outcome.totals), dict(outcome.recordings), outcome.state

    def frozen(self, indices: np.ndarray, state: State) -> Part:
        """A part without learning, from a state."""
        nothing = np.zeros(len(indices), bool)
        outcome = self._advance(self._samples(indices, learn=nothing, preview=nothing), state, ())
        return self._part(outcome, indices, np.ones(len(indices), bool))

    def _samples(self, rows: np.ndarray, learn: np.ndarray, preview: np.ndarray) -> Samples:
        data, n = self.task.data, len(rows)
        if data.learn is not None:
            learn = learn & data.learn[rows]
        return Samples(
            steps=self.steps,
            gap=self.gap,
            signals={name: np.asarray(array)[rows] for name, array in data.signals.items()}
            | {"values": data.values[rows], "label": data.labels[rows]},
            learn=learn,
            teach=learn,
            reset=np.full(n, self.task.reset),
            preview=preview,
            record=np.zeros(n, bool),
        )

    def _advance(self, samples: Samples, state: State | None, record: tuple[str, ...]) -> Outcome:
        left = None if self.deadline is None else self.deadline - time.monotonic()
        if left is not None and left <= 0:
            raise RunTimeout("The run took longer than it was given.")
        options = RunOptions(record, left, self.cancel)
        return self.program.advance([self.candidate], [samples], [state], options)[0]

    def _part(self, outcome: Outcome, indices: np.ndarray, scored: np.ndarray) -> Part:
        first, second_ = (outcome.outputs[name][scored] for name in self.candidate.plan.outputs[self.readout.name])
        leaky = isinstance(self.readout.readout, LeakyReadout)
        ties = np.zeros_like(first) if leaky else second_
        losses = second_.sum(axis=1) if leaky else np.full(len(first), np.nan)
        return Part(predictions=decide(first, ties), labels=self.task.data.labels[indices], losses=losses)


def decide(scores: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """The index of each row's highest score; of equal ones that of the highest tie-breaker, then the lowest."""
    best = scores == scores.max(axis=1, keepdims=True)
    return np.argmax(np.where(best, ties, -np.inf), axis=1)


def writes_during_sample(spec: NetworkSpec) -> bool:
    """Whether a rule changes weights before a sample's end, or a teacher acts in it."""
    teachers = [signal for p in spec.populations for signal in [*p.signals.values(), *(d.signal for d in p.drives)]]
    return any(signal.teacher for signal in teachers) or any(
        update.on != "sample" for p in spec.projections for update in p.rule.equations(place(spec, p)).updates
    )
