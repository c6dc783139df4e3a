"""A fault of the machine costs time and never a trial: it is forced once at each place where one can come."""

from __future__ import annotations

import errno
import os
import selectors
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from brian2 import Hz, ms

from search.driver.driver import Driver
from search.driver.progress import Lines
from search.errors import ExecutorLost
from search.execution.child_process import InProcess
from search.execution.faults import Faults
from search.execution.local import ByBackend, Local
from search.execution.runner import ATTEMPTS, InThread, attempt_together
from search.spec.job import Job
from search.spec.script import Script
from search.start.opening import begin
from search.study import load_study
from snn import LIF, Dense, LeakyReadout, Network, Poisson
from snn.backends.options import RunOptions
from snn.errors import Cancelled, Killed, MachineError, OtherRun, RunError
from tasks import Digits
from tests.support.executors import job
from tests.support.faults import full, once
from tests.support.synthetic import Bowl
from tests.support.waiting import wait_for

TINY = Digits(sample=2 * ms)


def compiled(**more) -> Job:
    """A short run of a compiled program."""
    net = Network(inputs=Poisson(64, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=5)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return Job(net.freeze().to_json(), TINY.to_json(), 3, "standalone", "float32", **more)


def no_files(monkeypatch):
    return once(monkeypatch, selectors, "DefaultSelector", OSError(errno.EMFILE, os.strerror(errno.EMFILE)))


def lost_child(monkeypatch):
    return once(monkeypatch, os, "wait4", OSError(errno.EIO, os.strerror(errno.EIO)))


def full_disk(monkeypatch):
    return once(monkeypatch, tempfile, "TemporaryDirectory", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def no_room(monkeypatch):
    from snn.backends.standalone import arrays

    return once(monkeypatch, arrays, "open", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), raising=False)


def damaged(change):
    """The file of the first result is changed before it is read."""

    def force(monkeypatch):
        from snn.backends.standalone import program as standalone

        calls, read = [], standalone.read_arrays

        def reading(path):
            calls.append(path)
            if len(calls) == 1:
                change(path)
            return read(path)

        monkeypatch.setattr(standalone, "read_arrays", reading)
        return calls

    return force


def parser(monkeypatch):
    """As when a user's own code parses on Python 3.11 in a way of its own."""
    from snn.network.spec import NetworkSpec

    return once(monkeypatch, NetworkSpec, "from_json", SystemError("AST constructor recursion depth mismatch"))


FORCED = {
    "no more processes": (full, "cannot be started: Resource temporarily unavailable."),
    "too many open files": (no_files, "cannot be watched: Too many open files."),
    "no status of a child": (lost_child, "cannot be watched: Input/output error."),
    "a full disk": (full_disk, "There is no folder for a run's files: No space left on device;"),
    "no room for the input": (no_room, "cannot be written into"),
    "a result that is not there": (damaged(Path.unlink), "The run's result cannot be read: "),
    "a result that is garbage": (damaged(lambda path: path.write_bytes(b"\0" * 99)), "The run's result cannot be read"),
    "a result that is cut": (damaged(lambda path: os.truncate(path, 200)), "The run's result cannot be read: "),
    "a result of nothing": (damaged(lambda path: path.write_bytes(b"SNN1 0\n")), "ended before its last sample."),
    "Python's parser": (parser, "SystemError: AST constructor recursion depth mismatch."),
}


@pytest.fixture(scope="module")
def undisturbed():
    """The numbers of the run."""
    result = compiled().run(task=TINY)
    return result.accuracy, result.loss, result.counts


@pytest.mark.parametrize("place", FORCED)
def test_a_fault_is_tried_again_and_named(faulty_executor, said, undisturbed, monkeypatch, place):
    force, words = FORCED[place]
    calls = force(monkeypatch)
    result = faulty_executor.submit(compiled()).result(120).result
    assert (result.accuracy, result.loss, result.counts) == undisturbed
    assert len(calls) > 1 and len(said) == 1
    assert words in said[0] and "The run is tried again, 5 times at most; no trial fails for it." in said[0]


def test_a_rung_that_cannot_be_read_is_run_anew(faulty_executor):
    """The driver forgets what the run was to go on from."""
    with pytest.raises(OtherRun, match="is not a result that can be read"):
        faulty_executor.submit(compiled(after=b"PK garbage")).result(120)


# ---- for how long, and what then


class Faulty(InThread):
    """Fails with that error so many times before each run that does not fail."""

    def __init__(self, task, times, error=MachineError):
        super().__init__(task)
        self.times, self.error, self.left = times, error, times

    def run(self, job):
        self.fail()
        return super().run(job)

    def run_together(self, jobs):
        self.fail()
        return [InThread.run(self, job) for job in jobs]

    def fail(self):
        self.left -= 1
        if self.left >= 0:
            raise self.error(f"The disk /dev/sd{self.left} has no room.")
        self.left = self.times


def study(write, folder, name, executor):
    """A search of 8 trials: whether it came to its end, and what is stored."""
    script = Script.read(write(name=f"{name}.py"))
    plan = load_study(script).plan(script)
    opened = begin(plan, print)
    try:
        finished = Driver(plan, opened, executor, Lines(plan.objectives)).run(8)
    finally:
        executor.stop()
    return finished, [(trial.state.name, trial.params, trial.values) for trial in opened.trials]


def test_a_search_with_faults_gives_the_numbers_of_one_without(write, folder, said):
    def made(times):
        return Local(2, lambda: Faulty(Bowl(), times), Faults(said.append, waits=(0.001,) * 4))

    plain, faulty = study(write, folder, "plain", made(0)), study(write, folder, "faulty", made(4))
    assert plain == faulty and plain[0] and {state for state, *_ in plain[1]} == {"COMPLETE"}
    assert len(said) == 1 and "has no room. The run is tried again, 5 times at most" in said[0]  # once for its kind


def test_a_search_ends_as_interrupted_when_faults_do_not_end(write, folder, said):
    executor = Local(2, lambda: Faulty(Bowl(), 5), Faults(said.append, waits=(0.001,) * 4))
    with pytest.raises(
        ExecutorLost,
        match=r"could not run a trial in 5 attempts .* The disk .* no room\. .* to resume\. Kept: 0 trials",
    ):
        study(write, folder, "lost", executor)
    executor = Local(2, lambda: Faulty(Bowl(), 0), Faults(said.append))
    finished, trials = study(write, folder, "lost", executor)
    assert finished and {state for state, *_ in trials} == {"COMPLETE"} and len(trials) == 8


def test_waiting_ends_when_the_search_does(said):
    executor = Local(1, lambda: Faulty(Bowl(), 9), Faults(said.append, waits=(1000.0,)))
    future = executor.submit(job(Bowl(), "standalone"))
    wait_for(lambda: said)
    executor.stop()
    with pytest.raises(Cancelled):
        future.result(60)


@pytest.mark.parametrize("runner", [lambda: InThread(Bowl()), InProcess, lambda: ByBackend(Bowl())])
def test_a_runner_that_is_stopped_waits_no_longer(runner):
    one = runner()
    one.pause(0.0)
    threading.Timer(0.1, one.stop).start()
    with pytest.raises(Cancelled):
        one.pause(1000.0)


def test_jobs_that_run_together_are_tried_again_together(said):
    jobs, faults = [job(Bowl(), "standalone")] * 3, Faults(said.append, waits=(0.0,))
    done = attempt_together(Faulty(Bowl(), 1), faults, jobs)
    assert [one.seed for one in done] == [3] * 3 and len(said) == 1
    lost = attempt_together(Faulty(Bowl(), 9), faults, jobs)
    assert [type(one) for one in lost] == [ExecutorLost] * 3


def test_of_jobs_that_run_together_those_with_a_fault_run_again():
    class Some(InThread):
        """The machine is at fault for all but the first, and stays so for the third."""

        runs = 0

        def run(self, job):
            self.runs += 1
            if job.seed == 2:
                raise MachineError("The disk is full.")
            return super().run(job)

        def run_together(self, jobs):
            parser = SystemError("AST constructor recursion depth mismatch")
            return [super().run(jobs[0]), parser, *[MachineError("The disk is full.")] * 3]

    runner, jobs = Some(Bowl()), [replace(job(Bowl(), "standalone"), seed=seed) for seed in range(5)]
    first, second, *others = attempt_together(runner, Faults(print, waits=(0.0, 0.0)), jobs)
    assert (first.seed, second.seed) == (0, 1)
    assert [type(one) for one in others] == [ExecutorLost] * 3 and runner.runs == 1 + 3  # the last two do not wait


def test_a_process_behind_a_runner_tells_a_fault_from_an_error(tmp_path):
    from search.execution.child import _answer

    given = job(Bowl(), "runtime")
    fault, error = SystemError("AST constructor recursion depth mismatch"), SystemError("another")
    kinds = [_answer(one, given, str(tmp_path / "result"), None)["error"] for one in (fault, error)]
    assert kinds == ["MachineError", "RunError"]


def test_a_process_that_is_killed_is_named_and_other_errors_are_not(said):
    faults = Faults(said.append)
    runner = Faulty(Bowl(), ATTEMPTS - 1, Killed)
    assert attempt_together(runner, faults, [job(Bowl(), "standalone")])[0].seed == 3
    assert len(said) == 1 and "The run is started again, 3 times at most." in said[0]
    (error,) = attempt_together(Faulty(Bowl(), 1, RunError), faults, [job(Bowl(), "standalone")])
    assert type(error) is RunError and len(said) == 1


def test_calls_that_are_made_together_are_not_halved_for_a_fault():
    from tasks.running.batch import Call, together

    calls = []

    def advance(candidates, samples, states, options):
        calls.append(len(candidates))
        raise MachineError("The disk is full.")

    def run():
        yield Call(SimpleNamespace(advance=advance), ("runtime", "float32"), None, [], None, RunOptions())

    assert [type(one) for one in together([run(), run(), run()])] == [MachineError] * 3
    assert calls == [3]
