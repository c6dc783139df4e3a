"""Scripts and commands on the report's page do what it says."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from search.spec.command_line import place
from search.spec.script import Script
from search.storage.location import Location
from search.study import load_study
from tests.support.command_line import ROOT
from tests.support.figures import is_drawn
from tests.support.pages import rewrite, run_script, script_of


def test_a_password_in_the_script_is_not_shown(snnsearch, write, report, folder):
    script = write()
    script.write_text(script.read_text() + "OTHER = 'postgresql://ann:secret@host/db'\n")
    snnsearch("run", script, "--trials", 2, "--workers", 1)
    assert "NetworkSpec.from_json(" in script_of(report(script))
    assert "secret" not in (folder / "report.html").read_text()


def test_commands_name_the_storage_without_its_password(write):
    script = Script.read(write())
    plan = load_study(script).plan(script)
    assert place(plan) == str(script.file)
    location = Location.of("postgresql://ann:secret@host/db", Path("a"))
    elsewhere = replace(plan, location=location, name="second one")
    assert place(elsewhere) == f"{script.file} --storage 'postgresql://ann:***@host/db' --name 'second one'"


@pytest.mark.slow
def test_the_script_of_the_best_gives_its_scores_whatever_became_of_the_study(snnsearch, write, report, folder):
    main = "\nif __name__ == '__main__':\n    raise SystemExit('another search')\n"
    main = "\x0c\ndef parameters():\n    return 0\n" + main  # a form feed is no line, a name may be taken
    script = write()
    script.write_text(script.read_text() + main)
    best = json.loads(snnsearch("run", script, "--trials", 4, "--workers", 1, "--json").out)["best"][0]
    from_source = script_of(report(script))
    assert "study.network(FixedTrial(parameters" in from_source and "another search" not in from_source
    assert run_script(from_source, folder) == best["values"]
    script.write_text(script.read_text() + "# changed\n")
    from_json = script_of(report(script))
    assert "NetworkSpec.from_json(" in from_json and "import tests.support.synthetic" in from_json
    assert run_script(from_json, folder) == best["values"]


@pytest.mark.slow
def test_a_simulated_study_shows_spikes_and_weights_and_its_script_runs(snnsearch, write, report, folder, real_images):
    source = (ROOT / "studies" / "digits.py").read_text()
    script = write(source.replace("Digits(sample=30 * ms)", "Digits(sample=10 * ms)"), name="small.py")
    best = json.loads(snnsearch("run", script, "--trials", 2, "--workers", 1, "--json").out)["best"][0]
    page = report(script, "--figures", folder / "figures")
    for name in ("raster", "weights"):
        assert is_drawn((folder / "figures" / f"{name}.png").read_bytes())
    assert "weights that the stream has left" in page.words["weights"]
    assert run_script(script_of(page), folder) == best["values"]


def test_the_command_to_go_on_has_what_the_last_run_was_given(snnsearch, write, report):
    script = write(name="given.py")
    given = ["--seed", 7, "--sampler", "random", "--backend", "standalone", "--dtype", "float64"]
    given += ["--constraint", "accuracy >= 0.1", "--constraint", "spikes <= 1e6", "--pruner", "none", "--rungs", 1]
    given += ["--replicates", 2, "--timeout", 60.0, "--memory-limit", "1099511627776B"]
    assert snnsearch("run", script, "--trials", 3, "--workers", 1, *given).status == 0
    page = report(script)
    assert "kept" in page.words["best"] and "±" in page.words["best"]
    (command,) = [code for code in page.code if code.startswith("snnsearch run")]
    words = shlex.split(command)[1:]
    flags = [str(word) for word in given]
    assert words[:4] == ["run", str(script), "--trials", "103"]
    assert sorted(zip(words[4::2], words[5::2], strict=True)) == sorted(zip(flags[::2], flags[1::2], strict=True))
    words[3] = "4"
    assert snnsearch(*words).status == 0  # it goes on
    fewer = [*words[:2], "--trials", 5, "--seed", 7, "--constraint", "accuracy >= 0.1", "--constraint", "spikes <= 1e6"]
    assert snnsearch(*fewer).status == 0
    (command,) = [code for code in report(script).code if code.startswith("snnsearch run")]
    assert "--rungs" not in command and "--seed 7" in command


def test_what_no_command_line_can_say_is_not_in_it(write):
    script = Script.read(write())
    changed = {"sampler": optuna.samplers.RandomSampler(), "rungs": 2, "warm_start": "other.py", "pruner": None}
    assert load_study(script).plan(script, **changed).given == {"rungs": 2}


def test_replicates_show_their_spread_and_are_all_run_by_the_script(snnsearch, write, report):
    script = write()
    snnsearch("run", script, "--trials", 3, "--workers", 1)
    rewrite(script, lambda result: result | {"spread": [0.0123, 4.0], "replicates": [{"seed": s} for s in (5, 6)]})
    page = report(script)
    assert "± 0.012" in page.words["best"] and "± 0.012" in page.words["trials"]
    text = script_of(page)
    assert "for seed in [5, 6]]" in text and "means over its seeds" in text


@pytest.mark.slow
def test_the_script_of_a_study_with_functions_and_replicates_gives_its_means(snnsearch, write, report, folder):
    script = write(
        "from search import Objective, Study\n\n\ndef parameters():\n    return 1\n\n\n"
        "from tests.support.synthetic import Bowl, network\n\n\n"
        "def distance(result):\n    return (parameters() - result.accuracy) ** 2\n\n\n"
        "study = Study(network, Bowl(), [distance, 'spikes'], replicates=3, constraints=['energy_j <= 1'])\n"
    )
    best = json.loads(snnsearch("run", script, "--trials", 3, "--workers", 1, "--json").out)["best"][0]
    text = script_of(report(script))
    assert "means over its seeds" in text
    assert run_script(text, folder) == pytest.approx(best["values"], rel=1e-12)  # a mean may be summed otherwise
