"""Samplers by name: which is the default, and what is refused."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState

from search.errors import StudyError
from search.samplers import make_sampler
from search.samplers.forest import ForestSampler
from search.samplers.make import MANY, NEEDS, SAMPLERS
from tests.support.samplers import run


@pytest.fixture(autouse=True)
def seldom(monkeypatch):
    """A fit for every fifth of new trials: one for each would make these tests ten times as long."""
    monkeypatch.setattr("search.samplers.forest.FRESH", 0.2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_suggests(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    study = run(make_sampler(name, 1, 3), 15)
    assert len(study.get_trials(states=(TrialState.COMPLETE,))) == 15


def test_the_default_is_chosen_by_the_number_of_workers():
    few, many = make_sampler(None, 1, 0, MANY), make_sampler(None, 1, 0, MANY + 1)
    assert isinstance(few, optuna.samplers.TPESampler) and few._constant_liar
    assert isinstance(many, ForestSampler)


def test_samplers_and_callables_are_used_as_they_are():
    mine = optuna.samplers.RandomSampler()
    assert make_sampler(mine, 2, 0, 100) is mine
    assert isinstance(make_sampler(optuna.samplers.NSGAIISampler, 2, 0), optuna.samplers.NSGAIISampler)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(StudyError, match=r"'forest', .*nearest: 'forest'"):
        make_sampler("forrest", 1, 0)


def test_what_is_wrong_is_said_before_the_search(monkeypatch):
    monkeypatch.setattr("search.samplers.make.find_spec", lambda package: None)
    with pytest.raises(StudyError) as caught:
        make_sampler("cmaes", 2, 0)
    one, other = caught.value.problems
    assert "one objective" in one and "has 2" in one and "'nsgaii'" in one
    assert "cmaes" in other and "snnsearch[samplers]" in other
    with pytest.raises(StudyError, match="needs the package torch"):
        make_sampler("gp", 1, 0)
