"""Trials in rungs: the same numbers however many there are, pruned ones, replicates, repeats, and going on."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from search import Study
from search.driver.driver import Driver
from search.driver.progress import Lines
from search.driver.search import search
from search.execution.local import local_executor
from search.samplers.byindex import ByIndex
from search.spec.seeds import replicate_seeds, trial_seed
from search.start.opening import begin
from search.storage.opening import open_storage
from search.storage.record import NETWORK, RESULT, SEED
from tests.search.interrupted import interrupted
from tests.search.synthetic import SAMPLES, Bowl, network

TIMES = ("seconds", "runs")


@pytest.fixture
def make(tmp_path):
    def make(name="s", task=None, objectives=("accuracy", "spikes"), network=network, **own):
        storage = tmp_path / f"{name}.journal"
        return Study(network, task or Bowl(), objectives, name=name, sampler=ByIndex(0), storage=storage, **own)

    return make


def run(study, trials=12, workers=2, **changes):
    plan = study.plan(**changes)
    summary, _ = search(plan, trials, workers)
    return summary, optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False)).trials


def kept(trial):
    return {name: value for name, value in trial.user_attrs[RESULT].items() if name not in TIMES}


def log(path):
    """Seed and end of every run."""
    return [(seed, end) for seed, end, _ in whole_log(path)]


def whole_log(path):
    """Seed and end of every run, and the sample from which it went on."""
    lines = map(str.split, path.read_text().splitlines())
    return [(int(seed), float(end), int(start)) for seed, what, end, start in lines if what == "train"]


def test_one_rung_or_four_give_the_same_numbers(make, tmp_path):
    task = Bowl(log=str(tmp_path / "log"))
    one, four = (run(make(f"r{rungs}", task, rungs=rungs, pruner=None), workers=rungs)[1] for rungs in (1, 4))
    ran = whole_log(tmp_path / "log")
    for trial in four:  # once alone, and in pieces that go on from one another
        mine = sorted((end, start) for seed, end, start in ran if seed == trial.user_attrs[SEED])
        assert mine == [(0.125, 0), (0.25, 50), (0.5, 100), (1.0, 0), (1.0, 200)]
    for a, b in zip(one, four, strict=True):
        assert (a.params, a.values) == (b.params, b.values)
        assert len(b.user_attrs[RESULT]["rungs"]) == 4 and len(b.user_attrs[RESULT]["runs"]) == 4
        assert {**kept(a), "rungs": None} == {**kept(b), "rungs": None}
        right = network_of(b).stream.right
        assert b.user_attrs[RESULT]["rungs"] == [right[:n].mean() for n in (50, 100, 200, 400)]


def network_of(trial, replicate=0):
    """The result of one of a trial's seeds, in one run."""
    fixed = network(optuna.trial.FixedTrial(trial.params))
    return Bowl().run(fixed, seed=replicate_seeds(trial.user_attrs[SEED], replicate + 1)[-1])


@pytest.mark.parametrize("objectives", [("accuracy",), ("accuracy", "spikes"), ("loss",)])
def test_halving_is_the_default_and_saves_samples(make, objectives):
    summary, trials = run(make(objectives=objectives), 30)
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


def test_a_trial_that_fails_at_its_end_prunes_no_other(make):
    """Trial 0 is the best at every rung, and its cost cannot be worked out; as a study that goes on."""

    def cost(result):
        return math.nan if result.seed == trial_seed(0, 0) else 1.0

    study = make(objectives=["accuracy", cost], network=_ever_worse)
    for total in (1, 3, 6):
        _, trials = run(study, total, workers=1)
    assert [trial.state.name for trial in trials] == ["FAIL", *["COMPLETE"] * 4, "PRUNED"]
    assert "`cost` must be a finite number, but is nan." in trials[0].user_attrs["reason"]


def _ever_worse(trial):
    """Networks whose x leaves the best one behind."""
    x = trial.suggest_float("x", 0.3 + 0.1 * trial.number, 0.3 + 0.1 * trial.number)
    return network(optuna.trial.FixedTrial({"x": x, "y": 0.7}))


@pytest.mark.parametrize("pruner", ["median", optuna.pruners.SuccessiveHalvingPruner()])
def test_optunas_pruners_serve_several_objectives(make, pruner):
    summary, _ = run(make(pruner=pruner), 30)
    assert 3 <= summary.trials["pruned"] <= 28 and summary.trials["fail"] == 0


