"""Jobs: the data, without code, that a driver sends to a worker."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from platform import node
from threading import Event
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.results.result import Result
    from tasks import Task
    from tasks.running.batch import Calls


@dataclass(frozen=True)
class Ran:
    """A job that has come to its end.

    Parameters
    ----------
    result : Result
        What it gave.
    worker : str
        Who ran it.
    began, ended : float
        When, in seconds since 1970; for jobs that ran together, when the first of them began and the last ended.
    """

    result: Result
    worker: str
    began: float
    ended: float


@dataclass(frozen=True)
class Job:
    """One run of one network, or one rung of it.

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
    upto : float
        The fraction of the stream after which it stops.
    after : bytes or None
        What the rung before it gave (`Result.to_bytes`).
    test : bool
        Whether the test part is scored too and the last spikes are recorded: only when a search is over.
    settling : bool
        As in `Task.run`: an objective needs it.
    record : tuple of str
        As in `Task.run`.
    script : str or None
        File that another process imports first, in case it defines the task, a neuron or a rule.
    started_in : str or None
        The working folder in which that process imports it, if there is such a folder.
    memory : int or None
        Bytes that the process of the run may take.
    data : str or None
        Hash of the task's data (`Task.data_hash`). The run is refused where the task has other data. None: any data.
    """

    network: str
    task: str
    seed: int
    backend: str
    dtype: str
    timeout: float | None = None
    upto: float = 1.0
    after: bytes | None = None
    test: bool = False
    settling: bool = False
    record: tuple[str, ...] = ()
    script: str | None = None
    started_in: str | None = None
    memory: int | None = None
    data: str | None = None

    def to_json(self, **more: Any) -> str:
        """One line, with more fields for the one who runs it."""
        after = None if self.after is None else b64encode(self.after).decode()
        return json.dumps({**asdict(self), "after": after, **more})

    @classmethod
    def from_json(cls, text: str) -> tuple[Job, dict[str, Any]]:
        """The job, and the fields that were added to it."""
        fields = json.loads(text)
        mine = {name: fields.pop(name) for name in cls.__dataclass_fields__}
        after = None if mine["after"] is None else b64decode(mine["after"])
        return replace(cls(**mine), record=tuple(mine["record"]), after=after), fields

    @property
    def kind(self) -> tuple[object, ...]:
        """The fields that are equal in all jobs of a batch."""
        return self.task, self.backend, self.dtype, self.script, self.memory

    def run(self, cancel: Event | None = None, task: Task | None = None, profile: Profile | None = None) -> Result:
        """Run it here.

        A task object that is at hand saves reading its data again; setting `cancel` ends the run; `profile` counts it.
        """
        from tasks import Task
        from tasks.running.batch import alone

        return alone(self._calls(task or Task.from_json(self.task), cancel, profile))

    def _calls(self, task: Task, cancel: Event | None, profile: Profile | None, beside: int = 1) -> Calls:
        """The run, as `tasks.running.batch` takes it; a task with a `run` of its own does it in no call."""
        from snn.errors import OtherRun, SNNError
        from snn.network.spec import NetworkSpec
        from snn.profile import stage
        from snn.results.result import Result
        from tasks import Task

        with stage(profile, "write"):
            check_data(task, self.data)
        with stage(profile, "lower"):
            network = NetworkSpec.from_json(self.network)
        with stage(profile, "read"):
            try:
                after = None if self.after is None else Result.from_bytes(self.after)
            except SNNError as error:  # damaged on its way or on a disk: the run begins again
                raise OtherRun(str(error)) from error
        own = type(task).run is not Task.run
        settings: dict[str, Any] = {
            "seed": self.seed,
            "backend": self.backend,
            "dtype": self.dtype,
            "record": self.record,
            "upto": self.upto,
            "after": after,
            "test": self.test,
            "settling": self.settling,
            "timeout": self.timeout,
            "cancel": cancel,
            "profile": profile,
            "memory": self.memory,
        }
        return task.run(network, **settings) if own else (yield from task.calls(network, beside=beside, **settings))


def check_data(task: Task, known: str | None) -> None:
    """Compare the data that a task has here with those that a trial was given.

    Raises
    ------
    OtherData
        If the hashes differ. Nothing is compared where `known` is None.
    """
    from snn.errors import OtherData

    if known is not None and task.data_hash != known:
        raise OtherData(
            f"A trial must run on the data that it was given, with the hash {known}, but {task.name} has data with the "
            f"hash {task.data_hash} on {node() or 'this machine'}: restore the file that it reads. If no file has "
            f"changed, {task.name}.load() must return the same data every time."
        )


def run_together(
    jobs: Sequence[Job], cancel: Event | None = None, task: Task | None = None, profile: Profile | None = None
) -> list[Result | Exception]:
    """Run jobs of one kind here, side by side; each gives its result or the error that it ended with.

    The other arguments are those of `Job.run`; the task is that of all.
    """
    from tasks import Task
    from tasks.running.batch import together

    if len(kinds := {job.kind for job in jobs}) > 1:
        raise ValueError(f"Jobs that run together must be of one kind, but are of {len(kinds)}.")
    task = task or Task.from_json(jobs[0].task)
    return together([job._calls(task, cancel, profile, len(jobs)) for job in jobs])
