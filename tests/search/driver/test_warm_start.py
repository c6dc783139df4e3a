"""Warm starts: what is taken from another study, what is left out and why, and what is tried first."""

from __future__ import annotations

import json

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler

from search.errors import StudyError
from search.start.opening import begin
from search.start.probe import Probe, fits, misfits
from search.storage.attributes import NETWORK, RESULT, WARM
from search.storage.record import is_warm
from tests.support.studies import run
from tests.support.synthetic import Bowl, network


def conditional(trial):
    """The synthetic network with y asked for only in one of two kinds."""
    kind = trial.suggest_categorical("kind", ["round", "flat"])
    y = trial.suggest_float("y", 0, 1) if kind == "round" else 0.5
    x = trial.suggest_float("x", 0, 1)
    return network(optuna.trial.FixedTrial({"x": x, "y": y}))


def narrow(trial):
    """The synthetic network with x at most 1/2."""
    return network(
        optuna.trial.FixedTrial({"x": trial.suggest_float("x", 0, 0.5), "y": trial.suggest_float("y", 0, 1)})
    )


def wider(trial):
    """One more parameter."""
    trial.suggest_int("z", 1, 3)
    return network(trial)


def fewer(trial):
    """One parameter less."""
    return network(optuna.trial.FixedTrial({"x": trial.suggest_float("x", 0, 1), "y": 0.5}))


@pytest.fixture
def old(make_study):
    """A study with 12 complete trials."""
    run(make_study("old"), 12)
    return make_study("old")


def test_trials_that_match_are_added_once_and_are_no_trials_of_the_search(make_study, old, tmp_path, capsys):
    study = make_study(warm_start=tmp_path / "old.journal")
    summary, trials = run(study, 3)
    assert f"12 of 12 trials of {tmp_path / 'old.journal'} added." in capsys.readouterr().err
    before = run(old, 12)[1]
    warm = [trial for trial in trials if is_warm(trial)]
    assert [t.user_attrs[WARM] for t in warm] == [f"old#{n}" for n in range(12)]
    assert [(t.params, t.distributions, t.values) for t in warm] == [
        (t.params, t.distributions, t.values) for t in before
    ]
    assert all(t.user_attrs[RESULT]["accuracy"] == t.values[0] and NETWORK not in t.user_attrs for t in warm)
    assert summary.trials == {"complete": 3, "fail": 0, "pruned": 0, "running": 0} and len(trials) == 15
    assert {best.number for best in summary.best} <= {12, 13, 14}
    assert all(best.attrs["test_accuracy"] is not None for best in summary.best)
    capsys.readouterr()
    assert len(run(study, 4)[1]) == 16
    assert "added" not in capsys.readouterr().err


def test_what_a_killed_driver_has_added_is_not_added_again(make_study, old):
    study = make_study(warm_start=old)
    run(study, 0)
    plan = study.plan()
    opened = begin(plan, print)
    opened.set_user_attr(WARM, [])  # it died before it wrote that it was done
    assert len(run(study, 0)[1]) == 12


@pytest.mark.parametrize(
    ("space", "fits", "reason"),
    [
        (narrow, lambda params: params["x"] <= 0.5, "`x` is now 0 to 0.5"),
        (wider, lambda params: False, "`z` is new"),
        (fewer, lambda params: False, "`y` is not asked for any more"),
        (lambda trial: 1 / 0, lambda params: False, "network(trial) fails: ZeroDivisionError"),
    ],
)
def test_what_does_not_lie_in_the_space_is_left_out_and_said(make_study, old, capsys, space, fits, reason):
    before = run(old, 12)[1]
    study = make_study(network=space, warm_start=old)
    _, trials = run(study, 0)
    expected = [trial.params for trial in before if fits(trial.params)]
    assert [trial.params for trial in trials] == expected
    err = capsys.readouterr().err
    assert f"{len(expected)} of 12 trials" in err and f"; {12 - len(expected)} left out: {reason}" in err


def test_conditional_parameters_are_checked_where_they_are_asked_for(make_study, capsys):
    before = run(make_study("old", network=conditional), 10)[1]
    assert {len(trial.params) for trial in before} == {2, 3}
    _, trials = run(make_study(network=conditional, warm_start=make_study("old", network=conditional)), 0)
    assert [trial.params for trial in trials] == [trial.params for trial in before]


