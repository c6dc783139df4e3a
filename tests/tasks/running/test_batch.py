"""Runs side by side: each gives exactly what it gives alone, whatever its neighbours are and however they end."""

from __future__ import annotations

import resource
import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from brian2 import ms

from snn.backends.program import Candidate, Program
from snn.backends.registry import load_program
from snn.backends.runtime.program import RuntimeProgram
from snn.errors import Cancelled, NetworkError, NotFinite, RunError, RunTimeout
from tasks.running import assembly
from tasks.running import run as pieces
from tasks.running.batch import together
from tests.support.choices import LONG
from tests.support.corners import Corners, learner
from tests.support.noise import STREAM, Noise, assert_equal, eprop, follower, taught

TASK = Noise(sample=5 * ms)
SETTINGS = {
    "backend": "runtime", "dtype": "float64", "record": (), "record_samples": 5, "upto": 1.0, "after": None,
    "test": False, "settling": False, "timeout": None, "cancel": None, "profile": None, "memory": None,
}  # fmt: skip


def side_by_side(*runs, task=TASK):
    """Run pairs of a network and settings together, and each by itself."""
    settled = [(network(), SETTINGS | own) for network, own in runs]
    beside = together([task.calls(network, **own, beside=len(runs)) for network, own in settled])
    return beside, [task.run(network, **own) for network, own in settled]


def assert_same(a, b):
    """Everything but the times, the peak of the memory and who has built the program."""
    timed = {"seconds": 0.0, "run_seconds": 0.0, "peak_memory_bytes": None, "builds": 0}
    left, right = (vars(replace(one, **timed)) for one in (a, b))
    arrays = ("stream", "validation", "test", "weights", "recordings", "state")
    assert {name: left[name] for name in left if name not in arrays} == {
        name: right[name] for name in right if name not in arrays
    }
    assert (a.state is None) == (b.state is None)
    if a.state is not None:
        assert a.state.step == b.state.step and a.state.arrays.keys() == b.state.arrays.keys()
        for name, array in a.state.arrays.items():
            np.testing.assert_array_equal(array, b.state.arrays[name])
    if a.test is not None:
        assert_equal(a, b)
    else:
        np.testing.assert_array_equal(a.stream.losses, b.stream.losses)
        np.testing.assert_array_equal(a.stream.predictions, b.stream.predictions)
        for name in a.weights:
            np.testing.assert_array_equal(a.weights[name], b.weights[name])


@dataclass(eq=False)
class Watched(Program):
    """The program itself, which notes the seeds and the time of every call; what `does` says happens before it."""

    does: object = None
    calls: list = field(default_factory=list)

    def advance(self, candidates, samples, states, options):
        seeds = [candidate.seed for candidate in candidates]
        self.calls.append((seeds, options.timeout))
        if self.does is not None:
            self.does(seeds, options)
        return RuntimeProgram("numpy", "float64").advance(candidates, samples, states, options)


@pytest.fixture
def watch(monkeypatch):
    def watch(does=None):
        program = Watched(does)
        monkeypatch.setattr(assembly, "load_program", lambda *given: program)
        return program

    return watch


@pytest.mark.slow
@pytest.mark.parametrize("backend", LONG)
def test_a_result_is_that_of_the_run_alone(backend):
    """Two structures, seeds, lengths, recordings, a rung that goes on, and another precision."""
    own = {"backend": backend, "dtype": "float32"}
    half = TASK.run(eprop(), **SETTINGS | own | {"seed": 2, "upto": 0.5})
    beside, alone = side_by_side(
        (eprop, own | {"seed": 1, "test": True, "record": ("spikes", "hidden.v")}),
        (taught, own | {"seed": 1, "test": True}),
        (eprop, own | {"seed": 2, "after": half, "test": True}),
        (taught, own | {"seed": 3, "upto": 0.25}),
        (eprop, own | {"seed": 4, "test": True, "dtype": "float64"}),
    )
    for one, other in zip(beside, alone, strict=True):
        assert_same(one, other)
    assert beside[3].validation is None and beside[3].state is not None


@pytest.mark.slow
def test_calls_that_fit_are_one(watch):
    program = watch()
    beside, _ = side_by_side(*[(eprop, {"seed": seed, "upto": 0.5 if seed == 2 else 1.0}) for seed in (1, 2, 3)])
    assert [len(one.stream) for one in beside] == [STREAM, 9, STREAM]
    together_ = [seeds for seeds, _ in program.calls[:2]]
    assert together_ == [[1, 2, 3], [1, 3]]  # the one that has ended leaves, and the others are validated
    assert [seeds for seeds, _ in program.calls[2:]] == [[1], [1], [2], [3], [3]]


