"""The plan of one search: the study as its script declares it, with the changes of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.pruners.base import NONE
from search.spec.constraints import Constraint
from search.spec.job import Job
from search.spec.objectives import Objective, needs
from search.spec.rungs import fractions
from search.spec.script import Script
from search.storage.location import Location
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

if TYPE_CHECKING:
    from optuna import Trial

    from snn.network.builder import Network
    from snn.network.spec import NetworkSpec
    from tasks import Task

LEAST = 0.01  # seconds that a run is given at least, so that it ends with the error that says so


@dataclass(frozen=True)
class StudyReference:
    """Another study.

    Parameters
    ----------
    location : Location
        Its storage.
    name : str or None
        Its name; None for the only study there.
    shown : str
        Its script or storage, as messages name it.
    """

    location: Location
    name: str | None
    shown: str


@dataclass(frozen=True)
class Plan:
    """The settings of a search, and the location of its study.

    Parameters
    ----------
    network : callable
        Trial -> Network.
    task, objectives, constraints, sampler, seed, backend, dtype
        As in `Study`.
    name : str
        The study's.
    location : Location
        Its storage.
    script : Script
        Where it is defined.
    pruner : str, optuna.pruners.BasePruner or None
        As in `Study`.
    rungs, replicates : int
        As in `Study`.
    timeout : float or None
        Seconds that a trial may take.
    memory : int or None
        Bytes that the process of a run may take.
    warm_start : callable or None
        Returns the study to learn from. It may run that study's script.
    enqueue : sequence of mapping
        As in `Study`.
    given : mapping
        What a run was given besides the script that another command line can be given too, by the names of `Study`'s
        arguments.
    """

    network: Callable[[Trial], Network | NetworkSpec]
    task: Task
    objectives: tuple[Objective, ...]
    sampler: Any
    name: str
    location: Location
    seed: int
    backend: str
    dtype: str
    script: Script
    constraints: tuple[Constraint, ...] = ()
    pruner: Any = None
    rungs: int = 1
    replicates: int = 1
    timeout: float | None = None
    memory: int | None = None
    warm_start: Callable[[], StudyReference] | None = None
    enqueue: Sequence[Mapping[str, Any]] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def ends(self) -> tuple[float, ...]:
        """The ends of a trial's rungs, as fractions of the stream."""
        return fractions(self.rungs, self.streamed)

    @property
    def prunes(self) -> bool:
        """Whether trials may be pruned."""
        return self.rungs > 1 and self.pruner not in (None, NONE)

    @cached_property
    def streamed(self) -> int:
        """Samples of the stream."""
        return len(self.task.parts.stream)

    @cached_property
    def by_loss(self) -> bool:
        """Whether rungs are judged by the prequential loss: where that, or the loss, comes first, or without labels."""
        return self.task.data.labels is None or self.objectives[0].name in ("loss", "prequential_loss")

    def origin(self) -> dict[str, str]:
        """Return the data that a trial stores, besides seed and network, for a replay."""
        return {
            "script": self.script.hash,
            "task": self.task.to_json(),
            "data": self.task.data_hash,
            "backend": self.backend,
            "dtype": self.dtype,
        }

    def job(
        self,
        network: str,
        seed: int,
        upto: float = 1.0,
        after: bytes | None = None,
        spent: float = 0.0,
        data: str | None = None,
    ) -> Job:
        """The run of a trial, or a piece of it, `spent` seconds of whose time are over; `data` is as in `Job`."""
        return Job(
            network=network,
            task=self.task.to_json(),
            seed=seed,
            backend=self.backend,
            dtype=self.dtype,
            timeout=None if self.timeout is None else max(self.timeout - spent, LEAST),
            memory=self.memory,
            upto=upto,
            after=after,
            settling="settling" in needs([*self.objectives, *(one.objective for one in self.constraints)]),
            script=None if self.script.file is None else str(self.script.file.resolve()),
            data=data,
            started_in=str(self.script.started_in),
        )


def replay_jobs(plan: Plan, trial: FrozenTrial) -> list[Job]:
    """The runs of a stored trial, one a replicate: its network, seeds, task, data, backend and precision, whatever the
    script says today.
    """
    stored = Record(trial)
    if stored.network is None or stored.seed is None or not stored.origin:
        raise StudyError(
            f"Only a trial with a stored network, seed and task can be run again, but trial {trial.number} lacks one."
        )
    origin = stored.origin
    job = plan.job(stored.network, stored.seed)
    settling = job.settling or stored.result.get("settling_time_ms") is not None  # a bound that a run was given
    changed = {name: origin[name] for name in ("backend", "dtype", "task")} | {"settling": settling}
    changed["data"] = origin.get("data")  # earlier versions have not stored it
    return [replace(job, seed=seed, **changed) for seed in stored.seeds]