def test_the_samplers_learn_from_what_was_added(make_study, old):
    """TPE's first 10 trials are random without history: with 12 trials behind it, none is."""
    sampler = optuna.samplers.TPESampler
    cold = run(make_study("cold", sampler=sampler), 1)[1][0].params
    warm = run(make_study("warm", sampler=sampler, warm_start=old), 1)[1][-1].params
    assert cold != warm


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"objectives": ["loss"]}, "The objectives of {old} are accuracy, spikes, not loss"),
        ({"task": Bowl(fail=1.5)}, "The task of {old} is another one"),
    ],
)
def test_of_a_study_whose_scores_do_not_compare_the_best_are_tried_first(
    make_study, old, tmp_path, capsys, changed, why
):
    front = {best.number: best.params for best in run(old, 12)[0].best}
    capsys.readouterr()
    _, trials = run(make_study(warm_start=old, **changed), len(front) + 1)
    assert [trial.params for trial in trials[: len(front)]] == list(front.values())
    assert not any(map(is_warm, trials))
    told = f"no trial is added, and {len(front)} of its {len(front)} best are tried first."
    assert f"{why.format(old=tmp_path / 'old.journal')}: {told}" in capsys.readouterr().err


def test_trials_of_another_task_in_the_same_study_are_left_out(make_study, old, capsys):
    run(make_study("old", task=Bowl(fail=1.5)), 15)
    capsys.readouterr()
    assert len(run(make_study(warm_start=old), 0)[1]) == 12
    assert "12 of 15 trials" in capsys.readouterr().err


def test_the_other_study_by_script_storage_and_name(make_study, old, write, folder, snnsearch, tmp_path):
    write(name="other.py")
    for more in (["--trials", 4], ["--trials", 2, "--name", "second"]):
        assert snnsearch("run", "other.py", "--pruner", "none", *more).status == 0
    script = write(name="bowl.py")
    for place, count in {"other.py": 4, "other.journal#second": 2, "other.py#second": 2, "old.journal": 12}.items():
        ended = snnsearch(
            "run", script, "--trials", 0, "--warm-start", place, "--storage", f"{count}{place[-1]}.journal"
        )
        assert ended.status == 0 and f"{count} of {count} trials of {place} added" in ended.err, ended.err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("other.journal", "holds 2: write other.journal#NAME with one of 'other', 'second'"),
        ("other.journal#third", "must hold the study 'third'"),
        ("none.journal", "none.journal yet"),
        ("none.py", "there is no such file"),
        ("bowl.py", "is this one"),
    ],
)
def test_no_such_study_is_an_error(write, snnsearch, folder, place, words):
    write(name="other.py")
    snnsearch("run", "other.py", "--trials", 1)
    snnsearch("run", "other.py", "--trials", 1, "--name", "second")
    ended = snnsearch("run", write(name="bowl.py"), "--trials", 1, "--warm-start", place)
    assert ended.status == 2 and words in ended.err


def test_constraints_of_this_study_are_applied_to_what_is_known_of_the_other(make_study, old, capsys):
    before = run(old, 12)[1]
    _, trials = run(make_study("bounded", warm_start=old, constraints=["synaptic_operations <= 5000"]), 0)
    for trial, its in zip(trials, before, strict=True):
        excess = 5000 * (its.params["x"] + its.params["y"]) - 5000
        assert trial.constraints["synaptic_operations <= 5000"] == pytest.approx(excess)
    capsys.readouterr()
    assert run(make_study(warm_start=old, constraints=["settling_time_ms <= 3"]), 0)[1] == []
    assert (
        "0 of 12 trials" in (err := capsys.readouterr().err) and "12 left out: `settling_time_ms` is not known" in err
    )


def test_enqueued_parameters_come_first_and_once(make_study):
    first = [{"x": 0.25, "y": 0.75}, {"y": 0.5}]
    study = make_study(enqueue=first)
    trials = run(study, 3)[1]
    assert trials[0].params == first[0] and trials[1].params["y"] == 0.5 and trials[2].params["y"] not in (0.5, 0.75)
    trials = run(study, 5)[1]
    assert len({trial.params["x"] for trial in trials}) == 5
    # what was tried already may lie outside a space that has changed since; what is new may not
    assert len(run(make_study(enqueue=first, network=narrow), 6)[1]) == 6
    with pytest.raises(StudyError, match=r"`x` to enqueue must be 0 to 0.5, but is 0.75"):
        run(make_study(enqueue=[*first, {"x": 0.75}], network=narrow), 7)


def test_what_was_added_does_not_disturb_the_pruner(make_study, old):
    for name in ("halving", "median"):
        summary, _ = run(make_study(f"with-{name}", warm_start=old, pruner=name), 12)
        assert summary.trials["complete"] + summary.trials["pruned"] == 12 and summary.trials["complete"] > 0


def test_enqueue_on_the_command_line(write, snnsearch):
    given = [{"x": 0.25, "y": 0.75}, {"x": 0.125}]
    flags = [flag for params in given for flag in ("--enqueue", json.dumps(params))]
    ended = snnsearch("run", write(objectives=["spikes"]), "--trials", 2, "--json", *flags)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["best"][0]["params"]["x"] == 0.125
    for text, words in {
        '{"x": 2}': "`x` to enqueue must be 0 to 1, but is 2",
        '{"xx": 0.5, "y": 0.5}': "never asked for 'xx'; choices: 'x', 'y'; nearest: 'x'",
        "[1]": "must be a JSON object",
        '{"x": [1]}': "must be a list of parameters with plain values",
    }.items():
        ended = snnsearch("run", write(name="other.py"), "--trials", 1, "--enqueue", text)
        assert ended.status == 2 and words in ended.err, ended.err


