"""Samplers that end a search, and scripts that do: it is over, and no trial is left running."""

from __future__ import annotations

import warnings

import optuna
import pytest
from optuna.samplers import GridSampler, RandomSampler

from search import Study
from search.start.opening import begin
from search.storage.opening import open_storage
from tests.support.synthetic import Bowl, network

GRID = {"x": [0.2, 0.6], "y": [0.5, 0.9]}


def on_a_grid(trial):
    """A network whose x and y are chosen from lists."""
    return network(optuna.trial.FixedTrial({name: trial.suggest_categorical(name, GRID[name]) for name in GRID}))


def brute():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is experimental
        return optuna.samplers.BruteForceSampler(seed=0)


class Few(RandomSampler):
    """A user's sampler, which ends the search after three trials."""

    def after_trial(self, study, trial, state, values):
        super().after_trial(study, trial, state, values)
        if trial.number >= 2:
            study.stop()


@pytest.fixture
def make(tmp_path):
    def make(sampler, network=on_a_grid):
        return Study(network, Bowl(), sampler=sampler, pruner=None, rungs=1, storage=tmp_path / "s.journal", name="s")

    return make


def stored(study):
    plan = study.plan()
    return optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False)).trials


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", ["grid", "brute", "own"])
def test_a_sampler_may_end_a_search(make, capsys, kind, workers):
    sampler = {"grid": lambda: GridSampler(GRID), "brute": brute, "own": Few}[kind]
    study = make(sampler())
    summary = study.run(trials=12, workers=workers)
    least = 3 if sampler is Few else 4
    number = summary.trials["complete"]
    # with several workers, some are asked for before the last one has ended; a grid is known not to have more
    assert number == least if workers == 1 or kind == "grid" else least <= number < 12
    assert summary.trials == {"complete": number, "fail": 0, "pruned": 0, "running": 0}
    assert summary.over and summary.best[0].attrs["test_accuracy"] is not None
    if sampler is not Few:
        assert {(trial.params["x"], trial.params["y"]) for trial in stored(study)} == {
            (x, y) for x in GRID["x"] for y in GRID["y"]
        }
    err = capsys.readouterr().err
    assert f"the search ends after {number} of 12 trials: its sampler, {type(study.sampler).__name__}," in err


def test_a_grid_that_was_run_to_its_end_is_not_begun_anew(make, capsys):
    for total, number in ((2, 2), (12, 4), (12, 4)):
        summary = make(GridSampler(GRID)).run(trials=total, workers=1)
        assert summary.trials["complete"] == number and summary.over
    assert "the search ends after 4 of 12 trials" in capsys.readouterr().err


def test_a_grid_that_has_grown_goes_on(make):
    for grid, number in ((GRID, 4), ({"x": [0.2, 0.6], "y": [0.5, 0.7, 0.9]}, 10)):
        assert make(GridSampler(grid), network).run(trials=12, workers=3).trials["complete"] == number


def test_trials_that_run_when_a_search_is_ended_come_to_their_end(make):
    """A driver was killed with three trials under way, all but one of the grid's."""
    study = make(GridSampler(GRID))
    opened = begin(study.plan(), print)
    for _ in range(3):
        on_a_grid(opened.ask())
    assert study.run(trials=12, workers=2).trials == {"complete": 4, "fail": 0, "pruned": 0, "running": 0}


def test_network_may_end_a_search(make):
    def ends(trial):
        if trial.number == 2:
            trial.study.stop()
        return on_a_grid(trial)

    summary = make(RandomSampler(seed=0), ends).run(trials=12, workers=1)
    assert summary.trials == {"complete": 3, "fail": 0, "pruned": 0, "running": 0} and summary.over
    assert make(RandomSampler(seed=1)).run(trials=5, workers=1).trials["complete"] == 5  # it goes on if asked to


def test_a_search_that_reaches_its_total_says_nothing_of_it(make, capsys):
    make(RandomSampler(seed=0)).run(trials=3, workers=2)
    assert "the search ends" not in capsys.readouterr().err
