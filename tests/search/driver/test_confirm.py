"""Confirmation on fresh seeds: the mean against the closed form, the interval, seeds, what is kept, and refusals."""

from __future__ import annotations

import json
import signal

import numpy as np
import optuna
import pytest

from search import Study
from search.analysis.confirmation import Confirmation, Confirmed, confirmed, interval
from search.driver.confirm import fresh_seeds
from search.driver.driver import Driver
from search.driver.progress import Lines
from search.driver.search import search
from search.errors import StudyError
from search.execution.local import local_executor
from search.spec.seeds import replicate_seeds, trial_seed
from search.start.opening import begin
from search.storage.attributes import CONFIRM
from tests.support.studies import load
from tests.support.synthetic import Bowl, network
from tests.support.waiting import wait_for


def right(params):
    """The probability of a right prediction."""
    return np.exp(-((params["x"] - 0.3) ** 2) - (params["y"] - 0.7) ** 2)


def test_the_means_are_the_closed_form_and_the_winner_s_curse_shows(make_study):
    study = make_study(objectives=["accuracy"])
    search(study.plan(), 60, 2)
    confirmation = study.confirm(top=5, seeds=40, workers=2)
    trials = load(study).trials
    best = sorted(trials, key=lambda trial: (-trial.values[0], trial.number))[:5]
    assert [row.number for row in confirmation.rows] == [trial.number for trial in best]
    assert (confirmation.measure, confirmation.objective) == ("test_accuracy", "accuracy")
    for row in confirmation.rows:
        p = right(trials[row.number].params)
        error = np.sqrt(p * (1 - p) / (40 * 100))  # 40 test parts of 100 samples
        assert abs(row.mean - p) < 4 * error and row.search == trials[row.number].values[0]
        assert row.low <= row.mean <= row.high and row.difference == row.mean - row.search
        assert row.mean == row.test and len(row.values) == 40
    curse = np.mean([row.difference for row in confirmation.rows])
    # selection of 5 of 60 by accuracies with an error of a few per cent: what was selected was lucky
    assert curse < 0 and f"{-curse:.4g} worse by test_accuracy" in str(confirmation)


@pytest.mark.parametrize(
    ("values", "expected"), [([0.0, 1.0], (0.0, 1.0)), ([0.5] * 9, (0.5, 0.5)), ([0.5], (None, None))]
)
def test_the_interval_where_it_is_known(values, expected):
    assert interval(values) == expected


def test_the_interval_does_not_depend_on_the_order_in_which_runs_ended():
    values = list(np.random.default_rng(1).normal(size=7))
    assert interval(values) == interval(values[::-1])


def test_the_interval_of_many_values_is_the_normal_one():
    values = np.random.default_rng(0).normal(size=400)
    half = 1.96 * values.std() / 20
    # an order statistic of 10,000 draws: its standard error is that of a 2.5 % quantile, 0.027 standard deviations
    assert np.allclose(
        interval(list(values)), [values.mean() - half, values.mean() + half], atol=4 * 0.027 * half / 1.96
    )


def test_seeds_are_fresh_and_a_function_of_the_study_s_seed(make_study):
    study = make_study(objectives=["accuracy"])
    search(study.plan(), 3, 2)
    seeds = fresh_seeds(load(study), study.plan(), 100)
    assert len(set(seeds)) == 100 and fresh_seeds(load(study), study.plan(), 10) == seeds[:10]
    trials = [trial_seed(0, number) for number in range(1000)]
    assert not set(seeds) & {seed for first in trials for seed in replicate_seeds(first, 4)}
    other = make_study("other", objectives=["accuracy"])
    search(other.plan(seed=1), 0)
    assert not set(seeds) & set(fresh_seeds(load(other), other.plan(), 100))  # of the study's, not the script's


def test_a_seed_that_a_trial_has_had_is_passed_over(make_study):
    study = make_study(objectives=["accuracy"])
    search(study.plan(), 1, 1)
    first, second = fresh_seeds(load(study), study.plan(), 2)
    load(study).add_trial(optuna.trial.create_trial(values=[0.0], user_attrs={"seed": first}))
    assert fresh_seeds(load(study), study.plan(), 1) == (second,)


