"""Who goes on after a rung: our own halving, and Optuna's pruners through a study in memory."""

from __future__ import annotations

import copy
import math

import numpy as np
import optuna
import pytest

from search.errors import StudyError
from search.pruners.base import Everyone, rank
from search.pruners.halving import Halving
from search.pruners.make import make_pruner
from search.pruners.optuna import OptunaPruner, pruner_names
from search.spec.rungs import fractions, scores
from snn.results.part import Part


def decide(pruner, numbers, rung=1):
    """Who of trials 0, 1, ... with these scores goes on, each asked when its own score has just been added."""
    kept = []
    for number, score in enumerate(numbers):
        pruner.add(number, rung, score)
        if pruner.goes_on(number, rung):
            kept.append(number)
    return kept


def test_rungs_double():
    assert fractions(1, 1120) == (1.0,) and fractions(4, 1120) == (0.125, 0.25, 0.5, 1.0)
    assert fractions(4, 4) == (0.25, 0.5, 1.0) and fractions(16, 1) == (1.0,)


def test_scores_are_those_of_the_stream_up_to_each_rungs_end():
    right = np.array([1, 0, 0, 1, 1, 1, 1])
    part = Part(right, np.ones(7, int), np.arange(7.0))
    assert scores(part, 10, fractions(4, 10), loss=False) == [0.5, pytest.approx(1 / 3), pytest.approx(3 / 5)]
    assert scores(part, 7, fractions(2, 7), loss=True) == [1.5, 3.0]


def test_halving_lets_the_better_half_of_those_so_far_go_on():
    # 5 is the best so far; of two and three the best; of four and five the best two; of six and seven the best three.
    assert decide(Halving(2, free=0), [5, 4, 6, 5.5, 5.2, 7, 5.4, 5.6]) == [0, 2, 3, 5, 7]
    # The best alone up to seven, then the best two; whose equal is as good.
    assert decide(Halving(4, free=0), [5, 6, 5.5, 5.8, 4, 7, 6.5, 6.5, 7, 6.5]) == [0, 1, 5, 7, 8]


def test_halving_keeps_rungs_apart_and_counts_a_trial_once():
    pruner = Halving(2, free=0)
    assert decide(pruner, [1.0, 2.0], rung=1) == [0, 1] and decide(pruner, [1.0], rung=2) == [0]
    for _ in range(5):
        pruner.add(1, 1, 2.0)
    pruner.add(2, 1, 0.5)
    assert not pruner.goes_on(2, 1) and not pruner.goes_on(0, 1) and pruner.goes_on(1, 1)


