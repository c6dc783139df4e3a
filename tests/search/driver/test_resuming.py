"""A new start goes on from the rungs that an earlier one has finished."""

from __future__ import annotations

import time

import optuna
import pytest
from optuna.trial import TrialState

from search.driver.driver import Driver
from search.driver.progress import Lines
from search.execution.local import local_executor
from search.start.opening import begin
from search.storage.attributes import RESULT, SEED
from tests.support.interrupted import interrupted
from tests.support.studies import assert_same, make_study, read_log, result_of, run
from tests.support.synthetic import Bowl


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Four trials of a search that nobody has interrupted, by its settings."""
    known = {}

    def trials(**settings):
        key = repr(sorted(settings.items()))
        if key not in known:
            study = make_study(tmp_path_factory.mktemp("undisturbed"), rungs=4, **settings)
            known[key] = run(study, 4, workers=1)[1]
        return known[key]

    return trials


def moments(short, *others):
    """Parameters of a test: the short ones, and others that run with --slow."""
    return [*short, *(pytest.param(*other, marks=pytest.mark.slow) for other in others)]


@pytest.mark.parametrize(
    ("jobs", "replicates"), moments([(3, 1), (2, 3)], (1, 1), (2, 1), (5, 1), (7, 1), (1, 3), (3, 3), (5, 3), (7, 3))
)
def test_a_new_start_goes_on_from_the_last_rung(in_rungs, undisturbed, tmp_path, jobs, replicates):
    path = tmp_path / "log"
    study = in_rungs(task=Bowl(log=str(path)), replicates=replicates)
    plan = interrupted(study.plan(), jobs)
    _, trials = run(study, 4, workers=1)
    for a, b in zip(trials, undisturbed(replicates=replicates), strict=True):
        assert (a.params, a.values) == (b.params, b.values)
        assert {**result_of(a), "samples": 0} == {**result_of(b), "samples": 0}
    ran = read_log(path)
    ends = [(seed, end) for seed, end, _ in ran]
    assert len(ends) - len(set(ends)) <= replicates  # the rung that was running when the driver died
    assert not plan.location.states.exists()


@pytest.mark.parametrize(("jobs", "rungs"), moments([(1, 1), (3, 8)], (1, 2), (1, 3), (1, 8), (3, 1), (3, 2), (3, 3)))
def test_a_new_start_may_have_other_rungs(in_rungs, undisturbed, tmp_path, jobs, rungs):
    path = tmp_path / "log"
    study = in_rungs(task=Bowl(log=str(path)))
    interrupted(study.plan(), jobs)
    _, trials = run(study, 4, workers=1, rungs=rungs)
    assert [(t.params, t.values) for t in trials] == [(t.params, t.values) for t in undisturbed(replicates=1)]
    first = [start for seed, _, start in read_log(path) if seed == trials[0].user_attrs[SEED]]
    assert first.count(0) == 1  # it went on from what it had


@pytest.mark.parametrize("change", [{"dtype": "float64"}, {"task": Bowl(sleep=0.001)}])
def test_what_an_earlier_start_left_of_another_run_is_run_again(in_rungs, undisturbed, change):
    interrupted(in_rungs().plan(), 2)
    task = change.pop("task", Bowl())
    _, trials = run(in_rungs(task=task), 4, workers=1, **change)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert all(trial.user_attrs["origin"]["task"] == task.to_json() for trial in trials)
    assert [trial.values for trial in trials] == [trial.values for trial in undisturbed(replicates=1)]


def test_a_full_disk_costs_no_trial(in_rungs, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.storage.checkpoints.States.keep", full)
    _, trials = run(in_rungs(), 4)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_a_search_that_is_stopped_at_once_keeps_what_trials_have_reached(in_rungs):
    study = in_rungs()
    plan = interrupted(study.plan(), 2)
    folder = plan.location.folder(plan.name)
    before = {file.name: file.read_bytes() for file in folder.glob("*.rung")}
    assert before
    driver = Driver(plan, begin(plan, print), local_executor(plan.task, 1), Lines(plan.objectives))
    driver.interrupt()
    assert not driver.run(4)
    assert {file.name: file.read_bytes() for file in folder.glob("*.rung")} == before


def test_what_earlier_starts_have_spent_on_a_trial_counts(in_rungs, monkeypatch):
    """The earlier start was an hour ago, by the clock that runs are noted with."""
    study, now = in_rungs(task=Bowl(sleep=0.4)), time.time
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: now() - 3600)
        interrupted(study.plan(), 2)
    _, (trial,) = run(study, 1, workers=1)
    runs, seconds = trial.user_attrs[RESULT]["runs"], trial.user_attrs[RESULT]["seconds"]
    assert len(runs) == 4 and all(began < ended for _, began, ended in runs)
    spent = sum(ended - began for _, began, ended in runs)
    assert 0.39 < spent < seconds + 0.01
    assert runs[-1][2] - runs[0][1] > 3600 > seconds  # without the pause


def test_a_damaged_state_costs_what_it_stood_for_and_is_named(in_rungs, capsys):
    study = in_rungs()
    plan = interrupted(study.plan(), 2)
    for file in plan.location.folder(plan.name).iterdir():
        file.write_bytes(file.read_bytes()[:-40])
    _, trials = run(study, 4, workers=1)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert "trial 0 runs again from its beginning: What begins with b'PK" in capsys.readouterr().err


def test_states_of_trials_that_do_not_run_are_swept(in_rungs, capsys):
    study = in_rungs()
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


def test_the_pruner_knows_what_earlier_starts_have_run(in_rungs):
    """A search of two starts prunes what one without a break prunes; a pruner that knew nothing would prune none."""
    study = in_rungs(pruner="halving")
    run(study, 10, workers=1)
    _, trials = run(study, 14, workers=1)
    assert any(trial.state == TrialState.PRUNED for trial in trials[10:])
    assert_same(trials, run(in_rungs("whole", pruner="halving"), 14, workers=1)[1])


def test_a_result_that_could_not_be_told_waits_beside_the_study(in_rungs, undisturbed, monkeypatch, tmp_path):
    """The storage goes away for good when the first trial ends, and with it the driver; the next one tells it."""
    path = tmp_path / "log"
    study = in_rungs(task=Bowl(log=str(path)))
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
    ran = len(read_log(path))
    _, trials = run(study, 1, workers=1)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] and len(read_log(path)) == ran
    other = undisturbed(replicates=1)[0]
    assert trials[0].values == other.values and result_of(trials[0]) == result_of(other)
    assert not plan.location.states.exists()


def _refuse():
    raise ConnectionError("the storage is gone")
