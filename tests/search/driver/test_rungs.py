"""Trials in rungs: the same numbers however many there are, and who is pruned."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.trial import TrialState

from search import Study
from search.samplers.byindex import ByIndex
from search.spec.seeds import trial_seed
from search.storage.attributes import RESULT, SEED
from tests.support.studies import read_log, result_of, run, run_alone
from tests.support.synthetic import SAMPLES, Bowl, network


def test_one_rung_or_four_give_the_same_numbers(in_rungs, tmp_path):
    task = Bowl(log=str(tmp_path / "log"))
    one, four = (run(in_rungs(f"r{rungs}", task=task, rungs=rungs), 6, workers=rungs)[1] for rungs in (1, 4))
    ran = read_log(tmp_path / "log")
    for trial in four:  # once alone, and in pieces that go on from one another
        mine = sorted((end, start) for seed, end, start in ran if seed == trial.user_attrs[SEED])
        assert mine == [(0.125, 0), (0.25, 50), (0.5, 100), (1.0, 0), (1.0, 200)]
    for a, b in zip(one, four, strict=True):
        assert (a.params, a.values) == (b.params, b.values)
        assert len(b.user_attrs[RESULT]["rungs"]) == 4 and len(b.user_attrs[RESULT]["runs"]) == 4
        assert {**result_of(a), "rungs": None} == {**result_of(b), "rungs": None}
        right = run_alone(b).stream.right
        assert b.user_attrs[RESULT]["rungs"] == [right[:n].mean() for n in (50, 100, 200, 400)]


@pytest.mark.parametrize(
    "objectives", [("accuracy", "spikes"), pytest.param(("accuracy",), marks=pytest.mark.slow), ("loss",)]
)
def test_halving_is_the_default_and_saves_samples(tmp_path, objectives):
    study = Study(network, Bowl(), objectives, name="s", sampler=ByIndex(0), storage=tmp_path / "s.journal")
    summary, trials = run(study, 30)
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert summary.trials["pruned"] == len(pruned) and 10 <= len(pruned) <= 28
    spent = sum(trial.user_attrs[RESULT]["samples"] for trial in trials)
    assert spent < 0.6 * 30 * (SAMPLES + 100)
    for trial in trials:
        result = trial.user_attrs[RESULT]
        complete = trial.state == TrialState.COMPLETE
        assert ("values" in result) == complete and (len(result["rungs"]) == 4) <= complete
        assert len(result["curve"]) > 5
        end = [0.125, 0.25, 0.5, 1][len(result["rungs"]) - 1]
        assert result["samples"] == SAMPLES * end + 100 * complete
        if not complete and objectives == ("accuracy",):
            assert trial.intermediate_values == {len(result["rungs"]): result["rungs"][-1]}
    best = max if objectives[0] == "accuracy" else min
    assert summary.best[0].number == best((t for t in trials if t.values), key=lambda t: t.values[0]).number


def test_a_trial_that_fails_at_its_end_prunes_no_other(in_rungs):
    """Trial 0 is the best at every rung, and its cost cannot be worked out; as a study that goes on."""

    def cost(result):
        return math.nan if result.seed == trial_seed(0, 0) else 1.0

    study = in_rungs(objectives=["accuracy", cost], network=_ever_worse, pruner="halving")
    for total in (1, 3, 6):
        _, trials = run(study, total, workers=1)
    assert [trial.state.name for trial in trials] == ["FAIL", *["COMPLETE"] * 4, "PRUNED"]
    assert "`cost` must be a finite number, but is nan." in trials[0].user_attrs["reason"]


def _ever_worse(trial):
    """Networks whose x leaves the best one behind."""
    x = trial.suggest_float("x", 0.3 + 0.1 * trial.number, 0.3 + 0.1 * trial.number)
    return network(optuna.trial.FixedTrial({"x": x, "y": 0.7}))


@pytest.mark.parametrize(
    "pruner", ["median", pytest.param(optuna.pruners.SuccessiveHalvingPruner(), marks=pytest.mark.slow)]
)
def test_optunas_pruners_serve_several_objectives(in_rungs, pruner):
    summary, _ = run(in_rungs(pruner=pruner), 30)
    assert 3 <= summary.trials["pruned"] <= 28 and summary.trials["fail"] == 0


def test_scores_that_are_no_numbers_are_pruned_first(in_rungs):
    study = in_rungs(task=Bowl(nan=0.4), objectives=["loss"], pruner="halving")
    for total in (15, 30):  # a second start hears of them
        _, trials = run(study, total)
    nan = [trial for trial in trials if trial.params["x"] > 0.4]
    assert 5 < len(nan) < 25 and sum(trial.state == TrialState.PRUNED for trial in nan) >= len(nan) - 2
    assert any(trial.state == TrialState.COMPLETE for trial in trials if trial.params["x"] < 0.4)


def test_the_time_of_a_trial_is_that_of_all_its_rungs(in_rungs):
    _, trials = run(in_rungs(task=Bowl(sleep=0.6)), 2, timeout=0.4)  # its longest rung takes 0.3 s
    assert [trial.user_attrs["reason"] for trial in trials] == ["A trial must end within 0.4 s, but did not."] * 2
    _, trials = run(in_rungs("more", task=Bowl(sleep=0.2)), 2, timeout=30.0)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