def test_parameters_of_one_branch_may_be_enqueued(make_study):
    plan = make_study(network=conditional).plan()
    assert misfits(plan, {"y": 0.5}) == []
    assert misfits(plan, {"kind": "round", "y": 0.5, "x": 0}) == []
    assert misfits(plan, {"kind": "flat", "x": 0.5}) == []
    assert "never asked for 'y'" in misfits(plan, {"kind": "flat", "y": 0.5})[0]
    assert "must be one of 'round', 'flat', but is 'oval'" in misfits(plan, {"kind": "oval"})[0]


def test_every_value_that_a_trial_was_given_fits_and_others_do_not():
    """Optuna's own suggestions, in every kind of distribution, against values just beside."""

    def ask(trial):
        trial.suggest_float("a", 1e-4, 1e-1, log=True)
        trial.suggest_float("b", 0, 1, step=0.25)
        trial.suggest_int("c", 4, 64, log=True)
        trial.suggest_int("d", 2, 10, step=2)
        trial.suggest_categorical("e", ["x", 2, None, True])

    class Plan:
        network = staticmethod(ask)
        script = None

    study = optuna.create_study(sampler=RandomSampler(seed=1))
    for _ in range(50):
        trial = study.ask()
        ask(trial)
        probe = Probe(trial.params)
        assert probe.run(Plan) == "" and probe.params == trial.params and probe.distributions == trial.distributions
    for name, value in {"a": 0.2, "b": 0.3, "c": 65, "d": 3, "e": "y"}.items():
        assert Probe({**trial.params, name: value}).run(Plan).startswith(f"`{name}` is now ")
    assert Probe({**trial.params, "c": 4.5}).run(Plan).startswith("`c` is now 4 to 64")


@pytest.mark.parametrize(
    ("space", "right", "wrong"),
    [
        (IntDistribution(1, 10), (7, 7.0, np.int64(7)), ("7", True, 7.5, None, float("nan"), [7])),
        (IntDistribution(2, 10, step=2), (4,), ("4", 3)),
        (FloatDistribution(0, 10), (7, 0.5, np.float32(0.5)), ("7", "0.5", True, None, float("nan"))),
        (FloatDistribution(1e-4, 1, log=True), (0.01,), ("0.01", True)),
        (CategoricalDistribution([1, 2, "a"]), (1, 2.0, "a"), ("1", True, None, "b")),
        (CategoricalDistribution([True, False, None]), (True, None), (1, 0, "True")),
        (CategoricalDistribution([float("nan"), 1.0]), (float("nan"), 1), ("nan", True)),
    ],
    ids=str,
)
def test_a_text_or_a_truth_is_no_number(space, right, wrong):
    """Optuna converts both."""
    assert [value for value in right if not fits(space, value)] == []
    assert [value for value in wrong if fits(space, value)] == []


def test_a_text_for_a_number_is_not_enqueued(make_study):
    with pytest.raises(StudyError, match=r"`x` to enqueue must be 0 to 1, but is '0.5'"):
        run(make_study(enqueue=[{"x": "0.5"}]), 1)


def test_studies_of_one_name_in_two_storages_are_both_taken(make_study, tmp_path):
    for storage, seed in {"a": 1, "b": 2}.items():
        run(make_study("old", storage=tmp_path / f"{storage}.journal", seed=seed, sampler=RandomSampler), 3)
    for storage, count in {"a": 3, "b": 6}.items():
        assert len(run(make_study(warm_start=f"{tmp_path / storage}.journal#old"), 0)[1]) == count


def test_studies_whose_names_stand_in_the_storage_s_are_told_apart(make_study, tmp_path):
    storage = tmp_path / "a-and-b.journal"
    for count, name in enumerate("ab", 1):
        run(make_study(name, storage=storage), 3)
        assert len(run(make_study(warm_start=f"{storage}#{name}"), 0)[1]) == 3 * count


def test_a_network_that_always_fails_is_no_wrong_name_of_a_parameter(make_study):
    plan = make_study(network=lambda trial: 1 / 0).plan()
    (problem,) = misfits(plan, {"x": 0.5})
    assert "must return a network" in problem and "ZeroDivisionError" in problem


def test_a_wrong_setting_is_an_error(make_study):
    with pytest.raises(StudyError, match="`warm_start` must be another study"):
        make_study(warm_start=3)
    with pytest.raises(StudyError, match="`enqueue` must be a list of parameters"):
        make_study(enqueue={"x": 1})
