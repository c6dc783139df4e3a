"""The interface of every backend: `Program.advance(candidates, samples, states) -> outcomes`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from snn.backends.options import PLAIN, RunOptions
from snn.backends.state import State
from snn.errors import NotFinite
from snn.lowering.plan.names import WEIGHT, block_names
from snn.lowering.plan.plan import Plan
from snn.lowering.planner import plan
from snn.network.spec import NetworkSpec

DTYPES = {"float32": np.float32, "float64": np.float64}
FLAGS = ("learn", "teach", "reset", "preview", "record")
"""What is said of each of `Samples`."""


@dataclass(frozen=True)
class Candidate:
    """A network and the seed of everything random about it."""

    spec: NetworkSpec
    seed: int

    @cached_property
    def plan(self) -> Plan:
        """The lowered network, with synapses and weights drawn from the seed."""
        return plan(self.spec, self.seed)

    def weights(self, state: State) -> dict[str, np.ndarray]:
        """The weights in a state, by the names of the network's projections."""
        return {name: state.arrays[f"{block}.{WEIGHT}"] for name, block in block_names(self.spec).items()}


@dataclass(frozen=True)
class Samples:
    """A piece of a task's stream: n samples, presented one after the other.

    Parameters
    ----------
    steps : int
        Time steps of a sample.
    signals : mapping of str to array
        What the network is given: ``values`` with one row a sample (n, width) or one row a step (n, steps, width);
        ``label`` and others likewise; a missing width counts as 1.
    gap : int
        Silent steps after each sample.
    learn, teach : bool arrays of shape (n,)
        Whether rules run, and whether teachers act.
    reset : bool array of shape (n,)
        Whether the state (not the weights) goes back to its initial values before the sample.
    preview : bool array of shape (n,)
        Whether everything, the time included, goes back after the sample to where it was before.
    record : bool array of shape (n,)
        Whether what a run records is recorded in the sample.
    """

    steps: int
    signals: Mapping[str, np.ndarray]
    learn: np.ndarray
    teach: np.ndarray
    reset: np.ndarray
    preview: np.ndarray
    record: np.ndarray
    gap: int = 0

    def __len__(self) -> int:
        return len(self.learn)

    @property
    def period(self) -> int:
        """Steps from one sample to the next."""
        return self.steps + self.gap

    def first_steps(self, start: int) -> np.ndarray:
        """The stream's step in which each sample begins, if the first begins at `start`."""
        lasting = np.concatenate([[0], np.cumsum(~self.preview)[:-1]])
        return start + self.period * lasting.astype(np.int64)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes
    ----------
    outputs : dict of str to array (n, units)
        By readout unit variable, such as ``"readout.score"``, at the end of every sample.
    totals : dict of str to array
        Counters such as ``"hidden.spike_count"``, over the run.
    recordings : dict of str to array
        By name: spikes as (k, 2) integers of step and neuron; states as (steps, units); weights as (samples, synapses).
    state : State
        Without arrays if it was not wanted (`RunOptions.state`).
    peak_memory_bytes : int or None
        The most memory that the program held, its own code included. None from a backend without a program of its own,
        which is Brian2 in this process. Of candidates in one simulation, each has that of all.
    seconds : float or None
        How long the steps took, without building, writing and reading, where a backend tells: GeNN does. Of candidates
        in one simulation, each has that of all.
    not_finite : str or None
        The name of the first array with numbers that are infinite or none; `check_finite` raises an error.
    """

    outputs: Mapping[str, np.ndarray]
    totals: Mapping[str, np.ndarray]
    recordings: Mapping[str, np.ndarray]
    state: State
    peak_memory_bytes: int | None = None
    seconds: float | None = None
    not_finite: str | None = None


class Program(ABC):
    """The program of one structure on one backend.

    A backend provides `advance`; `snn.backends.registry.load_program` finds the one for a network.
    """

    built: bool = False
    """Whether it had to be compiled for this object."""

    @abstractmethod
    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """Run each candidate through its samples, from its state (``None``: from the beginning).

        A run whose numbers are no longer finite says so in its outcome (`Outcome.not_finite`): it is not its
        neighbours' trouble.

        Raises
        ------
        RunError
            If a run crashed, took too long, or was cancelled.
        """


def finished(outcome: Outcome, options: RunOptions) -> Outcome:
    """The outcome of a run with what it says of its numbers, and with its state if that is wanted."""
    bad = outcome.not_finite or _not_finite(outcome)
    state = outcome.state if options.state else State(outcome.state.step, {})
    return replace(outcome, not_finite=bad, state=state)


def _not_finite(outcome: Outcome) -> str | None:
    for name, array in (*outcome.outputs.items(), *outcome.state.arrays.items()):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return name
    return None


def check_finite(outcome: Outcome) -> None:
    """Raise `NotFinite` if a run produced numbers that are none; callers of `Program.advance` do."""
    name = outcome.not_finite
    if name is not None:
        raise NotFinite(
            f"`{name}` became infinite or not a number; smaller learning rates or bounds w_min, w_max help."
        )
