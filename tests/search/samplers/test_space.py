"""Parameters as numbers, and candidates that have the parameters of trials like them."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search.samplers.candidates import Patterns, spread, vary
from search.samplers.history import History, Outcome
from search.samplers.space import Axis, Space
from tests.support.samplers import network, past

DISTRIBUTIONS = [
    FloatDistribution(-2.0, 3.0),
    FloatDistribution(1e-5, 10.0, log=True),
    FloatDistribution(0.0, 1.0, step=0.25),
    IntDistribution(3, 9),
    IntDistribution(10, 50, step=20),
    IntDistribution(1, 1000, log=True),
    CategoricalDistribution(("a", None, True, 2)),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_numbers_stand_for_values_of_the_distribution(distribution):
    axis = Axis(distribution)
    for number in axis.draw(np.random.default_rng(0), 200):
        value = axis.decode(number)
        assert distribution._contains(distribution.to_internal_repr(value))
        assert axis.encode(value) == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize("distribution", [d for d in DISTRIBUTIONS if Axis(d).levels], ids=str)
def test_levels_count_the_values(distribution):
    axis = Axis(distribution)
    numbers = axis.number(np.arange(axis.levels))
    assert len({axis.decode(number) for number in numbers}) == axis.levels
    np.testing.assert_array_equal(axis.level(numbers), np.arange(axis.levels))


def test_a_range_that_grows_keeps_old_values():
    small = Space({}).joined({"x": FloatDistribution(1, 10, log=True), "only": IntDistribution(3, 3)})
    assert list(small.axes) == ["x"]
    large = small.joined({"x": FloatDistribution(0.1, 5, log=True), "y": IntDistribution(0, 4)})
    rows = large.recode(small.encode({"x": 7.0})[None], small)
    assert large.decode(rows[0]) == {"x": pytest.approx(7.0)}
    assert large.joined({"x": FloatDistribution(2, 3, log=True)}) is large


def test_candidates_have_the_parameters_of_trials_like_them():
    history = History(1, np.random.default_rng(0))
    for trial in past(150):
        history.tell(trial, Outcome((0.0,)))
    rows, random = history.rows, np.random.default_rng(1)
    patterns = Patterns(history.space, rows)
    made = [spread(patterns, random, 300), vary(patterns, rows[:20], patterns.of[:20], random, 300)]
    kinds = set()
    for row in np.concatenate(made):
        params = history.space.decode(row)
        asked = set(network(optuna.trial.FixedTrial(params)))  # raises if one is missing or out of range
        assert asked == set(params)
        kinds.add(params["rule"])
    assert kinds == {"stdp", "eprop", "none"}
