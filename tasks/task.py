"""A task: a dataset, and the run that scores a learner on it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from snn.errors import SNNError
from snn.network.builder import Network
from snn.network.spec import NetworkSpec
from snn.profile import stage
from snn.results.result import Result
from snn.serial import loads
from tasks.dataset import Dataset
from tasks.running.assembly import assemble, prepare
from tasks.running.batch import Calls, alone
from tasks.running.settings import run_settings, shows_settings


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

    @shows_settings
    def run(self, network: Network | NetworkSpec, **settings: Any) -> Result:
        """Run a network through the stream, then score it.

        Parameters
        ----------
        network : Network or NetworkSpec
        **settings
            Any of the following.
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
        return alone(self.calls(network, **settings))

    def calls(self, network: Network | NetworkSpec, beside: int = 1, **settings: Any) -> Calls:
        """Do what `run` does, as a generator for `tasks.running.batch.together`, which makes the calls that it yields.

        Parameters
        ----------
        network, **settings
            As in `run`.
        beside : int
            The number of runs that share the memory for samples.
        """
        begin = time.monotonic()
        chosen = run_settings(network, settings)
        prepared = prepare(self, network, chosen, beside)
        run, split, rung = prepared.run, self.parts, prepared.rung
        seconds = time.monotonic() - begin
        run.start(prepared.program, (chosen.backend, chosen.dtype), chosen.timeout, chosen.memory)
        state = None if chosen.after is None else chosen.after.state
        stream, outcome = yield from run.stream(chosen.recorded, chosen.record_samples, rung, state)
        validation = tested = None
        over = rung.stop == len(split.stream)
        if over and self.hold_out:
            validation = yield from run.frozen(split.validation, outcome.state, chosen.settling)
        if over and chosen.test:
            tested = yield from run.frozen(split.test, outcome.state)
        if chosen.profile is not None:
            chosen.profile.memory(run.peak_memory_bytes)
        with stage(chosen.profile, "score"):
            parts = {"stream": stream, "validation": validation, "test": tested}
            result = assemble(self.name, chosen, prepared, parts, outcome, over, seconds)
            return result if chosen.after is None else chosen.after.followed_by(result)
