"""The preparation of a run (checks and program) and the assembly of its result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Outcome, Program
from snn.backends.registry import load_program
from snn.chip import LOIHI
from snn.errors import NetworkError, OtherRun, SNNError
from snn.fields import si
from snn.lowering.memory import memory_bits
from snn.network.builder import Network, freeze
from snn.network.spec import NetworkSpec
from snn.profile import stage
from snn.results.part import Part
from snn.results.result import Result
from snn.system.versions import versions
from tasks.dataset import Dataset
from tasks.running import check
from tasks.running.run import TaskRun
from tasks.running.settings import RunSettings


@dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Parameters
    ----------
    run : TaskRun
    candidate : Candidate
    program : Program
    hashes : mapping of str to str
        Of the network, its structure, the task and its data.
    rung : slice
        The samples of the stream that it goes through.
    """

    run: TaskRun
    candidate: Candidate
    program: Program
    hashes: Mapping[str, str]
    rung: slice


def prepare(task: Dataset, network: Network | NetworkSpec, settings: RunSettings, beside: int) -> Prepared:
    """Check a network against a task, and build its program."""
    profile, seed = settings.profile, int(settings.seed)
    with stage(profile, "lower"):
        spec = freeze(network)
        with stage(profile, "write"):  # the samples, which are read the first time
            problems = check.problems(task, spec)
        if problems:
            raise NetworkError(problems)
        candidate = Candidate(spec, seed)
        run = TaskRun(task, candidate, settings.cancel, profile, beside)
        run.check_signals()
        hashes = {"network": spec.hash(), "structure": candidate.plan.structure_hash(), "task": task.hash()}
        with stage(profile, "write"):
            hashes["data"] = task.data_hash
        rung = _rung(len(task.parts.stream), settings.upto, settings.after)
        if settings.after is not None:
            known = {"task": task.name, "seed": seed, "backend": settings.backend, "dtype": settings.dtype}
            _check_same(settings.after, known, hashes)
        if settings.settling:
            run.check_settling()
    with stage(profile, "build"):
        options = RunOptions(cancel=settings.cancel, profile=profile)
        program = load_program(candidate, settings.backend, settings.dtype, options)
    return Prepared(run, candidate, program, hashes, rung)


def assemble(
    task: str,
    settings: RunSettings,
    prepared: Prepared,
    parts: Mapping[str, Part | None],
    outcome: Outcome,
    over: bool,
    seconds: float,
) -> Result:
    """Make the result of a run.

    Parameters
    ----------
    task : str
        The task's name.
    settings : RunSettings
    prepared : Prepared
    parts : mapping of str to Part or None
        The scores of the stream, the validation and the test part.
    outcome : Outcome
        Of the stream.
    over : bool
        Whether the stream has come to its end.
    seconds : float
        How long the preparation took.
    """
    run, candidate, stream = prepared.run, prepared.candidate, parts["stream"]
    assert stream is not None
    spec, steps = candidate.spec, len(stream) * run.period
    counts = candidate.plan.counts(outcome.totals) | {"samples": len(stream), "steps": steps}
    return Result(
        task=task,
        seed=candidate.seed,
        backend=settings.backend,
        dtype=settings.dtype,
        stream=stream,
        validation=parts["validation"],
        test=parts["test"],
        counts=counts | {"neuron_updates": sum(int(p.n) for p in spec.populations) * steps},
        weights=candidate.weights(outcome.state),
        recordings=dict(outcome.recordings),
        dt_ms=si(spec.dt) * 1e3,
        period=run.period,
        versions=versions(),
        hashes=prepared.hashes,
        seconds=seconds + run.seconds,
        run_seconds=run.seconds,
        builds=int(prepared.program.built),
        peak_memory_bytes=run.peak_memory_bytes,
        memory_bits=memory_bits(candidate.plan, settings.dtype),
        state=None if over else outcome.state,
        energy_table=LOIHI if spec.chip is None else spec.chip.energy_table(),
    )


def _rung(n: int, upto: float, after: Result | None) -> slice:
    """The places of the stream, of n samples, that a run goes through."""
    begin, end = 0 if after is None else len(after.stream), math.ceil(upto * n)
    if after is not None and (after.state is None or begin >= end):
        raise SNNError(
            f"`upto` must lie beyond where `after` has stopped, but that was after {begin} of {n} samples and "
            f"upto = {upto:g} is sample {end}."
        )
    return slice(begin, end)


def _check_same(after: Result, known: Mapping[str, object], hashes: Mapping[str, str]) -> None:
    """Raise an error if a result is of another run."""
    for name, value in known.items():
        if (other := getattr(after, name)) != value:
            raise OtherRun(f"`after` must be of the same run, but its {name} is {other!r} instead of {value!r}.")
    for name, value in hashes.items():
        if (other := after.hashes.get(name, "not known")) != value:
            raise OtherRun(
                f"`after` must be of the same run, but the hash of its {name} is {other} instead of {value}: "
                "run it from the beginning."
            )
