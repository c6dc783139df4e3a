"""What a learner is given, and how it is scored."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.chip import LOIHI
from snn.errors import NetworkError, OtherRun, SNNError
from snn.fields import si
from snn.lowering.memory import memory_bits
from snn.network.builder import Network, freeze
from snn.network.spec import NetworkSpec
from snn.profile import Profile, stage
from snn.results.result import Result
from snn.serial import loads
from snn.system.versions import versions
from tasks.dataset import Dataset
from tasks.running import check
from tasks.running.arguments import check_run
from tasks.running.batch import Calls, alone
from tasks.running.run import TaskRun


@dataclass(frozen=True)
class Task(Dataset):
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
    hold_out : bool
        Whether the validation part is held out for a search to select on; if not, it is streamed too, so that a network
        that has been found learns from all that is not for the test.

    Notes
    -----
    The prequential score comes from the stream: each sample is predicted with what was learned from those before it.
    Where a rule changes weights during a sample, or a teacher acts in it, the prediction comes from a first pass over
    the sample without learning and teacher, after which everything is put back. Validation and test parts are scored
    with the weights that the stream has left, without learning and teachers.
    """

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
        upto: float = 1.0,
        after: Result | None = None,
        test: bool = False,
        settling: bool = False,
        timeout: float | None = None,
        cancel: threading.Event | None = None,
        profile: Profile | None = None,
        memory: int | None = None,
    ) -> Result:
        """Run a network through the stream, then score it.

        Parameters
        ----------
        network : Network or NetworkSpec
        seed : int, 0 to 2**31 - 1
            Decides the order of the stream, first weights, connectivity, and all noise.
        backend : {"standalone", "runtime", "runtime:cython", "genn", "genn:cpu"}
            A compiled program, Brian2 in this process (slow; not from several threads), or GeNN on a GPU or on the CPU.
        dtype : {"float32", "float64"}
            Precision of all state.
        record : sequence of str
            What to record over the last `record_samples` (>= 0) samples of the stream: ``"spikes"``,
            ``"hidden.spikes"``, ``"hidden.v"``; a projection's ``"inputs->hidden.weight"`` at the end of each of them.
        upto : float, above 0 to 1
            The fraction of the stream after which to stop; the frozen parts are scored at its end only.
        after : Result, optional
            What the same run gave when it stopped: it goes on from there, to exactly the numbers of a run in one.
        test : bool
            Whether to score the test part too. A search does so only when it is over.
        settling : bool
            Whether to find when each validation sample's decision has settled (`Result.settling_time_ms`). Only in a
            task with labels.
        timeout : float, > 0, or None
            Seconds that the run may take, not counting compilation.
        cancel : threading.Event or None
            Ends the run when it is set.
        profile : snn.profile.Profile or None
            Where the run's CPU time is counted, stage by stage. Runs of the runtime backends are ``"run"`` as a whole.
        memory : int, >= 1, or None
            Bytes that the compiled program may take, such as ``2 * 2**30``; a run that needs more ends with an error.
            Brian2 in this process is not limited.

        Raises
        ------
        ArgumentError
            If an argument is of the wrong type or out of its range; it lists all that are.
        NetworkError
            If something is wrong with the network, or it does not fit the task.
        DataError
            If something is wrong with the task's data.
        BuildError, RunError
            If it cannot be compiled, or did not finish.
        OtherRun
            If `after` is of another network, task, seed, backend or precision, or of other data.
        """
        return alone(
            self.calls(
                network,
                seed=seed,
                backend=backend,
                dtype=dtype,
                record=record,
                record_samples=record_samples,
                upto=upto,
                after=after,
                test=test,
                settling=settling,
                timeout=timeout,
                cancel=cancel,
                profile=profile,
                memory=memory,
            )
        )

    def calls(
        self,
        network: Network | NetworkSpec,
        *,
        seed: int,
        backend: str,
        dtype: str,
        record: Sequence[str],
        record_samples: int = 5,
        upto: float,
        after: Result | None,
        test: bool,
        settling: bool,
        timeout: float | None,
        cancel: threading.Event | None,
        profile: Profile | None,
        memory: int | None,
        beside: int = 1,
    ) -> Calls:
        """What `run` does, for `tasks.running.batch`, which makes the calls that this asks for.

        Parameters
        ----------
        network, seed, backend, dtype, record, record_samples, upto, after, test, settling, timeout, cancel, profile
            As in `run`, `memory` too.
        beside : int
            How many runs go side by side: they share the memory for samples.
        """
        begin = time.monotonic()
        check_run(
            network=network,
            seed=seed,
            backend=backend,
            dtype=dtype,
            record=record,
            record_samples=record_samples,
            upto=upto,
            after=after,
            test=test,
            settling=settling,
            timeout=timeout,
            cancel=cancel,
            profile=profile,
            memory=memory,
        )
        with stage(profile, "lower"):
            spec = freeze(network)
            with stage(profile, "write"):  # the samples, which are read the first time
                problems = check.problems(self, spec)
            if problems:
                raise NetworkError(problems)
            candidate = Candidate(spec, int(seed))
            run = TaskRun(self, candidate, cancel, profile, beside)
            run.check_signals()
            hashes = {"network": spec.hash(), "structure": candidate.plan.structure_hash(), "task": self._hash()}
            with stage(profile, "write"):
                hashes["data"] = self.data_hash
            split = self.parts
            rung = _rung(len(split.stream), upto, after)
            if after is not None:
                known = {"task": self.name, "seed": int(seed), "backend": backend, "dtype": dtype}
                _check_same(after, known, hashes)
            if settling:
                run.check_settling()
        with stage(profile, "build"):
            program = load_program(candidate, backend, dtype, RunOptions(cancel=cancel, profile=profile))
        prepared = time.monotonic() - begin
        run.start(program, (backend, dtype), timeout, memory)
        recorded = (record,) if isinstance(record, str) else tuple(record)
        stream, outcome = yield from run.stream(recorded, record_samples, rung, None if after is None else after.state)
        over = rung.stop == len(split.stream)
        validation = tested = None
        if over and self.hold_out:
            validation = yield from run.frozen(split.validation, outcome.state, settling)
        if over and test:
            tested = yield from run.frozen(split.test, outcome.state)
        if profile is not None:
            profile.memory(run.peak_memory_bytes)
        with stage(profile, "score"):
            counts = candidate.plan.counts(outcome.totals)
            neuron_updates = sum(int(p.n) for p in spec.populations) * len(stream) * run.period
            result = Result(
                task=self.name,
                seed=int(seed),
                backend=backend,
                dtype=dtype,
                stream=stream,
                validation=validation,
                test=tested,
                counts=counts
                | {"samples": len(stream), "steps": len(stream) * run.period}
                | {"neuron_updates": neuron_updates},
                weights=candidate.weights(outcome.state),
                recordings=dict(outcome.recordings),
                dt_ms=si(spec.dt) * 1e3,
                period=run.period,
                versions=versions(),
                hashes=hashes,
                seconds=prepared + run.seconds,
                run_seconds=run.seconds,
                builds=int(program.built),
                peak_memory_bytes=run.peak_memory_bytes,
                memory_bits=memory_bits(candidate.plan, dtype),
                state=None if over else outcome.state,
                energy_table=LOIHI if spec.chip is None else spec.chip.energy_table(),
            )
            return result if after is None else after.followed_by(result)


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
