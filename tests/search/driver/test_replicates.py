"""Trials that are the mean of several seeds."""

from __future__ import annotations

import json

import numpy as np
from optuna.trial import TrialState

from search.spec.seeds import replicate_seeds, trial_seed
from search.storage.attributes import RESULT, SEED
from tests.support.studies import read_log, run, run_alone
from tests.support.synthetic import SAMPLES, Bowl


def runs_of(path):
    """Seed and end of every run."""
    return [(seed, end) for seed, end, _ in read_log(path)]


def test_a_trial_may_be_the_mean_of_replicates(in_rungs, tmp_path):
    path = tmp_path / "log"
    _, (trial, *_) = run(in_rungs(task=Bowl(log=str(path)), replicates=3), 1)
    seeds = replicate_seeds(trial_seed(0, 0), 3)
    assert len(set(seeds)) == 3
    result = trial.user_attrs[RESULT]
    assert [one["seed"] for one in result["replicates"]] == seeds
    values = np.array([one["values"] for one in result["replicates"]])
    np.testing.assert_allclose(trial.values, values.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(result["spread"], values.std(axis=0, ddof=1), rtol=1e-15)
    assert result["spread"][0] > 0 and result["samples"] == 3 * (SAMPLES + 100)
    alone = [run_alone(trial, replicate) for replicate in range(3)]
    assert values.tolist() == [[one.accuracy, one.spikes] for one in alone]
    expected = [alone[0].stream.right[:50].mean()]
    expected += [np.mean([one.stream.right[:n].mean() for one in alone]) for n in (100, 200, 400)]
    np.testing.assert_allclose(result["rungs"], expected, rtol=1e-15)
    # The first rung is run by the first seed alone, and the others run the first two in one.
    first = [run for run in runs_of(path) if run[0] == seeds[0]]
    other = [run for run in runs_of(path) if run[0] == seeds[1]]
    assert [end for _, end in first] == [0.125, 0.25, 0.5, 1] and [end for _, end in other] == [0.25, 0.5, 1]


def test_hopeless_replicates_are_skipped(in_rungs, tmp_path):
    path = tmp_path / "log"
    _, trials = run(in_rungs(task=Bowl(log=str(path)), replicates=3, pruner="halving"), 20)
    early = [trial for trial in trials if len(trial.user_attrs[RESULT]["rungs"]) == 1]
    assert len(early) > 3
    ran = [seed for seed, _ in runs_of(path)]
    for trial in early:
        seeds = replicate_seeds(trial.user_attrs[SEED], 3)
        assert [ran.count(seed) for seed in seeds] == [1, 0, 0]
        assert trial.user_attrs[RESULT]["samples"] == SAMPLES / 8


def test_one_replicate_that_fails_ends_the_trial_once(in_rungs):
    _, trials = run(in_rungs(task=Bowl(fail=0.5), replicates=3), 8)
    assert len(trials) == 8
    assert {t.number for t in trials if t.state == TrialState.FAIL} == {t.number for t in trials if t.params["x"] > 0.5}


def test_runs_of_a_trial_that_has_failed_do_not_begin(in_rungs, tmp_path):
    path = tmp_path / "log"
    task = Bowl(log=str(path), fail=-1.0, sleep=0.2)  # by the end of the second run the driver knows of the first
    _, trials = run(in_rungs(task=task, replicates=4, rungs=1), 3, workers=1)
    assert [trial.state for trial in trials] == [TrialState.FAIL] * 3
    assert len(runs_of(path)) < 3 * 4


def test_replay_and_test_scores_are_those_of_all_replicates(write, snnsearch):
    script = write(
        "from optuna.samplers import RandomSampler\nfrom search import Study\n"
        "from tests.support.synthetic import Bowl, network\n"
        "study = Study(network, Bowl(), ['accuracy'], sampler=RandomSampler, replicates=2)\n"
    )
    assert snnsearch("run", script, "--trials", 4, "--workers", 2).status == 0
    number = json.loads(snnsearch("show", script, "--json").out)["best"][0]["number"]
    done = snnsearch("replay", script, number)
    assert done.status == 0 and done.out == f"trial {number}: same\n"