@pytest.mark.slow
def test_runs_in_pieces_stay_together(watch, monkeypatch):
    """Three runs share the memory: with room for three samples each has pieces of one."""
    monkeypatch.setattr(pieces, "PIECE", 3 * TASK.data.row_bytes)
    monkeypatch.setattr(pieces, "PIECES", 1)
    program = watch()
    beside, alone = side_by_side(*[(eprop, {"seed": seed, "upto": 0.1}) for seed in (1, 2, 3)])
    assert [len(seeds) for seeds, _ in program.calls] == [3] * 2 + [1] * 3
    for one, other in zip(beside, alone, strict=True):
        assert_same(one, other)


@pytest.mark.slow
def test_only_the_guilty_fail():
    """One is not finite, one does not fit the task, one records what there is not."""

    def wild():
        net = eprop().freeze()
        projections = tuple(replace(p, rule=replace(p.rule, lr=1e300)) for p in net.projections)
        return replace(net, projections=projections)

    networks = [(eprop, {}), (wild, {}), (follower, {}), (eprop, {"record": ("hiden.v",)}), (taught, {})]
    runs = [(make(), SETTINGS | own | {"seed": 5}) for make, own in networks]
    results = together([TASK.calls(network, **own, beside=5) for network, own in runs])
    assert isinstance(results[1], NotFinite) and isinstance(results[2], NetworkError)
    assert "nearest: 'hidden.v'" in str(results[3])
    for place in (0, 4):
        network, own = runs[place]
        assert_same(results[place], TASK.run(network, **own))


@pytest.mark.slow
def test_what_fails_as_a_whole_is_run_in_halves(watch):
    def crash(seeds, options):
        if 3 in seeds:
            raise RunError("The program was killed by SIGSEGV.")

    program = watch(crash)
    results = together([TASK.calls(eprop(), **SETTINGS | {"seed": seed, "upto": 0.25}) for seed in range(1, 6)])
    assert [seeds for seeds, _ in program.calls] == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [4, 5]]
    assert [isinstance(one, RunError) for one in results] == [False, False, True, False, False]
    assert "SIGSEGV" in str(results[2])


@pytest.mark.slow
def test_a_batch_has_the_time_of_all_its_runs_and_only_the_slow_one_times_out(watch):
    def slow(seeds, options):
        if 2 in seeds:
            time.sleep(0.01)
            raise RunTimeout(f"The run took longer than the {options.timeout:.3g} s that it was given.")

    program = watch(slow)
    settings = SETTINGS | {"timeout": 3600.0, "upto": 0.25}
    results = together([TASK.calls(eprop(), **settings | {"seed": seed}) for seed in (1, 2, 3, 4)])
    given = {tuple(seeds): timeout for seeds, timeout in program.calls}
    for seeds, timeout in given.items():
        assert 0.9 * 3600 * len(seeds) < timeout <= 3600 * len(seeds)
    assert list(given) == [(1, 2, 3, 4), (1, 2), (1,), (2,), (3, 4)]
    assert [isinstance(one, RunTimeout) for one in results] == [False, True, False, False]


@pytest.mark.slow
def test_of_a_joint_call_each_run_has_its_share_of_the_time(watch):
    watch(lambda seeds, options: time.sleep(0.4))
    began = time.monotonic()
    runs = [TASK.calls(eprop(), **SETTINGS | {"seed": seed, "upto": 0.25, "timeout": 30.0}) for seed in range(4)]
    results = together(runs)
    took = time.monotonic() - began
    assert sum(one.seconds for one in results) <= took
    for one in results:
        assert 0.1 <= one.run_seconds <= one.seconds < took - 0.3  # 0.3 s of the call are the others'


@pytest.mark.slow
def test_compiled_programs_run_one_by_one_each_with_its_own_time():
    """Two runs of half a minute each end when their time is up."""
    task = Corners(sample=2_000_000 * ms)  # half a minute of CPU
    own = SETTINGS | {"backend": "standalone", "dtype": "float32", "timeout": 0.3}
    load_program(Candidate(learner().freeze(), 1), own["backend"], own["dtype"])  # built, whoever comes first
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    results = together([task.calls(learner(), **own, seed=seed) for seed in (1, 2)])
    assert all(isinstance(one, RunTimeout) for one in results)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5


@pytest.mark.slow
def test_cancelling_ends_all(watch):
    cancel = threading.Event()
    program = watch(lambda seeds, options: cancel.set())
    results = together([TASK.calls(eprop(), **SETTINGS | {"seed": seed, "cancel": cancel}) for seed in (1, 2, 3)])
    assert all(isinstance(one, Cancelled) for one in results) and len(program.calls) == 1


def test_an_interrupt_passes_through(watch):
    def interrupted(seeds, options):
        raise KeyboardInterrupt

    watch(interrupted)
    with pytest.raises(KeyboardInterrupt):
        together([TASK.calls(eprop(), **SETTINGS | {"seed": seed}) for seed in (1, 2)])


def test_a_run_that_raises_what_ends_a_process_ends_alone():
    def exits():
        yield from ()
        raise SystemExit(2)

    def ends():
        yield from ()
        return 3

    failed, done = together([exits(), ends()])
    assert isinstance(failed, RunError) and "raised SystemExit(2) in test_batch.py" in str(failed)
    assert done == 3
