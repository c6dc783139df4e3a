"""Studies that an older version has begun are shown, reported, replayed, resumed and confirmed."""

from __future__ import annotations

import json

import pytest

from snn import NetworkSpec
from tests.compatibility.stored import copy_study, neutral, place, read, shape, stable

OUTPUTS = read("outputs.json")
FINISHED = ("journal", "sqlite")
KINDS = (*FINISHED, "half")
GO_ON = ("--trials", 6, "--workers", 1)


def compared(value, folder):
    """JSON that a command has written, as it is compared."""
    return stable(json.loads(neutral(json.dumps(value), folder)))


def by_number(summary):
    """The best trials of a summary by their numbers."""
    return {best["number"]: best for best in summary["best"]}


@pytest.mark.parametrize("kind", KINDS)
def test_show_tells_what_it_told(kind, folder, data):
    script = copy_study(kind, folder)
    shown, recorded = data("show", *place(kind, script), "--json"), OUTPUTS[f"show {kind}"]
    assert compared(shown, folder) == stable(recorded)
    assert shape(shown) == shape(recorded)


@pytest.mark.parametrize("kind", KINDS)
def test_best_writes_the_same_network(kind, folder, output):
    script = copy_study(kind, folder)
    written = NetworkSpec.from_json(output("best", *place(kind, script)))
    assert written == NetworkSpec.from_json(json.dumps(OUTPUTS[f"best {kind}"]))


def test_a_finished_study_is_not_run_any_further(folder, data):
    script = copy_study("journal", folder)
    ran, recorded = data("run", *place("journal", script), *GO_ON, "--json"), OUTPUTS["go on journal"]
    assert compared(ran, folder) == stable(recorded) and shape(ran) == shape(recorded)


def test_a_journal_needs_no_repair(folder, data):
    script = copy_study("journal", folder)
    told = data("repair", *place("journal", script), "--json")
    assert compared(told, folder) == OUTPUTS["repair journal"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "half"])
def test_a_report_shows_every_trial(kind, folder, output):
    script = copy_study(kind, folder)
    output("report", *place(kind, script), "-o", folder / "report.html")
    page = (folder / "report.html").read_text(encoding="utf-8")
    for best in OUTPUTS[f"show {kind}"]["best"]:
        assert f"{best['params']['n']}" in page and f"{best['values']['accuracy']:.4g}" in page


@pytest.mark.slow
@pytest.mark.parametrize("kind", FINISHED)
def test_a_trial_is_replayed_to_the_same_numbers(kind, folder, output):
    script = copy_study(kind, folder)
    assert output("replay", *place(kind, script), 0) == OUTPUTS[f"replay {kind}"] == "trial 0: same\n"


@pytest.mark.slow
def test_a_half_finished_study_goes_on_to_the_same_trials(folder, data):
    """Its third trial was running; what it had saved may be used or computed again."""
    script = copy_study("half", folder)
    assert list(folder.rglob("2.0.*.rung"))
    ran, recorded = data("run", *place("half", script), *GO_ON, "--json"), OUTPUTS["go on half"]
    assert compared(ran, folder) == stable(recorded) and shape(ran) == shape(recorded)
    undisturbed, resumed = by_number(OUTPUTS["run journal"]), by_number(ran)
    assert stable(resumed[2]) == stable(undisturbed[2])
    assert not list(folder.rglob("*.rung"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FINISHED)
def test_the_best_is_confirmed_on_the_same_seeds(kind, folder, data):
    script = copy_study(kind, folder)
    words = ("confirm", *place(kind, script), "--top", 1, "--seeds", 2, "--workers", 1, "--json")
    found, recorded = data(*words), OUTPUTS[f"confirm {kind}"]
    assert compared(found, folder) == stable(recorded) and shape(found) == shape(recorded)


@pytest.mark.slow
def test_the_stored_script_searches_as_it_did(folder, data):
    script = copy_study("journal", folder)
    script.with_suffix(".journal").unlink()
    ran, recorded = data("run", script, *GO_ON, "--json"), OUTPUTS["run journal"]
    assert compared(ran, folder) == stable(recorded) and shape(ran) == shape(recorded)


def test_trials_are_read_as_optuna_reads_them(folder):
    import optuna

    copy_study("sqlite", folder)
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{folder / 'digits.db'}")
    found = [{"params": t.params, "values": t.values, "state": t.state.name} for t in study.trials]
    assert found == OUTPUTS["trials"]


def test_the_mathematics_of_its_rules_is_the_same(folder, output):
    assert output("explain", copy_study("journal", folder), "--latex") == OUTPUTS["explain --latex"]


@pytest.mark.parametrize("words", ["cache list", "cache size", "cache clear --older 3000"])
def test_json_of_the_cache_has_the_same_keys(words, data):
    found, recorded = shape(data(*words.split(), "--json")), OUTPUTS["shapes"][words]
    assert sorted(found) == sorted(recorded)
    for key, value in recorded.items():
        assert found[key] == value or found[key] == []  # an empty cache has no programs to tell of


@pytest.mark.slow
def test_json_of_the_doctor_has_the_same_keys(data):
    found, recorded = data("doctor", "--json"), OUTPUTS["shapes"]["doctor"]
    assert sorted(found) == sorted(recorded) and sorted(found["files"]) == sorted(recorded["files"])
    assert sorted(found["backends"]) == sorted(recorded["backends"])
    for name in ("runtime", "standalone"):
        assert shape(found["backends"][name]) == recorded["backends"][name]
    for one in found["backends"].values():
        assert sorted(one) == sorted(recorded["backends"]["runtime"])
