"""Where CPU time is counted: by stage, by thread, and for the very processes that a thread has waited for."""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson
from snn.backends.options import RunOptions
from snn.backends.process import run_process
from snn.errors import RunTimeout
from snn.profile import OTHER, STAGES, Profile, cpu_seconds, stage
from tasks import Digits, Split


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def children() -> float:
    """CPU time of the processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


TICK = 1e-3  # what readings of different clocks, a few of them, may differ by
BURN = "import time\nwhile time.process_time() < {}: pass"


def test_the_stages_are_those_of_a_trial_in_their_order():
    assert STAGES == ("ask", "lower", "build", "write", "run", "read", "score", "tell")
    assert Profile().seconds == dict.fromkeys(STAGES, 0.0)


def test_a_stage_within_another_counts_for_itself_alone():
    profile, clock = Profile(), [time.thread_time()]
    with profile.stage("write"):
        burn(0.01)
        clock.append(time.thread_time())
        with pytest.raises(ZeroDivisionError), profile.stage("run"):
            burn(0.02)
            clock.append(time.thread_time())
            raise ZeroDivisionError
        burn(0.03)
    clock.append(time.thread_time())
    burn(0.04)  # in no stage
    before, within, after = np.diff(clock)
    assert profile.seconds["write"] == pytest.approx(before + after, abs=TICK)
    assert profile.seconds["run"] == pytest.approx(within, abs=TICK)
    assert sum(profile.seconds.values()) == profile.seconds["write"] + profile.seconds["run"]


def test_waiting_is_not_counted():
    profile = Profile()
    with profile.stage("run"):
        time.sleep(0.2)
    assert 0 < profile.seconds["run"] < 0.1


def test_processes_of_several_threads_are_told_apart():
    profile = Profile()

    def run(name: str, seconds: float) -> None:
        with profile.stage(name):
            run_process([sys.executable, "-c", BURN.format(seconds)], RunOptions(profile=profile))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(run, ("build", "run", "read"), (0.3, 0.6, 0.05)))
    for name, seconds in (("build", 0.3), ("run", 0.6), ("read", 0.05)):
        assert seconds <= profile.seconds[name] < seconds + 0.3  # with another's process it would be more


@pytest.mark.slow
def test_a_process_that_is_killed_is_counted_too():
    profile, before, here = Profile(), children(), time.thread_time()
    with pytest.raises(RunTimeout), profile.stage("run"):
        run_process([sys.executable, "-c", BURN.format(60)], RunOptions(timeout=1.0, profile=profile))
    used, here = children() - before, time.thread_time() - here
    assert 0 < used - TICK < profile.seconds["run"] < used + here + TICK


def test_without_a_profile_the_stage_around_it_goes_on():
    """A stage of no profile ends no other, and a process of a run without a profile is counted for nobody."""
    profile, before = Profile(), children()
    with profile.stage("write"):
        burn(0.01)
        with stage(None, "run"):
            run_process([sys.executable, "-c", BURN.format(0.1)], RunOptions())
            burn(0.02)
    assert children() - before > 0.1
    assert profile.seconds["run"] == 0 and 0.03 <= profile.seconds["write"] < 0.1


def test_what_another_process_has_counted_is_added():
    there, here = Profile(), Profile()
    with there.stage("lower"):
        burn(0.02)
    there.memory(10)
    here.memory(None)
    assert here.peak_memory_bytes is None
    here.merge(there.to_json())
    here.merge(there.to_json())
    here.memory(5)
    assert here.seconds["lower"] == 2 * there.seconds["lower"] > 0 and here.peak_memory_bytes == 10


def test_a_report_adds_up():
    profile = Profile()
    with profile.stage("ask"):
        burn(0.02)
    report = profile.report(trials=4, total=1.0)
    assert list(report) == ["cpu_seconds", "cpu_seconds_per_trial", "trials", "peak_memory_bytes"]
    assert list(report["cpu_seconds"]) == list(report["cpu_seconds_per_trial"]) == [*STAGES, OTHER]
    assert sum(report["cpu_seconds"].values()) == pytest.approx(1.0)
    assert report["cpu_seconds_per_trial"]["ask"] == report["cpu_seconds"]["ask"] / 4
    assert set(profile.report(0, 1.0)["cpu_seconds_per_trial"].values()) == {None}


def network() -> Network:
    net = Network(inputs=Poisson(64, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=40)
    net.readout(LeakyReadout(10))
    for source, target in (("inputs", "hidden"), ("hidden", "readout")):
        net.connect(source, target, Dense(), EProp(lr=0.001))
    return net


def test_the_stages_of_a_run_are_all_that_it_uses(tmp_path, monkeypatch):
    """In a run that compiles its program, and over some that find it."""
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path))
    task, profile = Digits(sample=5 * ms), Profile()
    before, others = cpu_seconds(), children()
    plain = task.run(network(), seed=1, profile=profile)
    used, others = cpu_seconds() - before, children() - others
    assert plain.builds == 1
    assert others - TICK < profile.seconds["build"] + profile.seconds["run"] < used + TICK
    assert profile.seconds["build"] > 10 * profile.seconds["run"]

    profile = Profile()
    before = cpu_seconds()
    results = [task.run(network(), seed=seed, profile=profile) for seed in range(10)]
    used = cpu_seconds() - before
    # all that a run takes is in its stages but for what lies between them, about 3 in 100, and for other threads
    assert 0.9 * used <= sum(profile.seconds.values()) <= used + TICK
    assert all(profile.seconds[name] > 0 for name in ("lower", "build", "write", "run", "read", "score"))
    assert profile.seconds["ask"] == profile.seconds["tell"] == 0
    assert profile.seconds["run"] > profile.seconds["read"]
    assert results[1].accuracy == plain.accuracy and results[1].counts == plain.counts


@dataclass(frozen=True)
class FewDigits(Digits):
    def split(self, n: int) -> Split:
        return Split.cut(np.arange(60), [40, 10, 10])


@pytest.mark.slow
def test_brian_in_this_process_is_a_run():
    profile = Profile()
    result = FewDigits(sample=5 * ms).run(network(), backend="runtime", profile=profile)
    assert profile.seconds["run"] > 0.5 * sum(profile.seconds.values())
    assert result.peak_memory_bytes is None and profile.peak_memory_bytes is None
