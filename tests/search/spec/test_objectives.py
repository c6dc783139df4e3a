import math
from types import SimpleNamespace

import numpy as np
import pytest
from optuna import load_study
from optuna.samplers import RandomSampler

import search
from search.errors import StudyError
from search.spec.objectives import OBJECTIVES, Objective, check_finite, make_objective, measured, needs, problems_with
from search.storage.opening import open_storage
from search.study import Study
from snn.errors import NotFinite
from tests.support.networks import spec_of
from tests.support.results import TASK
from tests.support.synthetic import Bowl, network


def measure(objectives, result):
    numbers = measured(objectives, [result])
    values = [value for objective in objectives for value in numbers[objective.name]]
    check_finite(objectives, values)
    return values


def spikes_per_point(result):
    return result.spikes / (100 * result.accuracy)


def test_names_and_directions_are_those_of_the_contract():
    maximised = {name for name, objective in OBJECTIVES.items() if objective.direction == "maximize"}
    assert maximised == {"accuracy", "prequential_accuracy"}
    minimised = {"loss", "prequential_loss", "spikes", "synaptic_operations", "weight_writes", "energy_j"}
    assert set(OBJECTIVES) - maximised == minimised | {"memory_bits", "settling_time_ms"}
    assert {name for name, objective in OBJECTIVES.items() if objective.labels} == maximised | {"settling_time_ms"}
    assert {name for name, objective in OBJECTIVES.items() if objective.needs} == {"settling_time_ms"}
    held_out = {"accuracy", "loss", "settling_time_ms"}
    assert {name for name, objective in OBJECTIVES.items() if objective.held_out} == held_out


@pytest.mark.slow
def test_every_name_measures_a_result():
    result = TASK.run(spec_of("eprop_lif"), seed=3, dtype="float64", settling=True, backend="runtime")
    values = dict(zip(OBJECTIVES, measure(list(OBJECTIVES.values()), result), strict=True))
    assert values == {name: getattr(result, name) for name in OBJECTIVES}
    assert all(type(value) is float and value > 0 for value in values.values())


def test_measures_in_the_order_asked_for():
    objectives = [OBJECTIVES["spikes"], OBJECTIVES["accuracy"]]
    assert measure(objectives, SimpleNamespace(accuracy=0.5, spikes=7)) == [7.0, 0.5]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(NotFinite, match="`loss` must be a finite number"):
        measure([OBJECTIVES["loss"]], SimpleNamespace(loss=value))


def test_what_was_not_measured_says_how_to_measure_it():
    with pytest.raises(StudyError, match=r"`settling_time_ms` was not measured: run the task with settling=True\."):
        measure([OBJECTIVES["settling_time_ms"]], SimpleNamespace(settling_time_ms=None))
    with pytest.raises(StudyError, match=r"`energy_j` was not measured\."):
        measure([OBJECTIVES["energy_j"]], SimpleNamespace(energy_j=None))


def test_needs_are_those_of_all():
    assert needs([OBJECTIVES["accuracy"], OBJECTIVES["settling_time_ms"]]) == {"settling"}
    assert needs([]) == needs([OBJECTIVES["accuracy"]]) == frozenset()
    assert needs([Objective.of(spikes_per_point, needs=["settling"])]) == {"settling"}


# ---- functions ---------------------------------------------------------------------------------------------------


def test_a_bare_function_is_minimised_and_named_after_itself():
    objective = make_objective(spikes_per_point)
    assert (objective.name, objective.direction, objective.needs) == ("spikes_per_point", "minimize", frozenset())
    assert measure([objective], SimpleNamespace(accuracy=0.5, spikes=100)) == [2.0]


def test_a_function_with_a_direction_and_a_name():
    objective = search.Objective.of(lambda result: result.accuracy**2, "maximize", name="squared")
    assert make_objective(objective) is objective and objective.better(0.3, 0.2)
    assert problems_with(["accuracy", objective, spikes_per_point]) == []
    (value,) = measure([objective], SimpleNamespace(accuracy=np.float32(0.5)))
    assert value == 0.25 and type(value) is float


@pytest.mark.parametrize("returned", [None, "0.5", [1, 2], np.ones(2), 1j])
def test_a_function_must_return_a_number(returned):
    def broken(result):
        return returned

    with pytest.raises(StudyError, match="`broken` must return a number, but returned"):
        measure([make_objective(broken)], None)


def accuracy(result):
    return 0.0


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ("accuracy", "list of names"),
        ([], "at least one"),
        (["accurcy"], "nearest: 'accuracy'"),
        (["enrgy_j"], "nearest: 'energy_j'"),
        (["loss", "loss"], "twice"),
        ([spikes_per_point, Objective.of(spikes_per_point, "maximize")], "'spikes_per_point' twice"),
        ([lambda result: 0], r"a lambda and the like have none: write Objective.of(function, name='my_cost')"),
        ([accuracy], "'accuracy' is the name of an objective already"),
        ([Objective("spikes", "maximize", spikes_per_point)], "'spikes' is the name of an objective already"),
        ([Objective("mine", "max", spikes_per_point)], "nearest: 'maximize'"),
        ([3], "a name or a function of the result, but is 3"),
    ],
)
def test_problems(items, text):
    (problem,) = problems_with(items)
    assert text in problem


def test_all_problems_at_once():
    found = problems_with(["accurcy", lambda result: 0, "loss", "loss"])
    assert len(found) == 3
    with pytest.raises(StudyError) as error:
        Objective.of(spikes_per_point, "maximise", name="my cost", needs=["setling"])
    assert [problem.split()[0] for problem in error.value.problems] == ["An", "`direction`", "`needs`"]
    assert "nearest: 'maximize'" in str(error.value) and "'my cost'" in str(error.value)


def test_better_follows_the_direction():
    assert OBJECTIVES["accuracy"].better(0.9, 0.8)
    assert OBJECTIVES["loss"].better(0.8, 0.9)


# ---- in a study --------------------------------------------------------------------------------------------------


def test_a_study_optimises_a_function(tmp_path):
    """Beside a name, with its own direction; the stored value is what it returns."""
    cost = Objective.of(spikes_per_point, "maximize")
    own = {"sampler": RandomSampler, "pruner": None, "storage": tmp_path / "s.journal", "name": "s"}
    study = Study(network, Bowl(), [cost, "accuracy"], **own)
    assert "objectives=['spikes_per_point', 'accuracy']" in repr(study)
    summary = study.run(trials=4, workers=1)
    assert len(summary.best) >= 1 and summary.trials["complete"] == 4
    for best in summary.best:
        assert best.values["spikes_per_point"] == best.attrs["spikes"] / (100 * best.attrs["accuracy"])
    stored = load_study(study_name="s", storage=open_storage(study.plan().location, create=False))
    assert [direction.name for direction in stored.directions] == ["MAXIMIZE", "MAXIMIZE"]
    assert summary.best[0].values["spikes_per_point"] == max(trial.values[0] for trial in stored.trials)


def test_a_function_that_fails_fails_the_trial_by_its_name(tmp_path):
    def broken(result):
        return "many"

    study = Study(network, Bowl(), [broken], sampler=RandomSampler, storage=tmp_path / "s.journal", name="s")
    summary = study.run(trials=1, workers=1)
    ((reason, times),) = summary.reasons
    assert times == 1 and "`broken` must return a number, but returned 'many'" in reason


def test_a_study_reports_every_wrong_objective():
    with pytest.raises(StudyError) as error:
        Study(network, Bowl(), ["accurcy", lambda result: 0])
    assert len(error.value.problems) == 2