def test_a_trial_may_be_the_mean_of_replicates(make, tmp_path):
    path = tmp_path / "log"
    _, (trial, *_) = run(make(task=Bowl(log=str(path)), replicates=3, pruner=None), 1)
    seeds = replicate_seeds(trial_seed(0, 0), 3)
    assert len(set(seeds)) == 3
    result = trial.user_attrs[RESULT]
    assert [one["seed"] for one in result["replicates"]] == seeds
    values = np.array([one["values"] for one in result["replicates"]])
    np.testing.assert_allclose(trial.values, values.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(result["spread"], values.std(axis=0, ddof=1), rtol=1e-15)
    assert result["spread"][0] > 0 and result["samples"] == 3 * (SAMPLES + 100)
    alone = [network_of(trial, replicate) for replicate in range(3)]
    assert values.tolist() == [[one.accuracy, one.spikes] for one in alone]
    expected = [alone[0].stream.right[:50].mean()]
    expected += [np.mean([one.stream.right[:n].mean() for one in alone]) for n in (100, 200, 400)]
    np.testing.assert_allclose(result["rungs"], expected, rtol=1e-15)
    # The first rung is run by the first seed alone, and the others run the first two in one.
    first = [run for run in log(path) if run[0] == seeds[0]]
    other = [run for run in log(path) if run[0] == seeds[1]]
    assert [end for _, end in first] == [0.125, 0.25, 0.5, 1] and [end for _, end in other] == [0.25, 0.5, 1]


def test_hopeless_replicates_are_skipped(make, tmp_path):
    path = tmp_path / "log"
    _, trials = run(make(task=Bowl(log=str(path)), replicates=3), 20)
    early = [trial for trial in trials if len(trial.user_attrs[RESULT]["rungs"]) == 1]
    assert len(early) > 3
    ran = [seed for seed, _ in log(path)]
    for trial in early:
        seeds = replicate_seeds(trial.user_attrs[SEED], 3)
        assert [ran.count(seed) for seed in seeds] == [1, 0, 0]
        assert trial.user_attrs[RESULT]["samples"] == SAMPLES / 8


def test_one_replicate_that_fails_ends_the_trial_once(make):
    _, trials = run(make(task=Bowl(fail=0.5), replicates=3, pruner=None), 8)
    assert len(trials) == 8
    assert {t.number for t in trials if t.state == TrialState.FAIL} == {t.number for t in trials if t.params["x"] > 0.5}


def test_a_suggestion_that_was_run_is_not_run_again(make, tmp_path):
    path = tmp_path / "log"
    study = make(task=Bowl(log=str(path)), pruner=None, rungs=1)
    opened = begin(study.plan(), print)
    for x in (0.25, 0.75, 0.25, 0.25, 0.75):
        opened.enqueue_trial({"x": x, "y": 0.5})
    _, trials = run(study, 5, workers=1)
    assert [trial.user_attrs[RESULT].get("same_as") for trial in trials] == [None, None, 0, 0, 1]
    assert len(trials) == 5 and len(log(path)) == 2
    for trial in trials[2:]:
        first = trials[trial.user_attrs[RESULT]["same_as"]]
        assert (trial.params, trial.values) == (first.params, first.values)
        assert trial.user_attrs[SEED] == first.user_attrs[SEED] and trial.user_attrs[RESULT]["samples"] == 0


def test_what_is_still_running_is_run_beside_it_as_a_replicate(make):
    study = make(task=Bowl(sleep=1.0), pruner=None, rungs=1)  # the second is asked for before the first has ended
    opened = begin(study.plan(), print)
    for _ in range(2):
        opened.enqueue_trial({"x": 0.25, "y": 0.5})
    _, (a, b) = run(study, 2, workers=2)
    assert a.params == b.params and a.user_attrs[SEED] != b.user_attrs[SEED]
    assert "same_as" not in b.user_attrs[RESULT] and a.values != b.values


def test_other_parameters_of_the_same_network_are_run(make):
    def constant(trial):
        trial.suggest_float("ignored", 0, 1)
        return network(optuna.trial.FixedTrial({"x": 0.5, "y": 0.5}))

    _, trials = run(make(network=constant, pruner=None), 3)
    assert not any("same_as" in trial.user_attrs[RESULT] for trial in trials)


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize("jobs", [1, 2, 3, 5, 7])
def test_a_new_start_goes_on_from_the_last_rung(make, tmp_path, jobs, replicates):
    path = tmp_path / "log"
    study = make(task=Bowl(log=str(path)), pruner=None, replicates=replicates)
    plan = interrupted(study.plan(), jobs)
    _, trials = run(study, 4, workers=1)
    _, undisturbed = run(make("other", pruner=None, replicates=replicates), 4, workers=1)
    for a, b in zip(trials, undisturbed, strict=True):
        assert (a.params, a.values) == (b.params, b.values)
        assert {**kept(a), "samples": 0} == {**kept(b), "samples": 0}
    ran = log(path)
    assert len(ran) - len(set(ran)) <= replicates  # the rung that was running when the driver died
    assert not plan.location.states.exists()


@pytest.mark.parametrize("rungs", [1, 2, 3, 8])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_new_start_may_have_other_rungs(make, tmp_path, jobs, rungs):
    path = tmp_path / "log"
    study = make(task=Bowl(log=str(path)), pruner=None)
    interrupted(study.plan(), jobs)
    _, trials = run(study, 4, workers=1, rungs=rungs)
    _, undisturbed = run(make("other", pruner=None), 4, workers=1)
    assert [(t.params, t.values) for t in trials] == [(t.params, t.values) for t in undisturbed]
    first = [start for seed, _, start in whole_log(path) if seed == trials[0].user_attrs[SEED]]
    assert first.count(0) == 1  # it went on from what it had


@pytest.mark.parametrize("change", [{"dtype": "float64"}, {"task": Bowl(sleep=0.001)}])
def test_what_an_earlier_start_left_of_another_run_is_run_again(make, change):
    interrupted(make(pruner=None).plan(), 2)
    task = change.pop("task", Bowl())
    _, trials = run(make(task=task, pruner=None), 4, workers=1, **change)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert all(trial.user_attrs["origin"]["task"] == task.to_json() for trial in trials)
    _, undisturbed = run(make("other", pruner=None), 4, workers=1)
    assert [trial.values for trial in trials] == [trial.values for trial in undisturbed]


def test_the_time_of_a_trial_is_that_of_all_its_rungs(make):
    _, trials = run(make(task=Bowl(sleep=0.6), pruner=None), 2, timeout=0.4)  # its longest rung takes 0.3 s
    assert [trial.user_attrs["reason"] for trial in trials] == ["A trial must end within 0.4 s, but did not."] * 2
    _, trials = run(make("more", task=Bowl(sleep=0.2), pruner=None), 2, timeout=30.0)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2


def test_scores_that_are_no_numbers_are_pruned_first(make):
    study = make(task=Bowl(nan=0.4), objectives=["loss"])
    for total in (15, 30):  # a second start hears of them
        _, trials = run(study, total)
    nan = [trial for trial in trials if trial.params["x"] > 0.4]
    assert 5 < len(nan) < 25 and sum(trial.state == TrialState.PRUNED for trial in nan) >= len(nan) - 2
    assert any(trial.state == TrialState.COMPLETE for trial in trials if trial.params["x"] < 0.4)


def test_a_full_disk_costs_no_trial(make, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.storage.checkpoints.States.keep", full)
    _, trials = run(make(pruner=None), 4)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_runs_of_a_trial_that_has_failed_do_not_begin(make, tmp_path):
    path = tmp_path / "log"
    task = Bowl(log=str(path), fail=-1.0, sleep=0.2)  # by the end of the second run the driver knows of the first
    _, trials = run(make(task=task, replicates=4, rungs=1, pruner=None), 3, workers=1)
    assert [trial.state for trial in trials] == [TrialState.FAIL] * 3
    assert len(log(path)) < 3 * 4


@pytest.mark.parametrize(("replicates", "again"), [(1, True), (2, False)])
def test_a_repeat_has_as_many_replicates(make, replicates, again):
    study = make(pruner=None)
    for number in (1, 2):
        begin(study.plan(), print).enqueue_trial({"x": 0.25, "y": 0.5})
        summary, trials = run(study, number, workers=1, replicates=1 if number == 1 else replicates)
    assert ("same_as" in trials[1].user_attrs[RESULT]) == again
    assert len(summary.best) == (1 if again else len(summary.best))  # what was copied is not another best


def test_a_search_that_is_stopped_at_once_keeps_what_trials_have_reached(make):
    study = make(pruner=None)
    plan = interrupted(study.plan(), 2)
    folder = plan.location.folder(plan.name)
    before = {file.name: file.read_bytes() for file in folder.glob("*.rung")}
    assert before
    driver = Driver(plan, begin(plan, print), local_executor(plan.task, 1), Lines(plan.objectives))
    driver.interrupt()
    assert not driver.run(4)
    assert {file.name: file.read_bytes() for file in folder.glob("*.rung")} == before


def test_what_earlier_starts_have_spent_on_a_trial_counts(make):
    study = make(task=Bowl(sleep=0.4), pruner=None)
    interrupted(study.plan(), 2)
    time.sleep(3.0)
    _, (trial,) = run(study, 1, workers=1)
    runs, seconds = trial.user_attrs[RESULT]["runs"], trial.user_attrs[RESULT]["seconds"]
    assert len(runs) == 4 and all(began < ended for _, began, ended in runs)
    spent = sum(ended - began for _, began, ended in runs)
    assert 0.39 < spent < seconds + 0.01
    assert seconds < runs[-1][2] - runs[0][1] - 1.0  # without the pause, and two thirds of it for all else


def test_a_damaged_state_costs_what_it_stood_for_and_is_named(make, capsys):
    study = make(pruner=None)
    plan = interrupted(study.plan(), 2)
    for file in plan.location.folder(plan.name).iterdir():
        file.write_bytes(file.read_bytes()[:-40])
    _, trials = run(study, 4, workers=1)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert "trial 0 runs again from its beginning: What begins with b'PK" in capsys.readouterr().err


def test_states_of_trials_that_do_not_run_are_swept(make, capsys):
    study = make(pruner=None)
    plan = interrupted(study.plan(), 2)
    folder = plan.location.folder(plan.name)
    (file,) = folder.glob("*.rung")
    number, _, mark, _ = file.name.split(".")
    study_mark, parameters = mark.split("-")
    marks = (f"{study_mark}-{'0' * 16}", f"{'0' * 32}-{parameters}")
    another = {f"7.0.{mark}.rung", *(f"{number}.0.{other}.rung" for other in marks)}
    for name in (f"{number}.5.{mark}.rung", f"{number}.0.{mark}.part", f"{number}.{mark}.part", *another):
        (folder / name).write_bytes(file.read_bytes())
    run(study, 4, workers=1)
    assert {path.name for path in folder.iterdir()} == another  # of no trial of this study
    assert "left alone" in capsys.readouterr().err


def test_the_pruner_knows_what_earlier_starts_have_run(make, monkeypatch):
    study = make()
    run(study, 10, workers=1)
    plan = study.plan()
    opened = begin(plan, print)
    executor = local_executor(plan.task, 1)
    driver = Driver(plan, opened, executor, Lines(plan.objectives))
    driver.search(10)
    executor.stop()
    assert len(driver._ranking.pruner._sorted[1]) == 10
    best = max(trial.user_attrs[RESULT]["rungs"][0] for trial in opened.trials)
    assert driver._ranking.pruner._sorted[1][-1] == best and not math.isnan(best)
    assert all(NETWORK in trial.user_attrs for trial in opened.trials)


def test_replay_and_test_scores_are_those_of_all_replicates(write, snnsearch):
    script = write(
        "from optuna.samplers import RandomSampler\nfrom search import Study\n"
        "from tests.search.synthetic import Bowl, network\n"
        "study = Study(network, Bowl(), ['accuracy'], sampler=RandomSampler, replicates=2)\n"
    )
    assert snnsearch("run", script, "--trials", 4, "--workers", 2).status == 0
    number = json.loads(snnsearch("show", script, "--json").out)["best"][0]["number"]
    done = snnsearch("replay", script, number)
    assert done.status == 0 and done.out == f"trial {number}: same\n"


def test_a_result_that_could_not_be_told_waits_beside_the_study(make, monkeypatch, tmp_path):
    """The storage goes away for good when the first trial ends, and with it the driver; the next one tells it."""
    path = tmp_path / "log"
    study = make(task=Bowl(log=str(path)), pruner=None)
    plan = study.plan()
    opened = begin(plan, print)
    executor = local_executor(plan.task, 1)
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        keep = optuna.Trial.set_user_attr
        gone = lambda trial, name, value: _refuse() if name == RESULT else keep(trial, name, value)  # noqa: E731
        broken.setattr(optuna.Trial, "set_user_attr", gone)
        Driver(plan, opened, executor, Lines(plan.objectives)).search(2)
    executor.stop()
    assert len(list(plan.location.folder(plan.name).glob("result-0.*.json"))) == 1
    ran = len(log(path))
    _, trials = run(study, 1, workers=1)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] and len(log(path)) == ran
    _, (other,) = run(make("other", pruner=None), 1, workers=1)
    assert trials[0].values == other.values and kept(trials[0]) == kept(other)
    assert not plan.location.states.exists()


def _refuse():
    raise ConnectionError("the storage is gone")
