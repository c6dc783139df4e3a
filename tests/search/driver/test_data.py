"""Data that change behind a study: no score, state or result of other data is ever reused."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from search.driver.driver import Driver
from search.driver.progress import Lines
from search.driver.search import search
from search.errors import ExecutorLost, StudyError
from search.execution.child_process import InProcess
from search.execution.local import Local
from search.execution.runner import Runner
from search.spec.job import check_data
from search.spec.script import Script
from search.spec.spec import Plan
from search.start import opening as begin
from search.storage.attributes import ORIGIN, RESULT
from search.storage.opening import open_storage
from search.study import load_study
from snn.errors import OtherData
from tests.support.synthetic import Bowl

SCRIPT = """\
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from search import Study
from snn.serial import serialisable
from tasks import Data
from tests.support import synthetic


@serialisable
@dataclass(frozen=True)
class Labelled(synthetic.Bowl):
    \"\"\"The synthetic task with labels from a file.\"\"\"

    def load(self):
        labels = np.loadtxt(Path(__file__).with_name("labels.csv"), dtype=int)
        return Data(np.zeros((len(labels), 4)), labels, 10)


def network(trial):
    x = trial.suggest_categorical("x", [0.25, 0.5])
    return synthetic.network(FixedTrial({"x": x, "y": 0.5}))


study = Study(network, task=Labelled(), objectives=["accuracy"], sampler=RandomSampler, pruner=None, seed=1)
"""
KEEPS = "A study keeps its data, but those of 'mine' have changed since it began"


@pytest.fixture
def label(folder):
    """Write the file of labels, all of them one."""

    def write(one: int) -> None:
        np.savetxt(folder / "labels.csv", np.full(400, one), fmt="%d")

    write(0)
    return write


@pytest.fixture
def script(write, label):
    return write(SCRIPT, name="mine.py")


def plan_of(script, **changes) -> Plan:
    """As a new process reads it."""
    source = Script.read(script)
    return load_study(source).plan(source, **changes)


def kept(plan) -> optuna.Study:
    return optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False))


def earlier(monkeypatch) -> None:
    """Have studies and trials be stored as versions did that did not know of data."""
    monkeypatch.setattr(begin, "DATA", "none")
    origin = Plan.origin
    monkeypatch.setattr(Plan, "origin", lambda plan: {k: v for k, v in origin(plan).items() if k != "data"})


def test_other_data_end_every_command_that_would_use_them(script, label, snnsearch, folder):
    assert snnsearch("run", script, "--trials", 3).status == 0
    before = kept(plan_of(script))
    known = before.user_attrs["data"]
    assert [trial.user_attrs[ORIGIN]["data"] for trial in before.trials] == [known] * 3

    label(1)
    ended = snnsearch("run", script, "--trials", 8)
    assert ended.status == 2 and KEEPS in ended.err and known in ended.err
    assert "Restore the file that Labelled reads" in ended.err and "--name" in ended.err
    assert len(kept(plan_of(script)).trials) == 3
    for command in (("replay", script, 0), ("confirm", script, "--top", 1, "--seeds", 1)):
        ended = snnsearch(*command)
        assert ended.status == 2
        assert f"A trial must run on the data that it was given, with the hash {known}" in ended.err

    ended = snnsearch("run", script, "--trials", 3, "--name", "second")  # the remedy
    assert ended.status == 0, ended.err
    label(0)  # the other remedy
    ended = snnsearch("run", script, "--trials", 4)
    assert ended.status == 0 and len(kept(plan_of(script)).trials) == 4


@pytest.mark.slow
def test_a_report_says_why_the_best_is_not_run_again(script, label, snnsearch, folder):
    snnsearch("run", script, "--trials", 3)
    label(1)
    ended = snnsearch("report", script, "-o", "r.html")
    assert ended.status == 0 and "could not be run again: A trial must run on the data" in ended.err
    assert "The data have changed since trial" in (folder / "r.html").read_text()


def test_what_is_stored_is_shown_without_the_data(script, snnsearch, folder):
    snnsearch("run", script, "--trials", 1)
    known = kept(plan_of(script)).user_attrs["data"]
    (folder / "labels.csv").unlink()
    for more in ([], ["--json"]):
        assert snnsearch("show", script, *more).status == 0
    assert f'"data": "{known}"' in snnsearch("show", script, "--json").out
    assert snnsearch("best", script, "-o", "net.json").status == 0


def test_a_task_with_another_split_is_named_as_such(script, snnsearch):
    snnsearch("run", script, "--trials", 1)
    script.write_text(SCRIPT.replace("Labelled()", "Labelled(hold_out=False)").replace('"accuracy"', '"spikes"'))
    other = plan_of(script)
    study = kept(other)
    study.set_user_attr("objectives", ["spikes"])
    with pytest.raises(StudyError, match="keeps its data") as caught:
        begin._compare_data({**study.user_attrs, "data": "0123456789abcdef"}, other)
    assert '"hold_out":true' in str(caught.value) and '"hold_out":false' in str(caught.value)


def test_a_study_without_a_hash_is_accepted_but_its_scores_are_not_reused(script, label, snnsearch, monkeypatch):
    with monkeypatch.context() as context:
        earlier(context)
        snnsearch("run", script, "--trials", 4, "--workers", 1)
    old = kept(plan_of(script)).trials
    assert {trial.params["x"] for trial in old} == {0.25, 0.5}
    assert any("same_as" in trial.user_attrs[RESULT] for trial in old)
    assert not any("data" in trial.user_attrs[ORIGIN] for trial in old)

    ended = snnsearch("run", script, "--trials", 10, "--workers", 1)
    assert ended.status == 0, ended.err
    study = kept(plan_of(script))
    assert study.user_attrs["data"] == plan_of(script).task.data_hash
    new = study.trials[4:]
    first = {trial.params["x"]: trial.number for trial in reversed(new)}
    assert all(trial.user_attrs[ORIGIN]["data"] == study.user_attrs["data"] for trial in new)
    copied = {trial.user_attrs[RESULT]["same_as"] for trial in new if "same_as" in trial.user_attrs[RESULT]}
    assert copied and all(number >= 4 for number in copied)
    assert all("same_as" not in study.trials[number].user_attrs[RESULT] for number in first.values())
    assert snnsearch("replay", script, 0).status == 0  # nothing is known that it could differ from

    label(1)
    assert KEEPS in snnsearch("run", script, "--trials", 11).err


class Elsewhere(Runner):
    """Reads the task's data itself, as another process or machine does."""

    def run(self, job):
        return job.run()

    def pause(self, seconds: float) -> None:
        """Nothing is tried again."""

    def stop(self) -> None:
        """Nothing runs."""


