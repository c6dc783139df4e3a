"""The driver against a synthetic task: order, failures, resuming, and numbers that do not depend on the workers."""

from __future__ import annotations

import json
from concurrent.futures import Future
from threading import Timer

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from search.driver.driver import Driver
from search.driver.progress import Lines
from search.errors import StudyError
from search.execution.executor import Executor
from search.execution.local import local_executor
from search.spec.job import Ran
from search.spec.seeds import trial_seed
from search.start.opening import begin
from search.storage.attributes import NETWORK, ORIGIN, REASON, RESULT, SEED
from search.storage.identity import Identity
from search.storage.opening import open_storage
from search.storage.outages import Patience
from search.storage.pending import Spool
from tests.support.studies import run
from tests.support.synthetic import Bowl, network

OBJECTIVES = ["accuracy", "spikes"]


def test_every_trial_keeps_what_it_takes_to_run_it_again(make_study):
    summary, trials = run(make_study(), 6)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    for trial in trials:
        assert trial.user_attrs[SEED] == trial_seed(0, trial.number)
        assert json.loads(trial.user_attrs[NETWORK])["type"] == "NetworkSpec"
        assert trial.user_attrs[ORIGIN].keys() == {"script", "task", "data", "backend", "dtype"}
        result = trial.user_attrs[RESULT]
        assert result["values"] == trial.values
        assert result["spikes"] == pytest.approx(1000 * trial.params["x"])
        assert 10 <= len(result["curve"]) <= 40
    assert summary.trials == {"complete": 6, "fail": 0, "pruned": 0, "running": 0}


def test_the_total_is_a_total(make_study):
    run(make_study(), 3)
    assert len(run(make_study(), 3)[1]) == 3
    assert len(run(make_study(), 5)[1]) == 5


@pytest.mark.parametrize("workers", [2, 3])
def test_numbers_do_not_depend_on_the_workers(make_study, workers):
    one = run(make_study("one"), 9, workers=1)[1]
    more = run(make_study("more", task=Bowl(sleep=0.01)), 9, workers=workers)[1]
    assert [(t.params, t.values, t.user_attrs[SEED]) for t in one] == [
        (t.params, t.values, t.user_attrs[SEED]) for t in more
    ]


class Backwards(Executor):
    """Holds jobs until all places are taken, then ends the last one first."""

    def __init__(self, task, workers):
        super().__init__(workers)
        self.task, self.held, self.order = task, [], []

    @property
    def places(self):
        return self.workers

    def submit(self, job):
        future = Future()
        self.held.append((job, future))
        if len(self.held) == self.workers:
            Timer(0.05, self._end, [self.held]).start()
            self.held = []
        return future

    def _end(self, held):
        for job, future in reversed(held):
            self.order.append(job.seed)
            future.set_result(Ran(job.run(None, self.task), "worker", 0.0, 1.0))

    def stop(self):
        pass


def test_results_are_told_in_the_order_in_which_they_come(make_study):
    study = make_study()
    plan = study.plan()
    opened = begin(plan, print)
    executor = Backwards(study.task, workers=3)
    driver = Driver(plan, opened, executor, Lines(plan.objectives))
    driver.search(6)
    assert executor.order == [trial_seed(0, number) for number in (2, 1, 0, 5, 4, 3)]
    ended = sorted(opened.trials, key=lambda trial: trial.datetime_complete)
    assert [trial.number for trial in ended] == [2, 1, 0, 5, 4, 3]


def test_a_trial_that_takes_too_long_fails_and_the_others_go_on(make_study):
    study = make_study(task=Bowl(slow=0.4))
    _, trials = run(study, 8, timeout=0.5)  # the others take no time
    failed = {trial.number: trial.user_attrs[REASON] for trial in trials if trial.state == TrialState.FAIL}
    assert failed.keys() == {trial.number for trial in trials if trial.params["x"] > 0.4}
    assert 0 < len(failed) < 8 and all("within 0.5 s" in reason for reason in failed.values())


