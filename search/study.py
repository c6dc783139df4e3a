"""A study as a script declares it."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.objectives import OBJECTIVES, problems_with
from search.plan import Plan
from search.script import Script, loading
from search.storage import Location
from snn.backends.load import BACKENDS
from snn.backends.program import DTYPES
from snn.errors import nearest
from snn.profile import cpu_seconds
from tasks import Task

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.samplers import BaseSampler

    from search.summary import Summary
    from snn.network import Network, NetworkSpec


class Study:
    """A search for the network that does a task best.

    Parameters
    ----------
    network : callable
        `network(trial)` asks the trial for its parameters (`trial.suggest_float(...)`) and returns a `snn.Network`:
        what it asks for is the search space.
    task : Task
        What the network learns and how it is scored.
    objectives : sequence of str, default ["accuracy"]
        One or more of `accuracy` (validation part, maximised), `loss` (validation part, minimised),
        `prequential_accuracy` (stream, maximised), `prequential_loss` (stream, minimised), and per streamed sample,
        minimised: `spikes`, `synaptic_operations`, `weight_writes`. A task without labels has no accuracies.
    name : str, optional
        The study's name; without one, the script's without suffix.
    seed : int, default 0
        At least 0. Every trial's seed follows from it and from the trial's number.
    sampler : optuna.samplers.BaseSampler or callable, optional
        Who suggests: an Optuna sampler, or a function of `seed=` that makes one, such as its class. TPE by default.
    storage : str or path, optional
        Any storage URL of Optuna or the path of a journal file; without one, `<script>.journal` beside the script.
    backend : {"standalone", "runtime", "runtime:cython"}, default "standalone"
        Compiled programs, or Brian2 in a process for each worker.
    dtype : {"float32", "float64"}, default "float32"
        Precision.

    Raises
    ------
    StudyError
        If an argument is wrong; it lists everything that is.
    """

    def __init__(
        self,
        network: Callable[[Trial], Network | NetworkSpec],
        task: Task,
        objectives: Sequence[str] = ("accuracy",),
        name: str | None = None,
        seed: int = 0,
        sampler: BaseSampler | Callable[..., BaseSampler] | None = None,
        storage: str | Path | None = None,
        backend: str = "standalone",
        dtype: str = "float32",
    ):
        problems = []
        if not callable(network):
            problems.append(f"`network` must be a function of a trial, but is {network!r}: write `def network(trial)`.")
        if not isinstance(task, Task):
            problems.append(f"`task` must be a Task, but is {task!r}: give an instance such as Digits().")
        problems += problems_with(objectives)
        problems += check_settings(name=name, seed=seed, storage=storage, backend=backend, dtype=dtype)
        if problems:
            raise StudyError(problems)
        self.network = network
        self.task = task
        self.objectives = tuple(objectives)
        self.name = name
        self.seed = int(seed)
        self.sampler = sampler
        self.storage = storage
        self.backend = backend
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"Study(name={self.name!r}, task={self.task!r}, objectives={list(self.objectives)})"

    def plan(self, script: Script | None = None, **changes: Any) -> Plan:
        """The study with everything settled.

        Parameters
        ----------
        script : Script, optional
            Where it is defined; found from `network` if not given.
        **changes
            `name`, `storage`, `seed`, `backend`, `dtype`, `timeout` that replace the study's own unless None.
        """
        if problems := check_settings(**changes):
            raise StudyError(problems)
        script = script or Script.of(self.network)
        own = {name: getattr(self, name) for name in ("name", "storage", "seed", "backend", "dtype")}
        settled = {**own, "timeout": None, **{name: value for name, value in changes.items() if value is not None}}
        plan = Plan(
            network=self.network,
            task=self.task,
            objectives=tuple(OBJECTIVES[name] for name in self.objectives),
            sampler=self.sampler,
            location=Location.of(settled.pop("storage"), script.folder / script.stem),
            script=script,
            **settled,
        )
        return replace(plan, name=plan.name or script.stem)

    def run(
        self,
        trials: int = 100,
        workers: int | None = None,
        timeout: float | None = None,
        profile: bool = False,
        **changes: Any,
    ) -> Summary:
        """Search until the study has its number of trials; run again, it goes on where it was.

        Parameters
        ----------
        trials : int, default 100
            Total of complete, pruned and failed trials.
        workers : int, optional
            Trials at a time; one for each CPU by default.
        timeout : float, optional
            Seconds that a trial may take.
        profile : bool, default False
            Whether to say where the CPU of driver and programs went, in the summary's `profile`.
        **changes
            `name`, `storage`, `seed`, `backend`, `dtype` that replace the study's own.

        Returns
        -------
        Summary
            Counts, and the best networks; it prints itself in a notebook.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted; the study can be run again.
        """
        from search.searching import available_cpus, search

        if file := loading.get():
            raise StudyError(
                f"`snnsearch` runs the study itself, but {file} calls study.run(...) while it is being read: "
                "put that call under `if __name__ == '__main__':`."
            )
        if problems := check_settings(trials=trials, workers=workers):
            raise StudyError(problems)
        began = cpu_seconds() if profile else None
        plan = self.plan(timeout=timeout, **changes)
        summary, interrupted = search(plan, trials, workers or available_cpus(), profiled_from=began)
        if interrupted:
            raise KeyboardInterrupt(f"study {summary.study!r} was interrupted; call run again to go on")
        return summary


def check_settings(**settings: Any) -> list[str]:
    """Everything wrong with the settings of a study or of a run, each one sentence; None stands for not given."""
    checks = {
        "name": _check_text,
        "storage": lambda name, value: _check_text(name, str(value) if isinstance(value, Path) else value),
        "seed": lambda name, value: _check_whole(name, value, 0),
        "trials": lambda name, value: _check_whole(name, value, 0),
        "workers": lambda name, value: _check_whole(name, value, 1),
        "timeout": _check_seconds,
        "backend": lambda name, value: _check_choice(name, value, BACKENDS),
        "dtype": lambda name, value: _check_choice(name, value, tuple(DTYPES)),
    }
    problems = [f"a run has no setting {name!r}; {nearest(name, checks)}." for name in settings if name not in checks]
    for name, value in settings.items():
        if name in checks and value is not None and (problem := checks[name](name, value)):
            problems.append(problem)
    return problems


def _check_text(name: str, value: Any) -> str | None:
    return None if isinstance(value, str) and value else f"`{name}` must be a text and not empty, but is {value!r}."


def _check_choice(name: str, value: Any, choices: Sequence[str]) -> str | None:
    return None if value in choices else f"`{name}` must be known, but is {value!r}; {nearest(str(value), choices)}."


def _check_whole(name: str, value: Any, least: int) -> str | None:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least:
        return None
    return f"`{name}` must be a whole number of at least {least}, but is {value!r}."


def _check_seconds(name: str, value: Any) -> str | None:
    if isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 < float(value) < float("inf"):
        return None
    return f"`{name}` must be a number of seconds above 0, but is {value!r}."
