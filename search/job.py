"""What travels from the driver to a worker: data, not code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.result import Result
    from tasks import Task


@dataclass(frozen=True)
class Job:
    """One run of one network.

    Parameters
    ----------
    network : str
        JSON of its NetworkSpec.
    task : str
        JSON of its task.
    seed : int
        Seed of the run.
    backend, dtype : str
        As in `Task.run`.
    timeout : float or None
        Seconds it may take.
    test : bool
        Whether the test part is scored too and the last spikes are recorded: only when a search is over.
    record : tuple of str
        As in `Task.run`.
    script : str or None
        File that another process imports first, in case it defines the task, a neuron or a rule.
    """

    network: str
    task: str
    seed: int
    backend: str
    dtype: str
    timeout: float | None = None
    test: bool = False
    record: tuple[str, ...] = ()
    script: str | None = None

    def to_json(self, **more: Any) -> str:
        """One line, with more fields for the one who runs it."""
        return json.dumps({**asdict(self), **more})

    @classmethod
    def from_json(cls, text: str) -> tuple[Job, dict[str, Any]]:
        """The job, and the fields that were added to it."""
        fields = json.loads(text)
        mine = {name: fields.pop(name) for name in cls.__dataclass_fields__}
        return replace(cls(**mine), record=tuple(mine["record"])), fields

    def run(self, cancel: Event | None = None, task: Task | None = None, profile: Profile | None = None) -> Result:
        """Run it here.

        A task object that is at hand saves reading its data again; setting `cancel` ends the run; `profile` counts it.
        """
        from snn.network import NetworkSpec
        from snn.profile import stage
        from tasks import Task

        with stage(profile, "lower"):
            network = NetworkSpec.from_json(self.network)
        return (task or Task.from_json(self.task)).run(
            network,
            seed=self.seed,
            backend=self.backend,
            dtype=self.dtype,
            record=self.record,
            test=self.test,
            timeout=self.timeout,
            cancel=cancel,
            profile=profile,
        )
