"""Suggestions that were made before: their results are copied, and no run is repeated."""

from __future__ import annotations

import optuna
import pytest

from search.start.opening import begin
from search.storage.attributes import RESULT, SEED
from tests.support.studies import read_log, run
from tests.support.synthetic import Bowl, network


def runs_of(path):
    """Seed and end of every run."""
    return [(seed, end) for seed, end, _ in read_log(path)]


def test_a_suggestion_that_was_run_is_not_run_again(in_rungs, tmp_path):
    path = tmp_path / "log"
    study = in_rungs(task=Bowl(log=str(path)), rungs=1)
    opened = begin(study.plan(), print)
    for x in (0.25, 0.75, 0.25, 0.25, 0.75):
        opened.enqueue_trial({"x": x, "y": 0.5})
    _, trials = run(study, 5, workers=1)
    assert [trial.user_attrs[RESULT].get("same_as") for trial in trials] == [None, None, 0, 0, 1]
    assert len(trials) == 5 and len(runs_of(path)) == 2
    for trial in trials[2:]:
        first = trials[trial.user_attrs[RESULT]["same_as"]]
        assert (trial.params, trial.values) == (first.params, first.values)
        assert trial.user_attrs[SEED] == first.user_attrs[SEED] and trial.user_attrs[RESULT]["samples"] == 0


@pytest.mark.slow
def test_what_is_still_running_is_run_beside_it_as_a_replicate(in_rungs):
    study = in_rungs(task=Bowl(sleep=1.0), rungs=1)  # the second is asked for before the first has ended
    opened = begin(study.plan(), print)
    for _ in range(2):
        opened.enqueue_trial({"x": 0.25, "y": 0.5})
    _, (a, b) = run(study, 2, workers=2)
    assert a.params == b.params and a.user_attrs[SEED] != b.user_attrs[SEED]
    assert "same_as" not in b.user_attrs[RESULT] and a.values != b.values


def test_other_parameters_of_the_same_network_are_run(in_rungs):
    def constant(trial):
        trial.suggest_float("ignored", 0, 1)
        return network(optuna.trial.FixedTrial({"x": 0.5, "y": 0.5}))

    _, trials = run(in_rungs(network=constant), 3)
    assert not any("same_as" in trial.user_attrs[RESULT] for trial in trials)


@pytest.mark.parametrize(("replicates", "again"), [(1, True), (2, False)])
def test_a_repeat_has_as_many_replicates(in_rungs, replicates, again):
    study = in_rungs()
    for number in (1, 2):
        begin(study.plan(), print).enqueue_trial({"x": 0.25, "y": 0.5})
        summary, trials = run(study, number, workers=1, replicates=1 if number == 1 else replicates)
    assert ("same_as" in trials[1].user_attrs[RESULT]) == again
    assert len(summary.best) == (1 if again else len(summary.best))  # what was copied is not another best
