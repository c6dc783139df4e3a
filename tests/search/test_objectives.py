import math
from types import SimpleNamespace

import pytest

from search.objectives import OBJECTIVES, measure, problems_with
from snn.errors import NotFinite


def test_names_and_directions_are_those_of_the_contract():
    maximised = {name for name, objective in OBJECTIVES.items() if objective.direction == "maximize"}
    assert maximised == {"accuracy", "prequential_accuracy"}
    minimised = {"loss", "prequential_loss", "spikes", "synaptic_operations", "weight_writes"}
    assert set(OBJECTIVES) - maximised == minimised
    assert {name for name, objective in OBJECTIVES.items() if objective.labels} == maximised


def test_measures_in_the_order_asked_for():
    objectives = [OBJECTIVES["spikes"], OBJECTIVES["accuracy"]]
    assert measure(objectives, SimpleNamespace(accuracy=0.5, spikes=7)) == [7.0, 0.5]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(NotFinite, match="`loss` must be a finite number"):
        measure([OBJECTIVES["loss"]], SimpleNamespace(loss=value))


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("accuracy", "list of names"),
        ([], "at least one"),
        (["accurcy"], "nearest: 'accuracy'"),
        (["loss", "loss"], "twice"),
    ],
)
def test_problems(names, text):
    (problem,) = problems_with(names)
    assert text in problem


def test_better_follows_the_direction():
    assert OBJECTIVES["accuracy"].better(0.9, 0.8)
    assert OBJECTIVES["loss"].better(0.8, 0.9)
