"""Everything that one search needs, settled: the study as its script declares it, and what the command line changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.job import Job
from search.objectives import Objective
from search.script import Script
from search.storage import Location

if TYPE_CHECKING:
    from optuna import Trial

    from snn.network import Network, NetworkSpec
    from tasks import Task


@dataclass(frozen=True)
class Plan:
    """What to search, and where it lies.

    Parameters
    ----------
    network : callable
        Trial -> Network.
    task, objectives, sampler, seed, backend, dtype
        As in `Study`.
    name : str
        The study's.
    location : Location
        Its storage.
    script : Script
        Where it is defined.
    timeout : float or None
        Seconds that a trial may take.
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
    timeout: float | None = None

    def origin(self) -> dict[str, str]:
        """What a trial stores besides seed and network in order to be run again."""
        return {
            "script": self.script.hash,
            "task": self.task.to_json(),
            "backend": self.backend,
            "dtype": self.dtype,
        }

    def job(self, network: str, seed: int) -> Job:
        """The run of a trial."""
        return Job(
            network=network,
            task=self.task.to_json(),
            seed=seed,
            backend=self.backend,
            dtype=self.dtype,
            timeout=self.timeout,
            script=None if self.script.file is None else str(self.script.file.resolve()),
        )