def test_a_second_call_runs_only_what_is_new(make_study, tmp_path):
    log = tmp_path / "log"
    study = make_study(objectives=["accuracy"], task=Bowl(log=str(log)))
    search(study.plan(), 4, 2)
    log.write_text("")
    two = study.confirm(top=2, seeds=2)
    assert len(log.read_text().splitlines()) == 4
    assert study.confirm(top=2, seeds=2) == two and len(log.read_text().splitlines()) == 4
    three = study.confirm(top=3, seeds=3)
    assert len(log.read_text().splitlines()) == 9 and all("test" in line for line in log.read_text().splitlines())
    assert three.seeds[:2] == two.seeds and [row.values[:2] for row in three.rows[:2]] == [r.values for r in two.rows]


def test_with_several_objectives_the_front_is_confirmed_by_the_first(make_study):
    study = make_study(objectives=["spikes", "accuracy"])
    summary, _ = search(study.plan(), 12, 2)
    confirmation = study.confirm(top=2, seeds=2)  # whose mean is exact
    assert [row.number for row in confirmation.rows] == [best.number for best in summary.best[:2]]
    assert confirmation.measure == "spikes" and confirmation.direction == "minimize"
    for row in confirmation.rows:  # of this task the spikes do not depend on the seed
        assert row.values == (row.search,) * 2 and row.difference == 0 and row.test is not None
    assert confirmation.columns()[0][-1] == "test"


def test_the_test_part_is_not_read_before_the_search_is_over(make_study, tmp_path):
    log = tmp_path / "log"
    study = make_study(objectives=["accuracy"], task=Bowl(log=str(log)))
    plan = study.plan()
    driver = Driver(plan, begin(plan, print), local_executor(study.task, 1), Lines(plan.objectives))
    driver.search(3)
    with pytest.raises(StudyError, match=r"read only when a search is over, but 's' is not \(3 trials ended"):
        study.confirm()
    assert "test" not in log.read_text()
    search(plan, 3, 1)
    assert len(study.confirm(top=1, seeds=1).rows) == 1


def test_failed_runs_are_said_and_run_again_by_the_next_call(make_study, tmp_path, capsys):
    logs = tmp_path / "logs"
    logs.mkdir()
    study = make_study(objectives=["accuracy"], task=Bowl(log=str(logs / "log")))
    search(study.plan(), 3, 2)
    logs.rename(tmp_path / "gone")  # a run that cannot write its log fails
    failed = study.confirm(top=2, seeds=2)
    assert all(row.values == () and row.mean is None for row in failed.rows)
    assert capsys.readouterr().err.count("failed: FileNotFoundError") == 4
    logs.mkdir()
    assert all(len(row.values) == 2 for row in study.confirm(top=2, seeds=2).rows)


def test_a_function_of_the_user_that_fails_is_a_failed_run(tmp_path):
    confirming = []

    def cost(result):
        if confirming and result.seed == confirming[0]:
            raise ValueError("not this seed")
        return 1 - result.accuracy

    study = Study(network, Bowl(), [cost], name="s", pruner=None, storage=tmp_path / "s.journal")
    search(study.plan(), 2, 1)
    confirming += fresh_seeds(load(study), study.plan(), 1)
    confirmation = study.confirm(top=2, seeds=2, workers=1)
    assert [len(row.values) for row in confirmation.rows] == [1, 1]
    assert "Of 4 runs 2 are missing" in confirmation.curse()
    confirming.clear()
    again = study.confirm(top=2, seeds=2, workers=1)
    assert [len(row.values) for row in again.rows] == [2, 2] and "missing" not in again.curse()


def test_other_objectives_than_the_study_s_are_an_error(make_study):
    """Else the first of the old ones would be compared with the first of the new ones."""
    search(make_study(objectives=["accuracy", "spikes"]).plan(), 3, 2)
    with pytest.raises(StudyError, match=r"begun with \['accuracy', 'spikes'\] and is now asked for \['spikes', 'acc"):
        make_study(objectives=["spikes", "accuracy"]).confirm()


def test_what_is_stored_is_read_by_the_objectives_of_the_study(make_study):
    study = make_study(objectives=["accuracy", "spikes"])
    search(study.plan(), 3, 2)
    known = study.confirm(top=1, seeds=3)
    later = confirmed(make_study(objectives=["spikes", "accuracy"]).plan(), load(study))
    assert (later.objective, later.measure, later.direction) == ("accuracy", "test_accuracy", "maximize")
    assert later.rows[0].search == known.rows[0].search and sorted(later.rows[0].values) == sorted(known.rows[0].values)