@pytest.mark.parametrize(
    ("task", "reason"), [({"fail": 0.5}, "the bowl broke at x = 0."), ({"nan": 0.5}, "`loss` must be a finite number")]
)
def test_a_failing_trial_keeps_its_reason_and_the_search_goes_on(make_study, capsys, task, reason):
    summary, trials = run(make_study(objectives=["loss"], task=Bowl(**task)), 10)
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert {trial.number for trial in failed} == {trial.number for trial in trials if trial.params["x"] > 0.5}
    assert 0 < len(failed) < 10 and summary.trials["fail"] == len(failed)
    assert all(reason in trial.user_attrs[REASON] for trial in failed)
    assert reason in capsys.readouterr().err
    assert reason in str(summary)
    assert len(summary.best) == 1


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda trial: 1 / trial.suggest_int("n", 0, 0), "ZeroDivisionError in line"),
        (lambda trial: None, "must return a snn.Network, but returned None"),
    ],
)
def test_an_error_in_network_is_a_failure_with_its_line(make_study, capsys, broken, reason):
    summary, trials = run(make_study(network=broken), 3)
    assert summary.trials["fail"] == 3 and not summary.best
    assert all(reason in trial.user_attrs[REASON] for trial in trials)
    assert "No trial is complete" in str(summary) and reason in str(summary)
    err = capsys.readouterr().err
    assert err.count(reason) == 1 and "trial 2 failed for the same reason as trial 0" in err


def test_network_may_prune(make_study):
    def pruning(trial):
        if trial.number == 1:
            raise optuna.TrialPruned
        return network(trial)

    summary, _ = run(make_study(network=pruning), 4)
    assert summary.trials == {"complete": 3, "fail": 0, "pruned": 1, "running": 0}


def test_trials_of_a_dead_driver_are_taken_up_again_with_what_they_had(make_study, tmp_path):
    study = make_study(task=Bowl(log=str(tmp_path / "log")))
    plan = study.plan()
    opened = begin(plan, print)
    half = opened.ask()  # dies after one of two parameters
    x = half.suggest_float("x", 0, 1)
    asked = opened.ask()  # dies after its network is stored, which then is not asked for again
    asked.suggest_float("x", 0, 1)
    stored = network(optuna.trial.FixedTrial({"x": 0.25, "y": 0.5})).freeze().to_json()
    asked.set_user_attr(SEED, 17)
    asked.set_user_attr(NETWORK, stored)
    told = opened.ask()  # dies between the result and telling it
    for key, value in {SEED: 18, NETWORK: stored, ORIGIN: plan.origin()}.items():
        told.set_user_attr(key, value)
    told.set_user_attr(RESULT, {"values": [0.5, 3.0], "seconds": 1.0})
    summary, trials = run(study, 3)
    assert summary.trials == {"complete": 3, "fail": 0, "pruned": 0, "running": 0}
    assert trials[0].params["x"] == x and trials[0].user_attrs[SEED] == trial_seed(0, 0)
    assert trials[1].user_attrs[SEED] == 17 and trials[1].values[1] == pytest.approx(250)
    assert trials[2].values == [0.5, 3.0] and "18 train" not in (tmp_path / "log").read_text()
    ran = [line for line in (tmp_path / "log").read_text().splitlines() if "train" in line]
    assert sorted(ran) == sorted([f"{trial_seed(0, 0)} train 1 0", "17 train 1 0"])


class AtOnce(Backwards):
    """Ends all that it holds in one moment, from which on the storage is away."""

    def __init__(self, task, workers, storage):
        super().__init__(task, workers)
        self.storage = storage

    def _end(self, held):
        def append_logs(logs):
            raise OSError(28, "No space left on device")

        results = [(future, Ran(job.run(None, self.task), "worker", 0.0, 1.0)) for job, future in held]
        self.storage.append_logs = append_logs
        for future, ran in results:
            future.set_result(ran)


def waits(plan, opened):
    """The results that the storage does not have yet."""
    return Spool(plan.location.folder(plan.name), Identity.of(opened)).load(opened.get_trials(deepcopy=False))


