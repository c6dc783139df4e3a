"""A user's functions that end the driver's process, or try to: noted, counted, and named as the reason."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace

import pytest

from search.execution.usercalls import UserCalls
from snn.errors import RunError

BEGAN = datetime(2024, 2, 29, 12, 30, 15, 123)

KILLS = """\
import os, signal
from optuna.samplers import RandomSampler
from search import Study
from tests.support import synthetic

def network(trial):
    if trial.number == {in_network}:
        os._exit(5)
    return synthetic.network(trial)

def cost(result):
    if result.seed == seed({in_cost}):
        {how}
    return result.spikes

def seed(number):
    from search.spec.seeds import trial_seed
    return trial_seed(0, number)

study = Study(network, synthetic.Bowl(log={log!r}), ['accuracy', cost], sampler=RandomSampler, pruner=None)
"""


def trial(number=3, began=BEGAN, state="RUNNING"):
    return SimpleNamespace(number=number, datetime_start=began, state=SimpleNamespace(name=state))


class Ends(BaseException):
    """Stands for the end of the process: what comes after it does not happen."""


@pytest.fixture
def drivers(tmp_path):
    """Begin a driver; `dies` is a driver that ends in a call."""
    said = []

    def begin(*trials, script="abc"):
        calls = UserCalls(tmp_path / "states" / "s", script, said.append)
        calls.begin(trials or [trial()])
        return calls

    def dies(*trials, upto=1.0, what="`cost`", script="abc"):
        calls = begin(*trials, script=script)
        calls.of((trials or [trial()])[0], upto)
        note = calls._note
        calls._note = lambda text: note(text) if text else None  # nothing is written after the end
        with pytest.raises(RunError):
            calls.call(what, _end)

    return SimpleNamespace(begin=begin, dies=dies, said=said, folder=tmp_path / "states" / "s")


def _end():
    raise Ends


def test_a_trial_whose_function_has_ended_the_driver_twice_is_refused(drivers):
    drivers.dies()
    assert drivers.begin().refuse(3) is None
    assert drivers.said == ["the driver ended while `cost` of trial 3 ran; it is tried once more"]
    drivers.dies()
    calls = drivers.begin()
    assert calls.refuse(3).startswith("The driver ended twice while `cost` of trial 3 ran.")
    assert calls.refuse(2) is None
    calls.forget(3)
    calls.close()
    assert list(drivers.folder.iterdir()) == []


def test_the_end_of_a_driver_at_any_other_moment_does_not_count(drivers):
    for _ in range(5):
        calls = drivers.begin()
        calls.of(trial(), 1.0)
        assert calls.call("`cost`", max, 1, 2) == 2
        with pytest.raises(KeyboardInterrupt):
            calls.call("`cost`", _raise, KeyboardInterrupt)
        with pytest.raises(RunError, match="SystemExit"):
            calls.call("`cost`", _raise, SystemExit)
    assert drivers.begin().refuse(3) is None and drivers.said == []


def _raise(error):
    raise error


def test_ends_with_a_rung_in_between_are_counted_apart(drivers):
    for upto in (0.0, 1.0):
        drivers.dies(upto=upto)
    assert drivers.begin().refuse(3) is None
    drivers.begin()  # another driver, killed elsewhere
    drivers.dies(upto=1.0)
    assert drivers.begin().refuse(3) is not None


@pytest.mark.parametrize(
    "other",
    [
        {"script": "changed"},
        {"trials": [trial(began=datetime(2025, 1, 1))]},  # of another study
        {"trials": [trial(state="FAIL")]},
        {"trials": [trial(number=4)]},
    ],
    ids=["script", "study", "ended", "number"],
)
def test_what_another_trial_or_script_has_done_does_not_count(drivers, other):
    for _ in range(2):
        drivers.dies()
    calls = drivers.begin(*other.get("trials", []), script=other.get("script", "abc"))
    assert calls.refuse(3) is None and calls.refuse(4) is None
    calls.close()
    assert list(drivers.folder.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[3]", '[{"trial": 3}]', "[" * 100_000, "null"])
def test_a_damaged_note_counts_for_nothing(drivers, text):
    drivers.folder.mkdir(parents=True)
    for name in ("call.json", "ended.json"):
        (drivers.folder / name).write_text(text)
    assert drivers.begin().refuse(3) is None and drivers.said == []


def test_a_folder_that_cannot_be_written_costs_the_notes_only(drivers):
    drivers.folder.parent.mkdir()
    drivers.folder.write_text("a file")
    calls = drivers.begin()
    calls.of(trial(), 0.0)
    assert [calls.call("network(trial)", max, 1, 2) for _ in range(3)] == [2] * 3
    assert len(drivers.said) == 1 and "cannot be noted" in drivers.said[0]


def finish(start, script, starts):
    """Start until the search is done: the exit statuses, and the last standard error."""
    statuses = []
    for _ in range(starts):
        process = start("run", script, "--trials", 3, "--workers", 1, "--json")
        out, err = process.communicate(timeout=120)
        statuses.append(process.returncode)
        if process.returncode == 0:
            return statuses, json.loads(out)["trials"], err
    raise AssertionError(f"not done after {starts} starts: {statuses} {err}")


CASES = [
    ({"in_cost": 1, "how": "os._exit(5)"}, 5, "while `cost` of trial 1 ran"),
    ({"in_cost": 1, "how": "os.kill(os.getpid(), signal.SIGKILL)"}, -9, "while `cost` of trial 1 ran"),
    ({"in_network": 0, "how": "pass"}, 5, "while network(trial) of trial 0 ran"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "status", "reason"),
    CASES,
    ids=["exit", "kill", "network"],
)
def test_the_third_start_fails_a_trial_whose_function_ends_the_process(start, write, folder, case, status, reason):
    text = KILLS.format(**{"in_network": -1, "in_cost": 99, "log": str(folder / "log"), **case})
    statuses, trials, err = finish(start, write(text), 3)
    assert statuses == [status, status, 0]
    assert trials == {"complete": 2, "fail": 1, "pruned": 0, "running": 0}
    assert f"The driver ended twice {reason}" in err
    assert "left alone" not in err  # the driver's own notes are known
    assert not (folder / "bowl.states").exists()


@pytest.mark.parametrize("how", ["raise SystemExit('enough')", "raise GeneratorExit('enough')"])
def test_an_objective_that_raises_what_ends_a_process_fails_its_trial(write, folder, snnsearch, how):
    script = write(KILLS.format(in_network=-1, in_cost=1, how=how, log=str(folder / "log")))
    done = snnsearch("run", script, "--trials", 3, "--workers", 2, "--json")
    assert done.status == 0 and json.loads(done.out)["trials"]["fail"] == 1
    kind = how.split()[1]
    assert f"trial 1 failed: A function of a study must return, or raise an Exception, but raised {kind}" in done.err
