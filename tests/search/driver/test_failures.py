"""A search whose first trials of a start all fail for one reason stops, unless it is told to keep going."""

from __future__ import annotations

import json

import pytest

from search.driver.failures import FIRST, Failures, kind
from search.errors import StudyError
from tests.support import synthetic
from tests.support.synthetic import Bowl


def watch(*ends, begun=range(FIRST), keep_going=False):
    """What is said at each end of a trial, given as (number, reason)."""
    failures = Failures(keep_going)
    for number in begun:
        failures.begun(number)
    return [failures.ended(number, reason) for number, reason in ends]


def same(numbers, reason="ValueError: x = {}.5 is wrong"):
    return [(number, reason.format(number)) for number in numbers]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`cost` must be finite, but is nan.", "`cost` must be finite, but is inf."),
        ("ValueError in line 3: x = -1.5e-07", "ValueError in line 14: x = 2"),
        ("<object at 0x7f3a>", "<object at 0x10ab>"),
        ("1_000 of 10", "7 of 3"),
    ],
)
def test_reasons_that_differ_in_numbers_are_one(one, other):
    assert kind(one) == kind(other) != kind("another")


def test_the_first_trials_that_all_fail_for_one_reason_stop_a_search():
    *before, last = watch(*same(range(FIRST)))
    assert before == [None] * (FIRST - 1)
    assert "The first 10 trials of this start failed for one reason" in str(last)
    assert "ValueError: x = 9.5 is wrong. Mend it, or go on with --keep-going" in str(last)


@pytest.mark.parametrize(
    "ends",
    [
        [(0, None), *same(range(1, FIRST))],
        [*same(range(FIRST - 1)), (FIRST - 1, None)],
        [(0, "another"), *same(range(1, FIRST))],
        [*same(range(FIRST - 1)), (FIRST - 1, "another")],
        [*same(range(1, FIRST)), *same(range(FIRST, 40))],  # the first still runs
        [*same(range(FIRST - 1)), (50, None), *same([FIRST - 1])],  # a later one works
    ],
)
def test_any_other_end_lets_a_search_go_on(ends):
    assert watch(*ends) == [None] * len(ends)


def test_a_start_with_fewer_trials_does_not_stop():
    assert watch(*same(range(FIRST)), begun=range(FIRST - 1)) == [None] * FIRST


def test_keep_going_overrides():
    assert watch(*same(range(FIRST)), keep_going=True) == [None] * FIRST


def broken(trial):
    synthetic.network(trial)
    raise ValueError(f"nothing works at {trial.params['x']}")


@pytest.mark.parametrize("fails", ["network", "run"])
def test_a_hopeless_search_stops_and_can_be_mended(make_study, fails):
    study = make_study(network=broken) if fails == "network" else make_study(task=Bowl(fail=-1.0))
    with pytest.raises(StudyError) as stopped:
        study.run(trials=40, workers=2)
    assert "first 10 trials of this start failed for one reason" in str(stopped.value)
    assert "Kept: 1" in str(stopped.value)
    summary = make_study().run(trials=15, workers=2)
    assert summary.trials["complete"] + summary.trials["fail"] == 15
    assert FIRST <= summary.trials["fail"] < 15 and summary.trials["running"] == 0


def test_a_hopeless_search_may_keep_going(make_study):
    assert make_study(network=broken).run(trials=14, workers=2, keep_going=True).trials["fail"] == 14


def test_a_search_that_is_done_has_nothing_to_stop(make_study):
    assert make_study(network=broken).run(trials=FIRST, workers=1).trials["fail"] == FIRST


def test_each_start_counts_anew(make_study):
    study = make_study(network=broken)
    assert study.run(trials=6, workers=1).trials["fail"] == 6
    assert study.run(trials=12, workers=1).trials["fail"] == 12


def test_the_command_line_stops_with_status_2_and_keeps_going_if_told_to(write, snnsearch):
    script = write(task="fail=-1.0")
    stopped = snnsearch("run", script, "--trials", 20, "--workers", 1, "--json")
    assert stopped.status == 2 and stopped.out == ""
    assert "snnsearch: The first 10 trials of this start failed for one reason" in stopped.err
    assert "the bowl broke at x" in stopped.err and "Traceback" not in stopped.err
    going = snnsearch("run", script, "--trials", 25, "--workers", 1, "--keep-going", "--json")
    assert going.status == 2 and json.loads(going.out)["trials"]["fail"] == 25


def test_data_that_end_the_process_are_an_error_before_the_first_trial(write, snnsearch):
    text = "from dataclasses import dataclass\nfrom search import Study\nfrom snn.serial import serialisable\n"
    text += "from tests.support import synthetic\n@serialisable\n@dataclass(frozen=True)\n"
    text += "class Exits(synthetic.Bowl):\n"
    text += "    def load(self):\n        raise SystemExit('no data')\n"
    script = write(text + "study = Study(synthetic.network, Exits())\n")
    ended = snnsearch("run", script, "--trials", 3)
    assert ended.status == 2 and "raised SystemExit('no data') in bowl.py, line 9" in ended.err
    assert len(ended.err.splitlines()) == 1
