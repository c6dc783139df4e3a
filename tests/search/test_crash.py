"""A driver that is killed or interrupted loses nothing that it has finished."""

from __future__ import annotations

import json
import signal
import time

import pytest

from search.spec.seeds import trial_seed
from tests.search.waiting import wait_for


def told(script):
    """Trials that have ended, by the journal."""
    journal = script.with_suffix(".journal")
    return journal.read_text().count('"op_code":6') if journal.exists() else 0


def stored(script):
    """What the journal holds, read as Optuna does."""
    import optuna

    from search.storage.journal.file import open_journal

    study = optuna.load_study(study_name="bowl", storage=open_journal(script.with_suffix(".journal")))
    return {trial.number: (trial.state.name, trial.params, trial.values) for trial in study.trials}


@pytest.mark.parametrize("moment", [1, 7])
def test_sigkill_loses_no_finished_trial_and_leaves_none_running(start, write, snnsearch, folder, moment):
    script = write(task=f"sleep=0.05, log={str(folder / 'log')!r}")
    process = start("run", script, "--trials", 20, "--workers", 2)
    wait_for(lambda: told(script) >= moment)
    process.kill()
    process.wait()
    before = stored(script)
    finished = {number: trial for number, trial in before.items() if trial[0] == "COMPLETE"}
    assert len(finished) >= moment
    ended = snnsearch("run", script, "--trials", 20, "--workers", 2, "--json")
    assert ended.status == 0 and f"goes on from {len(finished)} of 20 trials" in ended.err
    after = stored(script)
    assert sorted(after) == list(range(20)) and {trial[0] for trial in after.values()} == {"COMPLETE"}
    assert {number: after[number] for number in finished} == finished
    assert all(after[number][1].items() >= trial[1].items() for number, trial in before.items())
    log = [int(line.split()[0]) for line in (folder / "log").read_text().splitlines() if line.endswith("train 1 200")]
    assert all(log.count(trial_seed(0, number)) == 1 for number in finished)


def test_ctrl_c_stops_what_runs_and_tells_how_to_go_on(start, write, snnsearch):
    script = write(task="slow=0.6")  # some trials take 90 s unless they are stopped
    process = start("run", script, "--trials", 50, "--workers", 2, "--json")
    wait_for(lambda: told(script) >= 1)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)  # before a slow trial would have ended
    assert process.returncode == 130 and "Traceback" not in err
    assert f"to go on: snnsearch run {script} --trials 50 --workers 2" in err
    state = json.loads(out)
    assert out.count("\n") == 1 and state["trials"]["running"] >= 1 and state["trials"]["fail"] == 0
    assert state["trials"]["complete"] >= 1 and state["best"][0]["attrs"]["test_accuracy"] is None
    total = sum(state["trials"].values())
    again = snnsearch("run", script, "--trials", total, "--workers", 2, "--timeout", 0.2, "--json")
    trials = json.loads(again.out)["trials"]
    assert trials["running"] == 0 and trials["complete"] + trials["fail"] == total


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


def test_a_second_driver_is_told_who_drives(start, write, snnsearch):
    script = write(task="sleep=0.1")
    process = start("run", script, "--trials", 100, "--workers", 1)
    wait_for(lambda: told(script) >= 1)
    second = snnsearch("run", script, "--trials", 100)
    assert second.status == 2 and f"driven by process {process.pid}" in second.err
    assert snnsearch("show", script).status == 0