def test_half_of_many_go_on():
    """Those that fewer than half of the trials so far, themselves included, are ahead of."""
    scores = np.random.default_rng(0).random(500)
    ahead = [np.count_nonzero(scores[:number] > scores[number]) for number in range(500)]
    best = [number for number in range(500) if ahead[number] < max(1, (number + 1) // 2)]
    assert decide(Halving(2, free=0), scores) == best and 200 < len(best) < 300


def test_the_first_trials_run_to_their_end_whatever_their_scores_are():
    assert decide(Halving(), [9, 1, 2, 3, 2.5, 2.5, 9.5]) == [0, 1, 2, 3, 6]
    pruner = Halving()
    assert decide(pruner, [9, 1, 2, 3, 4]) == [0, 1, 2, 3]
    assert decide(pruner, [9, 1, 2, 3], rung=2) == [0, 1, 2, 3]  # at later rungs too


def test_the_place_of_a_failed_trial_among_the_first_goes_to_the_next():
    pruner = Halving()
    assert decide(pruner, [9, 1, 2, 3]) == [0, 1, 2, 3]
    pruner.ended(1, complete=True)
    pruner.failed(2)
    assert [_goes_on(pruner, number, 0.5) for number in (4, 5)] == [True, False]


def test_trials_that_an_earlier_start_has_completed_are_among_the_first():
    pruner = Halving()
    for number in range(4):
        pruner.add(number, 1, 1.0)
        pruner.ended(number, complete=number != 3)  # the last was pruned, as older versions did
    assert [_goes_on(pruner, number, 0.5) for number in (4, 5)] == [True, False]


def test_a_trial_without_a_score_has_no_place_among_the_first():
    pruner = Halving()
    assert decide(pruner, [1.0, -math.inf, 0.9, 0.8, 0.7, 0.6]) == [0, 2, 3, 4]


def _goes_on(pruner, number, score, rung=1):
    pruner.add(number, rung, score)
    return pruner.goes_on(number, rung)


def test_failed_trials_leave_the_ranking_of_halving_at_every_rung():
    pruner = Halving(free=0)
    for rung in (1, 2, 3):
        pruner.add(0, rung, 9.0)
    assert not any(_goes_on(pruner, 1, 1.0, rung) for rung in (1, 2, 3))
    pruner.failed(0)
    assert all(_goes_on(pruner, 2, 2.0, rung) for rung in (1, 2, 3))
    pruner.failed(7)  # it has failed before its first rung


OF_OPTUNA = [
    optuna.pruners.MedianPruner(n_startup_trials=1),
    optuna.pruners.PercentilePruner(25.0, n_startup_trials=1),
    optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    optuna.pruners.HyperbandPruner(min_resource=1, max_resource=1, reduction_factor=2),
]


@pytest.mark.parametrize("kind", OF_OPTUNA, ids=lambda one: type(one).__name__)
def test_failed_trials_leave_the_ranking_of_optunas_pruners(kind):
    """They decide as if the failed trials had never been there."""

    def decisions(failed):
        pruner = OptunaPruner(copy.deepcopy(kind))
        for number in range(6):
            _goes_on(pruner, number, 0.5)
            pruner.ended(number, complete=True)
        for number in range(6, 12) if failed else ():
            _goes_on(pruner, number, 9.0)
            pruner.failed(number)
        return _goes_on(pruner, 12, 0.6)

    assert decisions(failed=True) and decisions(failed=False)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_what_is_no_number_is_worst(value):
    assert rank(math.nan, loss=False) == rank(math.nan, loss=True) == -math.inf
    assert rank(0.25, loss=True) == -0.25
    assert decide(Halving(2, free=0), [0.1, rank(value, loss=False), 0.2]) == [0, 2]


def test_optunas_pruner_is_asked_with_one_entry_a_trial():
    pruner = OptunaPruner(optuna.pruners.MedianPruner(n_startup_trials=2))
    for number, numbers in enumerate([(0.5, 0.6, 0.7), (0.3, 0.4, 0.5)]):
        for rung, score in enumerate(numbers, start=1):
            pruner.add(number, rung, score)
        pruner.ended(number, complete=True)
    pruner.add(2, 1, 0.45)
    assert pruner.goes_on(2, 1)
    pruner.add(2, 2, 0.46)
    assert not pruner.goes_on(2, 2)
    pruner.ended(2, complete=False)
    trials = pruner._study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert trials[0].intermediate_values == {1: 0.5, 2: 0.6, 4: 0.7}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("median", optuna.pruners.MedianPruner),
        ("MedianPruner", optuna.pruners.MedianPruner),
        ("successivehalving", optuna.pruners.SuccessiveHalvingPruner),
        ("hyperband", optuna.pruners.HyperbandPruner),
    ],
)
def test_any_of_optunas_pruners_that_needs_nothing_goes_by_name(name, kind):
    """It decides as the one of that name does when it is given itself."""
    scores = np.random.default_rng(0).random(20)

    def decisions(pruner):
        kept = []
        for number, score in enumerate(scores):
            goes_on = _goes_on(pruner, number, score)
            pruner.ended(number, complete=goes_on)
            kept += [number] if goes_on else []
        return kept

    named, given = make_pruner(name), make_pruner(kind())
    assert isinstance(named, OptunaPruner) and decisions(named) == decisions(given)
    assert kind is not optuna.pruners.MedianPruner or 5 <= len(decisions(make_pruner(name))) < 20


def test_the_others():
    assert isinstance(make_pruner("halving"), Halving)
    assert all(isinstance(make_pruner(none), Everyone) for none in (None, "none", optuna.pruners.NopPruner()))
    assert isinstance(make_pruner(optuna.pruners.PercentilePruner(25.0)), OptunaPruner)
    assert {"halving", "none", "median", "hyperband"} <= set(pruner_names())
    for wrong, words in ((3, "but is 3"), ("medain", "nearest: 'median'"), ("percentile", "needs arguments")):
        with pytest.raises(StudyError, match=words):
            make_pruner(wrong)
