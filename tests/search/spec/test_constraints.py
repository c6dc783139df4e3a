import math

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import StudyError
from search.spec.constraints import (
    LARGEST_VIOLATION,
    feasible,
    make_constraint,
    preferred,
    problems_with_constraints,
    total_violation,
)
from search.spec.objectives import OBJECTIVES, Objective
from search.storage.opening import open_storage
from snn.errors import NotFinite


def my_cost(result):
    return result.cost


COST = Objective.of(my_cost)


# ---- what is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "op", "bound", "shown"),
    [
        ("accuracy >= 0.9", "accuracy", ">=", 0.9, "accuracy >= 0.9"),
        ("memory_bits<=2**20", "memory_bits", "<=", 1048576, "memory_bits <= 1048576"),
        ("  energy_j  <=  1e-6 ", "energy_j", "<=", 1e-6, "energy_j <= 1e-06"),
        ("energy_j <= 10**-6", "energy_j", "<=", 1e-6, "energy_j <= 1e-06"),
        ("spikes <= 1_000", "spikes", "<=", 1000, "spikes <= 1000"),
        ("spikes <= .5E+3", "spikes", "<=", 500, "spikes <= 500"),
        ("loss >= -2**2", "loss", ">=", -4, "loss >= -4"),
        ("loss <= + 3.", "loss", "<=", 3, "loss <= 3"),
        ("my_cost <= 7", "my_cost", "<=", 7, "my_cost <= 7"),
    ],
)
def test_texts(text, name, op, bound, shown):
    constraint = make_constraint(text, [COST])
    assert (constraint.name, constraint.op, str(constraint)) == (name, op, shown)
    assert constraint.bound == pytest.approx(bound, rel=1e-15)
    assert make_constraint(str(constraint), [COST]) == constraint
    assert problems_with_constraints([text], [COST]) == []


@given(st.sampled_from(sorted(OBJECTIVES)), st.sampled_from([">=", "<="]), st.floats(allow_nan=False, width=64))
def test_every_finite_bound_is_read_as_python_writes_it(name, op, bound):
    text = f"{name} {op} {bound!r}"
    if not math.isfinite(bound):
        with pytest.raises(StudyError):
            make_constraint(text)
        return
    constraint = make_constraint(text)
    assert constraint.bound == bound
    assert make_constraint(str(constraint)) == constraint


@given(st.integers(0, 60), st.integers(0, 12))
def test_powers_are_exact_where_floats_are(base, power):
    constraint = make_constraint(f"memory_bits <= {base}**{power}")
    if base**power < 2**53:
        assert constraint.bound == base**power


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accurcy >= 0.9", "bounds 'accurcy'; choices: .*nearest: 'accuracy'"),
        ("memory <= 5", "nearest: 'memory_bits'"),
        ("my_cots <= 5", "nearest: 'my_cost'"),
        ("accuracy > 0.9", "must say >= or <=, but 'accuracy > 0.9' says >"),
        ("accuracy == 0.9", "says =="),
        ("accuracy => 0.9", "says =>"),
        ("accuracy", "must be NAME OP NUMBER"),
        ("accuracy >= ", "must be NAME OP NUMBER"),
        ("accuracy >= loss", "must be NAME OP NUMBER"),
        ("0.9 <= accuracy", "must be NAME OP NUMBER"),
        ("accuracy >= 1 + 1", "must be NAME OP NUMBER"),
        ("accuracy >= nan", "must be NAME OP NUMBER"),
        ("accuracy >= __import__('os').abort()", "must be NAME OP NUMBER"),
        ("loss <= 1e999", "finite"),
        ("memory_bits <= 9**999999999", "finite"),
        ("memory_bits <= 0**-1", "finite"),
        (3, "must be a text such as"),
    ],
)
def test_what_is_no_constraint(text, words):
    (problem,) = problems_with_constraints([text], [COST])
    with pytest.raises(StudyError, match=words):
        make_constraint(text, [COST])
    assert problem


def test_all_problems_at_once():
    found = problems_with_constraints(["accurcy > 1e999", "loss <= 1", "loss<=2", "loss >= 0"])
    assert len(found) == 4 and "`loss <=` twice" in found[-1]
    (problem,) = problems_with_constraints("accuracy >= 0.9")
    assert "list of texts" in problem
    assert problems_with_constraints([]) == []


def test_a_function_that_the_study_does_not_have_is_unknown():
    assert "bounds 'my_cost'" in problems_with_constraints(["my_cost <= 1"])[0]


# ---- what it says of a value -------------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_violation_is_the_distance_to_the_bound(value, bound):
    """0 and below where it holds, the bound itself included; above 0 where it does not."""
    most = make_constraint(f"loss <= {bound!r}").violation(value)
    least = make_constraint(f"loss >= {bound!r}").violation(value)
    assert most == value - bound == -least
    assert (most <= 0) == (value <= bound) and (least <= 0) == (value >= bound)


def test_infinite_values_have_finite_violations():
    constraint = make_constraint("my_cost <= 5", [COST])
    assert constraint.violation(math.inf) == LARGEST_VIOLATION == 1e30
    assert constraint.violation(-math.inf) == -LARGEST_VIOLATION