def test_nothing_complete_is_an_error(make_study):
    study = make_study(objectives=["accuracy"], task=Bowl(fail=-1.0))
    search(study.plan(), 3, 1)
    with pytest.raises(StudyError, match="'s' has none"):
        study.confirm()


def test_json_and_text_of_a_confirmation_without_results():
    rows = (Confirmed(3, 0.5, (), None, None, None), Confirmed(4, 0.5, (0.25,), None, None, 0.25))
    one = Confirmation("s", "accuracy", "test_accuracy", "maximize", (7,), rows)
    data = json.loads(one.to_json())
    assert data["rows"][0]["mean"] is None and data["rows"][1]["difference"] == -0.25 and data["seeds"] == [7]
    assert "0.25 worse" in str(one) and "0.25 better" in str(Confirmation("s", "l", "l", "minimize", (7,), rows))
    same = Confirmation("s", "l", "l", "minimize", (7,), (Confirmed(3, 0.5, (0.5,), None, None, None),))
    assert "no better and no worse by l" in same.curse()
    assert "No run" in Confirmation("s", "l", "l", "minimize", (7,), rows[:1]).curse()


def test_the_command(write, snnsearch):
    script = write(objectives=["accuracy"])
    early = snnsearch("confirm", script)
    assert early.status == 2 and "there is no" in early.err
    assert snnsearch("run", script, "--trials", 5).status == 0
    ended = snnsearch("confirm", script, "--top", 2, "--seeds", 3, "--json", "--workers", 2)
    data = json.loads(ended.out)
    assert ended.status == 0 and len(data["rows"]) == 2 and all(len(row["values"]) == 3 for row in data["rows"])
    assert "[6/6] trial" in ended.err and ended.out.count("\n") == 1
    table = snnsearch("confirm", script, "--top", 2, "--seeds", 3)
    assert table.err == "" and table.out.startswith("trial\taccuracy in the search\ttest_accuracy on fresh seeds")
    assert table.out.splitlines()[1].startswith(str(data["rows"][0]["number"]))


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(write, snnsearch, start, folder):
    script = write(objectives=["accuracy"], task="sleep=0.3")
    assert snnsearch("run", script, "--trials", 1).status == 0
    process = start("confirm", script, "--top", 1, "--seeds", 30, "--workers", 2, "--json")
    journal = script.with_suffix(".journal")
    wait_for(lambda: journal.read_text().count(CONFIRM) >= 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    assert f"to go on: snnsearch confirm {script} --top 1 --seeds 30" in err
    done = len(json.loads(out)["rows"][0]["values"])
    assert 2 <= done < 30
    again = snnsearch("confirm", script, "--top", 1, "--seeds", done + 1, "--json")
    assert "[1/1]" in again.err and len(json.loads(again.out)["rows"][0]["values"]) == done + 1


DIGITS = """\
from brian2 import Hz, ms
from optuna.samplers import RandomSampler
from search import Study
from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson
from tasks import Digits


def network(trial):
    net = Network(inputs=Poisson(64, rate=100 * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=20 * ms), n=16)
    net.readout(LeakyReadout(10, tau=20 * ms))
    rule = EProp(lr=trial.suggest_float("lr", 1e-3, 1e-1, log=True))
    net.connect("inputs", "hidden", Dense(), rule)
    net.connect("hidden", "readout", Dense(), rule)
    return net


study = Study(network, task=Digits(sample=10 * ms), sampler=RandomSampler)
"""


@pytest.mark.slow
def test_on_digits_the_numbers_are_those_of_single_runs(write, snnsearch):
    from search.spec.script import Script
    from search.storage.attributes import NETWORK
    from search.study import load_study
    from snn.network.spec import NetworkSpec

    script = write(DIGITS)
    assert snnsearch("run", script, "--trials", 3, "--workers", 2, "--pruner", "none").status == 0
    ended = snnsearch("confirm", script, "--top", 2, "--seeds", 2, "--json")
    data = json.loads(ended.out)
    study = load_study(Script.read(script))
    trials = load(study)
    for row in data["rows"]:
        network = NetworkSpec.from_json(trials.trials[row["number"]].user_attrs[NETWORK])
        alone = [study.task.run(network, seed=seed, test=True).test_accuracy for seed in data["seeds"]]
        assert row["values"] == alone and len(set(alone)) == 2