@pytest.mark.parametrize("replicates", [1, 3])
def test_what_waits_when_patience_ends_is_not_run_again(make_study, tmp_path, replicates):
    log = tmp_path / "log"
    study = make_study(task=Bowl(log=str(log)))
    plan = study.plan(replicates=replicates)
    opened = begin(plan, print, Patience(print, seconds=0.05))
    executor = AtOnce(study.task, 3, opened._storage._storage._backend)
    with pytest.raises(StudyError, match="was unreachable for"):
        Driver(plan, opened, executor, Lines(plan.objectives)).run(3)
    waiting = waits(plan, opened)
    assert list(waiting) == ([0, 1, 2] if replicates == 1 else [0])
    summary, trials = run(study, 3, replicates=replicates)
    assert summary.trials["complete"] == 3 and not plan.location.states.exists()
    assert all(trials[number].user_attrs[RESULT] == data[RESULT] for number, data in waiting.items())
    trained = [line for line in log.read_text().splitlines() if "train" in line]
    assert len(trained) == len(set(trained)) == 3 * replicates


def test_a_storage_that_goes_while_a_network_is_made_fails_no_trial(make_study):
    def breaks(trial):
        if trial.number == 1:
            opened._storage._storage._backend.append_logs = full
        return network(trial)

    def full(logs):
        raise OSError(28, "No space left on device")

    study = make_study(network=breaks)
    plan = study.plan()
    opened = begin(plan, print, Patience(print, seconds=0.05))
    with pytest.raises(StudyError, match="was unreachable for"):
        Driver(plan, opened, local_executor(study.task, 1), Lines(plan.objectives)).run(3)
    assert 1 not in waits(plan, opened)
    summary, _ = run(make_study(), 3)
    assert summary.trials["complete"] == 3


def test_enqueued_trials_come_first(make_study):
    study = make_study()
    begin(study.plan(), print).enqueue_trial({"x": 0.125, "y": 0.5})
    assert run(study, 2)[1][0].params == {"x": 0.125, "y": 0.5}


def test_trials_that_others_have_added_do_not_disturb(make_study):
    study = make_study()
    other = begin(study.plan(), print)
    other.add_trial(optuna.trial.create_trial(values=[1.0, 0.0]))
    summary, _ = run(study, 3)
    assert summary.trials["complete"] == 3 and summary.best[0].attrs["seed"] is None


def test_a_resumed_search_does_not_repeat_its_suggestions(make_study):
    run(make_study(sampler=RandomSampler), 4)
    trials = run(make_study(sampler=RandomSampler), 8)[1]
    assert len({trial.params["x"] for trial in trials}) == 8


def test_the_test_part_is_read_when_the_search_is_over_and_once(make_study, tmp_path):
    log = tmp_path / "log"
    study = make_study(task=Bowl(log=str(log)))
    plan = study.plan()
    opened = begin(plan, print)
    driver = Driver(plan, opened, Backwards(study.task, 1), Lines(plan.objectives))
    driver.search(5)
    assert "test" not in log.read_text()
    summary, _ = run(study, 5)
    tests = log.read_text().count("test")
    assert tests == len(summary.best)
    assert all(best.attrs["test_accuracy"] is not None for best in summary.best)
    again, _ = run(study, 5)
    assert log.read_text().count("test") == tests and again.best == summary.best
    # a higher total opens the search again: nothing is shown until it is over again
    driver = Driver(plan, begin(plan, print), Backwards(study.task, 1), Lines(plan.objectives))
    driver.search(6)
    from search.analysis.summary import summarise

    assert all(best.attrs["test_accuracy"] is None for best in summarise(opened, plan.location).best)


def test_the_best_carry_images_and_a_note(make_study, real_images, tmp_path):
    from optuna_dashboard._note import get_note_from_system_attrs

    study = make_study(objectives=["accuracy"])
    summary = study.run(4, workers=2)
    files = list((tmp_path / "s.artifacts").iterdir())
    assert len(files) == 3 and all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    plan = study.plan()
    opened = optuna.load_study(study_name="s", storage=open_storage(plan.location, create=False))
    attributes = opened._storage.get_study_system_attrs(opened._study_id)
    note = get_note_from_system_attrs(attributes, opened.trials[summary.best[0].number]._trial_id)["body"]
    assert "test_accuracy" in note and "| x |" in note and "raster.png" in note


def test_tpe_is_the_default_and_lies_about_running_trials(make_study):
    sampler = begin(make_study(sampler=None).plan(), print).sampler
    assert isinstance(sampler, optuna.samplers.TPESampler) and sampler._constant_liar
