"""`snnsearch run --profile`: where the CPU of a search went, in a table and in JSON."""

from __future__ import annotations

import resource

import pytest

from snn.profile import OTHER, STAGES, cpu_seconds
from tests.support.command_line import KEYS, line

STUDY = """\
from dataclasses import dataclass
import numpy as np
from brian2 import Hz, ms
from search import Study
from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson
from snn.serial import serialisable
from tasks import Digits, Split

@serialisable
@dataclass(frozen=True)
class FewDigits(Digits):
    def split(self, n):
        return Split.cut(np.arange(60), [40, 10, 10])

def network(trial):
    net = Network(inputs=Poisson(64, rate=trial.suggest_float("rate_hz", 50, 150) * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=trial.suggest_int("n", 10, 40))
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense(), EProp(lr=0.001))
    net.connect("hidden", "readout", Dense(), EProp(lr=0.001))
    return net

study = Study(network, task=FewDigits(sample=5 * ms), name="profiled")
"""


def children() -> float:
    """CPU time of the processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_stages_add_up_to_what_the_search_used(snnsearch, write, workers):
    """Driver and children together; what is not a trial's is `other`."""
    script = write(STUDY)
    before = cpu_seconds()
    ended = snnsearch("run", script, "--trials", 6, "--workers", workers, "--profile", "--json")
    used = cpu_seconds() - before
    assert ended.status == 0
    shown = line(ended.out)
    assert shown.keys() == KEYS | {"profile"}
    profile = shown["profile"]
    assert list(profile) == ["cpu_seconds", "cpu_seconds_per_trial", "trials", "peak_memory_bytes"]
    seconds = profile["cpu_seconds"]
    assert list(seconds) == [*STAGES, OTHER] and all(seconds[name] > 0 for name in STAGES)
    # the command begins to count after its arguments are read and ends before it writes; its first clock may have
    # ticks of 10 ms in each of four numbers
    assert 0.9 * used < sum(seconds.values()) < used + 0.04
    assert seconds[OTHER] > 0
    assert profile["trials"] == 6
    for name, value in profile["cpu_seconds_per_trial"].items():
        assert value == pytest.approx(seconds[name] / 6)


@pytest.mark.slow
def test_only_the_trials_of_this_call_are_counted(snnsearch, write):
    script = write(STUDY)
    snnsearch("run", script, "--trials", 4, "--workers", 1)
    first, again, none = (
        line(snnsearch("run", script, "--trials", n, "--workers", 1, "--profile", "--json").out)["profile"]
        for n in (5, 7, 7)
    )
    assert (first["trials"], again["trials"], none["trials"]) == (1, 2, 0)
    assert none["cpu_seconds"]["run"] == 0 and none["cpu_seconds_per_trial"]["run"] is None


@pytest.mark.slow
def test_the_table(snnsearch, write):
    script = write(STUDY)
    plain = snnsearch("run", script, "--trials", 2, "--workers", 1)
    assert "ms/trial" not in plain.out
    ended = snnsearch("run", script, "--trials", 4, "--workers", 1, "--profile")
    begin = ended.out.index("CPU of driver and children, trials: 2")
    rows = [text.split() for text in ended.out[begin:].splitlines()[1 : len(STAGES) + 4]]
    assert rows[0] == ["stage", "s", "%", "ms/trial"]
    assert [row[0] for row in rows[1:]] == [*STAGES, OTHER, "total"]
    figures = [[float(value) for value in row[1:]] for row in rows[1:]]
    for column, rounding in zip(zip(*figures, strict=True), (0.001, 0.1, 0.01), strict=True):
        assert sum(column[:-1]) == pytest.approx(column[-1], abs=rounding * len(figures) / 2)
    assert figures[-1][1] == 100


@pytest.mark.slow
def test_the_processes_of_the_runtime_backend_are_split_likewise(snnsearch, write):
    """What a worker imports is no stage of a trial, but it is in the total, once the worker has ended."""
    script = write(STUDY)
    before = children()
    ended = snnsearch("run", script, "--trials", 1, "--workers", 1, "--backend", "runtime", "--profile", "--json")
    assert ended.status == 0
    profile = line(ended.out)["profile"]
    seconds = profile["cpu_seconds"]
    assert all(seconds[name] > 0 for name in STAGES)
    # Brian2's steps of two runs, the trial's and that of the test, are most of what is a trial's, and in a child
    assert sum(seconds[name] for name in STAGES) / 2 < seconds["run"] < children() - before
    assert seconds[OTHER] > 0 and profile["peak_memory_bytes"] is None


def test_a_notebook_gets_it_too(folder, write):
    from search.spec.script import Script
    from search.study import load_study

    study = load_study(Script.read(str(write(STUDY))))
    summary = study.run(trials=1, workers=1, storage=folder / "s.journal", profile=True)
    assert summary.profile["trials"] == 1 and "ms/trial" in str(summary)
    again = study.run(trials=2, workers=1, storage=folder / "s.journal")
    assert again.profile is None and "ms/trial" not in str(again)
