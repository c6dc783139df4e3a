"""A driver that is killed or interrupted loses nothing that it has finished."""

from __future__ import annotations

import json
import os
import signal

import pytest

from search.spec.seeds import trial_seed
from search.storage.location import Location
from search.storage.locks.ownership import owned
from tests.support.studies import count_ended, journal_trials, numbers, runs_slowly
from tests.support.waiting import wait_for


def stored(script):
    """The journal's trials, read as Optuna does: number -> state, parameters, values and result."""
    return numbers(journal_trials(script.with_suffix(".journal"), "bowl"))


@pytest.mark.parametrize("moment", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_sigkill_loses_no_finished_trial_and_leaves_none_running(start, write, snnsearch, folder, moment):
    script = write(task=f"sleep=0.05, log={str(folder / 'log')!r}")
    process = start("run", script, "--trials", 12, "--workers", 2)
    wait_for(lambda: count_ended(script) >= moment)
    process.kill()
    process.wait()
    before = stored(script)
    finished = {number: trial for number, trial in before.items() if trial[0] == "COMPLETE"}
    assert len(finished) >= moment
    ended = snnsearch("run", script, "--trials", 12, "--workers", 2, "--json")
    assert ended.status == 0 and f"goes on from {len(finished)} of 12 trials" in ended.err
    after = stored(script)
    assert sorted(after) == list(range(12)) and {trial[0] for trial in after.values()} == {"COMPLETE"}
    assert {number: after[number] for number in finished} == finished
    assert all(after[number][1].items() >= trial[1].items() for number, trial in before.items())
    log = [int(line.split()[0]) for line in (folder / "log").read_text().splitlines() if line.endswith("train 1 200")]
    assert all(log.count(trial_seed(0, number)) == 1 for number in finished)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
def test_ctrl_c_stops_what_runs_and_tells_how_to_go_on(start, write, snnsearch, folder, batch):
    log, slow = folder / "log", 0.6 if batch == 1 else 0.85  # trials with a higher x take 90 s unless they are stopped
    script = write(task=f"slow={slow}, log={str(log)!r}")
    more = ("--workers", 2) if batch == 1 else ("--workers", 2, "--batch", batch)
    process = start("run", script, "--trials", 40, *more, "--json")
    wait_for(lambda: count_ended(script) >= 1 and runs_slowly(script, log, slow))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)  # before a slow trial would have ended
    assert process.returncode == 130 and "Traceback" not in err
    assert f"to go on: snnsearch run {script} --trials 40 {' '.join(map(str, more))}" in err
    state = json.loads(out)
    assert out.count("\n") == 1 and 1 <= state["trials"]["running"] <= 9 and state["trials"]["fail"] == 0
    assert state["trials"]["complete"] >= 1 and state["best"][0]["attrs"]["test_accuracy"] is None
    total = sum(state["trials"].values())
    again = snnsearch(
        "run", script, "--trials", total, "--workers", 2, "--batch", 2 if batch > 1 else 1, "--timeout", 0.2, "--json"
    )
    trials = json.loads(again.out)["trials"]
    assert trials["running"] == 0 and trials["complete"] + trials["fail"] == total


@pytest.mark.slow
def test_sigkill_of_a_search_in_batches_loses_no_finished_trial(start, write, snnsearch):
    script = write(task="sleep=0.05")
    process = start("run", script, "--trials", 14, "--workers", 2, "--batch", 3)
    wait_for(lambda: count_ended(script) >= 3)
    process.kill()
    process.wait()
    finished = {number: trial for number, trial in stored(script).items() if trial[0] == "COMPLETE"}
    ended = snnsearch("run", script, "--trials", 14, "--workers", 1, "--batch", 5, "--json")
    after = stored(script)
    assert ended.status == 0 and sorted(after) == [*range(14)]
    assert {trial[0] for trial in after.values()} == {"COMPLETE"}
    assert len(finished) >= 3 and {number: after[number] for number in finished} == finished


@pytest.mark.slow
def test_ctrl_c_while_the_script_is_imported(start, write, folder):
    wait = "import os, time\nprint('imported', flush=True)\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n"
    script = write(wait + write().read_text())
    process = start("run", script, "--trials", 5, "--json")
    assert process.stderr.readline() == "imported\n"
    process.send_signal(signal.SIGINT)
    (folder / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    assert json.loads(out)["trials"] == {"complete": 0, "fail": 0, "pruned": 0, "running": 0}


def test_a_second_driver_is_told_who_drives(write, snnsearch):
    """Other processes that hold a study are in test_ownership.py; here this one does."""
    script = write()
    assert snnsearch("run", script, "--trials", 1).status == 0
    with owned(Location.of(None, script.with_suffix("")), "bowl"):
        second = snnsearch("run", script, "--trials", 100)
        assert second.status == 2 and f"driven by process {os.getpid()} " in second.err
        assert snnsearch("show", script).status == 0
