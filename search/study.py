"""A study as a script declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.pruners.base import HALVING
from search.pruners.make import problems_with_pruner
from search.samplers.make import problems_with as problems_with_sampler
from search.spec.constraints import make_constraint, problems_with_constraints
from search.spec.objectives import Objective, make_objective
from search.spec.rungs import RUNGS
from search.spec.script import Script, load_module, loading
from search.spec.settings import (
    ELSEWHERE,
    SETTINGS,
    check_settings,
    is_plain,
    plain_number,
    problems_with_parts,
)
from search.spec.spec import Plan, StudyReference
from search.storage.address import absolute_reference, absolute_storage
from search.storage.location import Location
from search.text import readable
from snn.errors import nearest
from snn.profile import cpu_seconds
from tasks import Task

if TYPE_CHECKING:
    from distributed import Client
    from optuna import Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from search.analysis.confirmation import Confirmation
    from search.analysis.summary import Summary
    from snn.network.builder import Network
    from snn.network.spec import NetworkSpec
    from snn.results.result import Result


class Study:
    """A search for the network that does a task best.

    Parameters
    ----------
    network : callable
        `network(trial)` asks the trial for its parameters (`trial.suggest_float(...)`) and returns a `snn.Network`:
        what it asks for is the search space.
    task : Task
        What the network learns and how it is scored.
    objectives : sequence of str, Objective or function, default ["accuracy"]
        One or more of `accuracy` (validation part, maximised), `loss` (validation part, minimised),
        `prequential_accuracy` (stream, maximised), `prequential_loss` (stream, minimised), and, all minimised, per
        streamed sample `spikes`, `synaptic_operations`, `weight_writes` and `energy_j` (an estimate for Loihi),
        `memory_bits` of the network, and `settling_time_ms` (from which the decision no longer changes). A task
        without labels has no accuracies and no settling time. Or a function of the result, minimised;
        `Objective.of(function, "maximize")` otherwise.
    constraints : sequence of str, default none
        What a network must keep to, such as ``["accuracy >= 0.9", "memory_bits <= 2**20"]``: bounds on objectives or
        other numbers that have their names. Samplers keep away from what breaks them, and the best are among those
        that break none.
    name : str, optional
        The study's name; without one, the script's without suffix.
    seed : int, default 0
        At least 0. Every trial's seed follows from it and from the trial's number.
    sampler : str, optuna.samplers.BaseSampler or callable, optional
        Who suggests: a name (``"tpe"``, ``"forest"``, ``"cmaes"``, ``"nsgaii"``, ``"gp"``, ``"qmc"``, ``"random"``), an
        Optuna sampler, or a function of `seed=` that makes one, such as its class. By default TPE, and from 9 workers
        on the forest, which keeps many suggestions apart.
    pruner : str, optuna.pruners.BasePruner or None, default "halving"
        Who decides after each rung but the last whether a trial goes on, by its prequential accuracy so far (the
        prequential loss where that or the loss is the first objective, or without labels): ``"halving"``, which is
        asynchronous successive halving, by which the best third goes on; the name of a pruner of Optuna's, such as
        ``"median"``; an object of Optuna's; None or ``"none"`` for nobody.
    rungs : int, 1 to 16, default 4
        A trial runs in so many pieces, each twice as long as all before it: 1/8, 1/4, 1/2 and all of the stream. Its
        numbers do not depend on that.
    replicates : int, 1 to 1,000, default 1
        How many seeds a trial is run with; its values are their means.
    storage : str or path, optional
        The path of a journal file, or the URL of an SQLite or PostgreSQL database as Optuna takes it; without one,
        `<script>.journal` beside the script. A relative path belongs to the folder in which the command was started;
        `~` is the home folder.
    backend : {"standalone", "runtime", "runtime:cython", "genn", "genn:cpu"}, default "standalone"
        Compiled programs, Brian2 in a process for each worker, or GeNN on a GPU or on the CPU.
    dtype : {"float32", "float64"}, default "float32"
        Precision.
    warm_start : str, path or Study, optional
        Another study to learn from: its script, its storage (``#name`` after it if that holds several), or itself.
        Complete trials with the same objectives and task are added if their parameters lie in the present space; of
        a study with others the best parameters are tried first. They do not count as trials of this one.
    enqueue : sequence of dict, default ()
        Parameters to try first, such as ``[{"lr": 0.01}]``; what is not given is suggested.

    Raises
    ------
    StudyError
        If an argument is wrong; it lists everything that is.
    """

    def __init__(
        self,
        network: Callable[[Trial], Network | NetworkSpec],
        task: Task,
        objectives: Sequence[str | Objective | Callable[[Result], float]] = ("accuracy",),
        constraints: Sequence[str] = (),
        name: str | None = None,
        seed: int = 0,
        sampler: BaseSampler | Callable[..., BaseSampler] | str | None = None,
        pruner: str | BasePruner | None = HALVING,
        rungs: int = RUNGS,
        replicates: int = 1,
        storage: str | Path | None = None,
        backend: str = "standalone",
        dtype: str = "float32",
        warm_start: str | Path | Study | None = None,
        enqueue: Sequence[Mapping[str, Any]] = (),
    ):
        problems = problems_with_parts(network, task, objectives, constraints, sampler)
        problems += problems_with_pruner(pruner)
        numbers = {"seed": seed, "backend": backend, "dtype": dtype, "rungs": rungs, "replicates": replicates}
        problems += check_settings(*numbers, "enqueue", **numbers, enqueue=enqueue)
        problems += check_settings(name=name, storage=storage, warm_start=warm_start)
        if problems:
            raise StudyError(problems)
        self.network = network
        self.task = task
        self.objectives = tuple(objectives)
        self.constraints = tuple(constraints)
        self.name = name
        self.seed = int(seed)
        self.sampler = sampler
        self.pruner = pruner
        self.rungs = int(rungs)
        self.replicates = int(replicates)
        self.storage = None if storage is None else absolute_storage(storage)  # before more of the user's code runs
        self.backend = backend
        self.dtype = dtype
        self.warm_start = warm_start if isinstance(warm_start, Study | None) else absolute_reference(warm_start)
        self.enqueue = tuple(dict(params) for params in enqueue)

    def __repr__(self) -> str:
        names = [make_objective(item).name for item in self.objectives]
        return f"Study(name={self.name!r}, task={self.task!r}, objectives={names})"

    def plan(self, script: Script | None = None, **changes: Any) -> Plan:
        """The study with everything settled.

        Parameters
        ----------
        script : Script, optional
            Where it is defined; found from `network` if not given.
        **changes
            Any of `SETTINGS`, `timeout` and `memory`: they replace the study's own unless None.
        """
        known = (*SETTINGS, "timeout", "memory")
        problems = [f"a run has no setting {name!r}; {nearest(name, known)}." for name in changes if name not in known]
        problems += check_settings(**{name: value for name, value in changes.items() if name in known})
        objectives = tuple(map(make_objective, self.objectives))
        problems += problems_with_constraints(changes.get("constraints") or (), objectives)
        if problems := problems + problems_with_sampler(changes.get("sampler"), len(objectives)):
            raise StudyError(problems)
        script = script or Script.of(self.network)
        own = {name: getattr(self, name) for name in SETTINGS}
        given = {name: plain_number(value) for name, value in changes.items() if value is not None}
        settled = {**own, "timeout": None, "memory": None, **given}
        other = settled.pop("warm_start")
        plan = Plan(
            network=self.network,
            task=self.task,
            objectives=objectives,
            constraints=tuple(make_constraint(text, objectives) for text in settled.pop("constraints")),
            location=Location.of(settled.pop("storage"), script.folder / script.stem),
            script=script,
            warm_start=None if other is None else partial(reference_to, other, script),
            given={name: value for name, value in given.items() if name not in ELSEWHERE and is_plain(value)},
            **settled,
        )
        return replace(plan, name=readable(plan.name or script.stem))

    def run(
        self,
        trials: int = 100,
        workers: int | None = None,
        timeout: float | None = None,
        profile: bool = False,
        cluster: str | Client | None = None,
        batch: int = 1,
        keep_going: bool = False,
        **changes: Any,
    ) -> Summary:
        """Search until the study has its number of trials; run again, it goes on where it was.

        Parameters
        ----------
        trials : int, default 100
            Total of complete, pruned and failed trials.
        workers : int, optional
            Trials at a time; one for each CPU by default, or for each thread of the cluster. At most 1,024 on this
            machine, and no more are started than there are runs.
        timeout : float, optional
            Seconds that a trial may take.
        profile : bool, default False
            Whether to say where the CPU of driver and programs went, in the summary's `profile`.
        cluster : str or distributed.Client, optional
            The cluster that runs trials: the address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, or a
            client. By default they run on this machine.
        batch : int, 1 to 4,096, default 1
            How many trials each worker runs together, so that workers times `batch` trials are under way. GeNN and
            Brian2 in process simulate them at once, which fills a GPU; compiled programs run one after the other. What
            a trial gives does not depend on it. A batch has `batch` times the time of a trial, but where it is one
            simulation only the memory of one; what fails as a whole is run again in halves.
        keep_going : bool, default False
            Whether to go on although the first 10 trials of this call fail for one reason.
        **changes
            `memory`, the bytes that the process of a run may take, such as ``2 * 2**30`` (any number by default; a run
            that needs more fails), and any of `SETTINGS` that replace the study's own.

        Returns
        -------
        Summary
            Counts, and the best networks; it prints itself in a notebook.

        Raises
        ------
        StudyError
            If an argument is wrong, or the first 10 trials of this call all failed for one reason.
        KeyboardInterrupt
            If it was interrupted; the study can be run again.
        """
        from search.dashboard.present import present
        from search.driver.search import search

        if file := loading.get():
            raise StudyError(
                f"`snnsearch` runs the study itself, but {file} calls study.run(...) while it is being read: "
                "put that call under `if __name__ == '__main__':`."
            )
        numbers = {"trials": trials, "batch": batch, "profile": profile}
        if problems := check_settings(*numbers, **numbers, workers=workers, timeout=timeout, **changes):
            raise StudyError(problems)
        began = cpu_seconds() if profile else None
        plan = self.plan(timeout=timeout, **changes)
        summary, interrupted = search(plan, trials, workers, None, began, cluster, batch or 1, keep_going, present)
        if interrupted:
            raise KeyboardInterrupt(f"study {summary.study!r} was interrupted; call run again to go on")
        return summary

    def confirm(
        self,
        top: int = 5,
        seeds: int = 10,
        workers: int | None = None,
        cluster: str | Client | None = None,
        **changes: Any,
    ) -> Confirmation:
        """Run the best networks of a finished search on fresh seeds, on the test part.

        Parameters
        ----------
        top : int, default 5
            How many: the best by the first objective; with several objectives those of the front.
        seeds : int, 1 to 10,000, default 10
            How many seeds that no trial has had. Called with more, it runs the new ones only.
        workers, cluster
            As in `run`.
        **changes
            `name`, `storage` that replace the study's own.

        Returns
        -------
        Confirmation
            Mean, 95 % bootstrap interval over seeds, and the difference from what the search saw; it prints itself.

        Raises
        ------
        StudyError
            If the search is not over: until then the test part is not read. Or if the study was begun with other
            objectives.
        KeyboardInterrupt
            If it was interrupted; called again, it goes on.
        """
        from search.driver.confirm import confirm

        if problems := check_settings("top", "seeds", top=top, seeds=seeds, workers=workers):
            raise StudyError(problems)
        confirmation, interrupted = confirm(self.plan(**changes), top, seeds, workers, cluster=cluster)
        if interrupted:
            raise KeyboardInterrupt("the confirmation was interrupted; call confirm again to go on")
        return confirmation


def load_study(script: Script) -> Study:
    """Return the object `study` that a script defines."""
    names = vars(load_module(script))
    study = names.get("study")
    if isinstance(study, Study):
        return study
    if study is not None:
        raise StudyError(f"`study` in {script.file} must be a search.Study, but is a {type(study).__name__}.")
    others = [name for name, value in names.items() if isinstance(value, Study)]
    remedy = f"rename `{others[0]}` to `study`" if others else "add `study = Study(network, task, objectives=[...])`"
    raise StudyError(f"{script.file} must define `study`, but does not: {remedy}.")


def reference_to(other: str | Path | Study, script: Script) -> StudyReference:
    """Find another study.

    Parameters
    ----------
    other : str, path or Study
        A script that defines a study, or a storage. `#name` after it selects one of several studies.
    script : Script
        The script of the present study, whose folder relative paths belong to.
    """
    if isinstance(other, Study):
        theirs = other.plan()
        return StudyReference(theirs.location, theirs.name, theirs.location.shown)
    whole = absolute_reference(other)
    text, _, after = whole.rpartition("#")
    text, name = (whole, None) if not text or Path(whole).exists() else (text, after)
    if text.endswith(".py"):
        its_script = replace(Script.read(text), started_in=script.started_in)
        theirs = load_study(its_script).plan(its_script, name=name)
        return StudyReference(theirs.location, theirs.name, text)
    location = Location.of(text, script.folder / script.stem)
    return StudyReference(location, name, location.shown)