def test_a_worker_with_other_data_ends_the_search_and_fails_no_trial(script, label):
    plan = plan_of(script)
    driver = Driver(plan, begin.begin(plan, print), Local(1, Elsewhere), Lines(plan.objectives))
    label(1)  # after the driver has read the file
    with pytest.raises(ExecutorLost, match=r"(?s)A trial must run on the data.* Kept: 0 trials that have ended"):
        driver.run(2)
    assert [trial.state.name for trial in kept(plan).trials] == ["RUNNING"]
    label(0)
    summary, _ = search(plan_of(script), 2, 1)
    assert summary.trials == {"complete": 2, "fail": 0, "pruned": 0, "running": 0}


@pytest.mark.slow
def test_a_process_refuses_a_job_of_other_data_and_runs_the_next(script):
    plan = plan_of(script)
    net = plan.network(optuna.trial.FixedTrial({"x": 0.25})).freeze().to_json()
    runner = InProcess()
    try:
        with pytest.raises(OtherData, match="but Labelled has data with the hash"):
            runner.run(plan.job(net, 3, data="0123456789abcdef"))
        assert runner.run(plan.job(net, 3, data=plan.task.data_hash)).seed == 3
        assert runner.run(plan.job(net, 3)).seed == 3
    finally:
        runner.stop()


def test_nothing_is_read_where_nothing_is_to_be_compared(monkeypatch):
    monkeypatch.setattr(Bowl, "load", lambda task: pytest.fail("the data were read"))
    check_data(Bowl(), None)


def test_a_warm_start_takes_scores_of_the_same_data(script, label, write, snnsearch, monkeypatch):
    old = write(SCRIPT, name="old.py")
    snnsearch("run", old, "--trials", 3)
    assert "3 of 3 trials of" in snnsearch("run", script, "--trials", 0, "--warm-start", old).err
    label(1)
    ended = snnsearch("run", script, "--trials", 0, "--warm-start", old, "--name", "other")
    assert f"The data of {old.name} are others: no trial is added, and 1 of its 1 best are tried first." in ended.err


def test_a_warm_start_says_of_which_trials_the_data_are_not_known(script, write, snnsearch, monkeypatch):
    old = write(SCRIPT, name="old.py")
    with monkeypatch.context() as context:
        earlier(context)
        snnsearch("run", old, "--trials", 3)
    said = snnsearch("run", script, "--trials", 0, "--warm-start", old).err
    assert "3 of 3 trials of" in said and "of which 3 are of an earlier version that did not store which data" in said