def test_what_is_not_a_number_cannot_be_judged():
    with pytest.raises(NotFinite, match=r"`loss <= 1` needs a number, but `loss` is nan"):
        make_constraint("loss <= 1").violation(math.nan)


# ---- in Optuna ---------------------------------------------------------------------------------------------------


def trials_with(tmp_path, violations, directions=("maximize",)):
    """A stored study, read back: values are 0, 1, 2, ..., violations by the constraint's text."""
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "j.log")))
    study = optuna.create_study(storage=storage, directions=list(directions))
    constraints = [make_constraint("accuracy >= 0.9"), make_constraint("memory_bits <= 2**20")]
    for number, values in enumerate(violations):
        trial = study.ask()
        for constraint, value in zip(constraints, values, strict=False):
            trial.set_constraint(str(constraint), value)
        study.tell(trial, [number] * len(directions))
    return optuna.load_study(study_name=study.study_name, storage=storage)


def test_feasible_trials_are_those_that_optuna_takes_for_it(tmp_path):
    """Bounds met exactly are fine, and so are trials that have no constraints, which older ones are."""
    study = trials_with(tmp_path, [(-0.1, 0), (0, 0), (0.1, -5), (-1, LARGEST_VIOLATION), ()], ("maximize", "minimize"))
    trials = study.get_trials()
    assert [feasible(trial) for trial in trials] == [True, True, False, False, True]
    assert [total_violation(trial) for trial in trials] == [0, 0, 0.1, LARGEST_VIOLATION, 0]
    assert preferred(trials) == [trials[0], trials[1], trials[4]]
    assert {trial.number for trial in study.best_trials} <= {trial.number for trial in trials if feasible(trial)}


def test_without_a_feasible_trial_those_that_break_the_least_are_preferred(tmp_path):
    trials = trials_with(tmp_path, [(0.2, 1), (0.1, -9), (0.1, 0), (3, 3)]).get_trials()
    assert preferred(trials) == trials[1:3]
    assert preferred([]) == []


def test_the_best_trial_of_optuna_is_feasible(tmp_path):
    study = trials_with(tmp_path, [(-0.1, 0), (-0.2, 0), (0.1, 0)])
    assert study.best_trial.number == 1 and feasible(study.best_trial)
    assert max(preferred(study.get_trials()), key=lambda trial: trial.value).number == 1


# ---- in a search


def searched(tmp_path, **own):
    """Bowls in which accuracy asks for y = 0.7, and memory is 320 bits at y = 1."""
    from search import Study
    from search.driver.search import search
    from search.samplers.byindex import ByIndex
    from tests.support.synthetic import Bowl, network

    study = Study(network, Bowl(), storage=tmp_path / "c.journal", name="c", sampler=ByIndex(0), pruner=None, **own)
    summary, _ = search(study.plan(), 16, 2)
    storage = open_storage(study.plan().location, create=False)
    return summary, optuna.load_study(study_name="c", storage=storage)


@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy", "spikes"]])
def test_the_best_keep_to_the_constraints(tmp_path, objectives):
    summary, study = searched(tmp_path, objectives=objectives, constraints=["memory_bits <= 100", "spikes >= 2e2"])
    for trial in study.trials:
        result = trial.user_attrs["result"]
        assert trial.constraints == result["constraints"]
        assert trial.constraints["memory_bits <= 100"] == result["memory_bits"] - 100
        assert trial.constraints["spikes >= 200"] == 200 - result["spikes"]
    allowed = [trial for trial in study.trials if feasible(trial)]
    assert 1 <= len(allowed) < 16
    best = max(allowed, key=lambda trial: trial.values[0])
    assert summary.best[0].number == best.number
    assert {one.number for one in summary.best} <= {trial.number for trial in allowed}


def test_where_none_keeps_to_them_the_least_breach_is_best(tmp_path):
    summary, study = searched(tmp_path, objectives=["accuracy", "spikes"], constraints=["memory_bits <= -1"])
    least = min(study.trials, key=lambda trial: trial.user_attrs["result"]["memory_bits"])
    assert [one.number for one in summary.best] == [least.number]
    by = least.user_attrs["result"]["memory_bits"] + 1
    assert f"breaks constraints, as every complete trial does, by: [memory_bits <= -1] = {by:.4g}" in str(summary)


def test_a_study_keeps_its_constraints(tmp_path):
    from search.errors import StudyError

    searched(tmp_path, constraints=["spikes <= 500"])
    with pytest.raises(StudyError, match=r"begun with \['spikes <= 500'\] and is now asked for none"):
        searched(tmp_path)


def test_a_bound_that_a_run_was_given_is_measured_again(tmp_path):
    """The script does not have it, so that only what is stored tells that settling times were taken."""
    from search import Study
    from search.spec.spec import replay_jobs
    from tests.support.synthetic import Bowl, network

    plan = Study(network, Bowl(), storage=tmp_path / "c.journal").plan()
    stored = {"seed": 3, "network": "{}", "origin": plan.origin()}
    for result, settling in [({"settling_time_ms": 2.0}, True), ({"settling_time_ms": None}, False), ({}, False)]:
        trial = optuna.trial.create_trial(values=[1.0], user_attrs={**stored, "result": result})
        assert [job.settling for job in replay_jobs(plan, trial)] == [settling]
