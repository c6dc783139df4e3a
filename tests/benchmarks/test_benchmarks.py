"""Each benchmark of costs, short: that it works, what its JSON holds, and which side is faster. Never a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from search import Study
from search.storage.attributes import RESULT
from search.storage.journal.file import open_journal
from tests.support.studies import journal_trials


@pytest.mark.nightly
def test_trial_cost(short):
    found = short("trial_cost")
    cost = found["cpu_seconds_per_trial"]
    assert list(cost) == list(found["ranges"]) == ["snnsearch", "brian2_warm", "brian2_rebuilt"]
    assert cost["snnsearch"] < cost["brian2_warm"] < cost["brian2_rebuilt"]


@pytest.mark.slow
def test_each_side_of_trial_cost_runs_other_trials(short, monkeypatch):
    """Stock Brian2, which takes long to compile, is left out here."""
    from tests.benchmarks import trial, trial_brian2

    warm, rebuilt = [], []
    monkeypatch.setattr(trial_brian2, "on_cython", lambda one, stream: warm.append((one, len(stream))))
    monkeypatch.setattr(trial_brian2, "rebuilt", lambda number, samples: rebuilt.append(number) or (7.0, None))
    cost = short("trial_cost", rounds=2)["cpu_seconds_per_trial"]
    assert list(cost) == ["snnsearch", "brian2_warm", "brian2_rebuilt"]
    assert cost["brian2_warm"] < 0.05 < 7.0 == cost["brian2_rebuilt"] and 0 < cost["snnsearch"] < 7.0
    assert len(warm) == 3 and {samples for _, samples in warm} == {20}  # once before it counts
    assert len({one.lr for one, _ in warm} | {trial.draw(number).lr for number in rebuilt}) == 5


@pytest.mark.nightly
def test_the_sides_of_trial_cost_compute_the_same_losses():
    from tests.benchmarks import trial, trial_brian2, trial_cost

    stream, first = trial.stream(30), trial.draw(1)
    ours = trial_cost.losses(first, stream, "float64")
    np.testing.assert_allclose(ours, trial_brian2.rebuilt(1, 30)[1], rtol=1e-9)
    assert np.ptp(ours) > 0.1  # it learns: the losses differ


@pytest.mark.nightly
def test_stdp_network(short):
    found = short("stdp_network", rounds=3)
    seconds, rates = found["seconds_per_biological_second"], found["rates_hz"]
    assert list(seconds) in (["snnsearch", "brian2", "nest"], ["snnsearch", "brian2"])
    assert min(seconds, key=seconds.get) == "snnsearch"
    assert rates["snnsearch"] == pytest.approx(rates["brian2"], rel=0.03)  # other draws of the same network
    assert max(rates.values()) < 1.15 * min(rates.values())
    assert min(rates.values()) > 5


@pytest.mark.slow
def test_the_rate_of_the_balanced_network_is_that_of_the_timed_stretch():
    """Two stretches of a simulation have together the rate of both, about 20 Hz, as the network is described."""
    from snn.backends.program import Candidate
    from snn.backends.registry import load_program
    from tests.benchmarks import balanced, stdp_network

    candidate = Candidate(stdp_network.network(), 1)
    program = load_program(candidate, "standalone", "float64")
    spans = (balanced.Span(200, 200), balanced.Span(400, 200), balanced.Span(200, 400))
    early, late, both = (stdp_network.simulate(program, candidate, span).rate_hz for span in spans)
    assert both == pytest.approx((early + late) / 2, rel=1e-12) and early != late
    assert 15 < both < 25


@pytest.mark.slow
def test_workers(short, monkeypatch):
    """Equal trials run side by side with two workers, and one after another with one."""
    run, searches = Study.run, []

    def watched(study, **settings):
        summary = run(study, **settings)
        (name,) = optuna.get_all_study_names(open_journal(Path(study.storage)))
        trials = journal_trials(Path(study.storage), name)
        searches.append((settings["workers"], summary, [one for t in trials for one in t.user_attrs[RESULT]["runs"]]))
        return summary

    monkeypatch.setattr(Study, "run", watched)
    measured = short("workers")
    assert [workers for workers, *_ in searches] == [2, 1, 2, 1]  # each side once before it counts
    ended = [summary.trials["complete"] + summary.trials["pruned"] for _, summary, _ in searches]
    assert ended == [6] * 4
    (_, two, side_by_side), (_, one, alone) = searches[2:]
    assert measured["seconds"] == {"two_workers": two.seconds, "one_worker": one.seconds}
    assert overlap(side_by_side) and not overlap(alone)


def overlap(runs) -> bool:
    """Whether any run has begun before an earlier one has ended."""
    times = sorted((began, ended) for _, began, ended in runs)
    return any(later[0] < earlier[1] for earlier, later in pairwise(times))


def test_driver_cost_is_that_of_a_trial_without_a_start(monkeypatch):
    from tests.benchmarks import driver_cost

    clock, done = [0.0], [0]

    def run(trials, **_):
        clock[0] += 2.0 + 0.005 * (trials - done[0])  # a start takes 2 s, a trial 5 ms
        done[0] = trials

    monkeypatch.setattr(driver_cost, "digits_study", lambda: SimpleNamespace(study=SimpleNamespace(run=run)))
    monkeypatch.setattr(driver_cost, "cpu_seconds", lambda who: clock[0])
    monkeypatch.setattr(driver_cost, "_build_cost", lambda module: 1.5)
    assert driver_cost.measure((90, 91, 111)) == {"driver_ms_per_trial": pytest.approx(5.0), "build_cpu_seconds": 1.5}


@pytest.mark.slow
def test_driver_cost(short):
    found = short("driver_cost")
    assert list(found) == ["driver_ms_per_trial", "build_cpu_seconds", "ranges"]
    assert found["build_cpu_seconds"] > found["driver_ms_per_trial"] / 1e3  # a compiler takes longer than a trial


def test_an_iteration_is_the_difference_of_a_long_and_a_short_run(short, monkeypatch):
    from tests.benchmarks import eprop

    clock, runs = [0.0], []

    def oracle(*run):
        runs.append(run)
        clock[0] += 3.0 + 0.25 * run[1]  # a start takes 3 s, an iteration 0.25 s

    monkeypatch.setattr(eprop, "oracle", oracle)
    monkeypatch.setattr(eprop.time, "perf_counter", lambda: clock[0])
    assert short("eprop")["seconds_per_iteration"] == {"regression_float32": 0.25}
    assert runs[:2] == [("regression", length, 1, "standalone", "float32") for length in (10, 110)]


@pytest.mark.nightly
def test_eprop(short):
    assert 0 < short("eprop")["seconds_per_iteration"]["regression_float32"] < 60


@pytest.mark.nightly
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eprop_step(short, dtype):
    taken = short("eprop_step", f"--dtype={dtype}", rounds=3)["ns_per_synapse_step"]
    assert list(taken)[:3] == ["snnsearch", "limit", "brian2"]
    assert taken["limit"] < 1.5 * taken["snnsearch"]  # no side does less work than it should
    assert taken["snnsearch"] < taken["brian2"]


@pytest.mark.parametrize(
    "peers", [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.nightly)]
)
def test_the_sides_of_eprop_step_compute_the_same_weights(tmp_path, peers):
    from tests.benchmarks import eprop_step, step

    def sides():
        if peers:
            return eprop_step.sides(20, "float64", 3, tmp_path)
        return {"snnsearch": eprop_step.ours(20, "float64"), "limit": eprop_step.limit(20, "float64", tmp_path)}

    problem = step.problem(20, "float64", 3)
    first = [w.ravel() for w in (problem.w_in, problem.w_rec, problem.w_out)]
    changes = {}
    for name, side in sides().items():
        side.seconds(3)
        changes[name] = [after - before for before, after in zip(first, side.weights(), strict=True)]
    expected = changes.pop("limit")
    assert all(np.abs(change).max() > 1e-6 for change in expected)
    for name, found in changes.items():
        # Stock Brian2 delivers the last spikes of a sample before it changes the weights: a difference of order lr.
        tolerance = 10 * step.LR if name == "brian2" else 1e-9
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max(), err_msg=name)
