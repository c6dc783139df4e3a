"""The report: what is on the page, what it says if something is not, and that it is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import optuna
import pytest

from search.analysis.summary import summarise
from search.commands.common import read_study
from search.report.figures.facts import gather
from search.report.page import write_page
from search.spec.script import Script
from search.storage.journal.file import open_journal
from search.storage.journal.lines import LineChecker
from search.study import load_study
from tests.support.figures import is_drawn
from tests.support.pages import read
from tests.support.synthetic import add_foreign_trial


def test_the_page_holds_everything_and_loads_nothing(snnsearch, write, report, folder, real_images):
    script = write(task="fail=0.8")
    state = json.loads(snnsearch("run", script, "--trials", 24, "--workers", 2, "--json").out)
    page = report(script, "--figures", folder / "figures")
    best = state["best"][0]
    assert f"Trial {best['number']}, the best by accuracy" in page.words["best"]
    for value in (*best["values"].values(), *best["params"].values(), best["attrs"]["test_accuracy"]):
        assert f"{value:.4g}" in page.words["best"]
    names = {path.name for path in (folder / "figures").iterdir()}
    drawn = ("history", "front", "importances", "slices", "curves", "timeline", "raster", "weights")
    assert names >= {f"{name}.png" for name in drawn}
    assert all(is_drawn((folder / "figures" / name).read_bytes()) for name in names)
    assert sum(target.startswith("data:") for target in page.targets) == len(names)
    assert "Utilisation" in page.words["timeline"] and re.search(r"\d+\.\d %", page.words["timeline"])
    assert "the bowl broke" in page.words["failures"] and "brian2" in page.words["versions"]
    assert f"snnsearch run {script} --trials 124" in page.code
    command = f"snnsearch report {script} -o {folder / 'report.html'} --figures {folder / 'figures'}"
    assert page.code[-1] == command


def test_the_report_does_not_read_the_test_part(snnsearch, write, report, folder):
    script = write(task=f"log={str(folder / 'log')!r}")
    snnsearch("run", script, "--trials", 3, "--workers", 1)
    (folder / "log").unlink()
    report(script)
    assert (folder / "log").read_text().split()[1:] == ["train", "1", "0"]


def test_a_study_without_trials_has_a_page(snnsearch, write, report):
    script = write(objectives=["accuracy"])
    snnsearch("run", script, "--trials", 0)
    page = report(script)
    assert not [target for target in page.targets if target.startswith("data:")]
    assert all("No trial is complete yet." in page.words[name] for name in ("best", "history", "trials", "script"))


def test_a_study_of_one_trial_and_one_objective_has_a_page(snnsearch, write, report):
    script = write(objectives=["loss"])
    snnsearch("run", script, "--trials", 1)
    page = report(script)
    assert "no front" in page.words["front"] and "at least 16" in page.words["importances"]
    assert "The best 1 of 1 complete trials" in page.words["trials"]


def test_a_study_that_only_failed_says_why(snnsearch, write, report):
    script = write(task="fail=-1.0")
    snnsearch("run", script, "--trials", 3, "--workers", 1)
    page = report(script)
    assert "No trial is complete yet." in page.words["best"] and "the bowl broke" in page.words["failures"]


EVIL = "<script>alert(1)</script><img src=http://evil.example/x>"
HOSTILE = f"""\
from search import Study
from tests.support.synthetic import Bowl, network as bowl

EVIL = {EVIL!r}

def network(trial):
    trial.suggest_categorical(EVIL, [EVIL, "b&w"])
    if trial.number == 1:
        raise ValueError(EVIL + " at postgresql://ann:secret@host/db")
    return bowl(trial)

study = Study(network, task=Bowl(), objectives=["accuracy", "spikes"], name=EVIL)
"""


def test_what_a_study_holds_is_text_and_passwords_are_hidden(snnsearch, write, report):
    script = write(HOSTILE)
    assert snnsearch("run", script, "--trials", 3, "--workers", 1).status == 0
    page = report(script)  # which has no element but ours, see `read`
    assert "img" in page.tags and EVIL in page.words["trials"] and EVIL in page.words["failures"]
    text = Path("report.html").read_text()
    assert "secret" not in text and "ann:***@host" in text
    assert f"--name '{EVIL}'" in page.code[-1]


def test_none_is_a_value_of_a_parameter(snnsearch, write, report):
    script = write(
        "from search import Study\nfrom tests.support.synthetic import Bowl, network as bowl\n\n"
        "def network(trial):\n    trial.suggest_categorical('kind', [None])\n    return bowl(trial)\n\n"
        "study = Study(network, Bowl(), ['accuracy'])"
    )
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    page = report(script)
    assert "kindNone" in page.words["best"] and "None" in page.words["trials"]
    assert "kind = None" in snnsearch("show", script).out


def test_the_best_network_is_one_and_the_same_while_the_search_goes_on(snnsearch, write):
    """Counts and test scores are read later than the figures, when another trial may be the best."""
    script = Script.read(write())
    snnsearch("run", script.file, "--trials", 2, "--workers", 1)
    plan = load_study(script).plan(script)
    study = read_study(plan)
    facts = gather(plan, study)
    add = optuna.trial.create_trial(values=[1.0, 0.0], user_attrs={"result": {"loss": 0.123456}})
    study.add_trial(add)
    summary = summarise(study, plan.location)
    assert summary.best[0].number == 2 and facts.best.number < 2
    text = write_page(plan, facts, summary, [], None, study.user_attrs, "")
    shown = f"{facts.best.user_attrs['result']['loss']:.4g}"
    assert f"Trial {facts.best.number}, " in text and shown in text and "0.1235" not in text


def test_a_study_that_optuna_ran_alone_has_a_page(snnsearch, write, report):
    script = write(objectives=["accuracy"])
    journal = open_journal(script.with_suffix(".journal"))
    study = optuna.create_study(study_name="bowl", storage=journal, direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    page = report(script)
    assert "has no stored network" in page.words["script"] and "objective 0" in page.words["best"]
    assert "could not be run again" in page.words["raster"] and "No trial has stored" in page.words["curves"]
    assert snnsearch("best", script).err.count("it is complete") == 1


def test_a_best_network_that_no_longer_runs_leaves_the_rest_of_the_page(snnsearch, write, report, folder):
    script = write()
    snnsearch("run", script, "--trials", 3, "--workers", 1)
    journal = script.with_suffix(".journal")
    edited = journal.read_text().replace('\\"fail\\":2.0', '\\"fail\\":-1.0')  # of the stored task
    journal.write_bytes(LineChecker().sealed(map(json.loads, edited.splitlines())))
    ended = snnsearch("report", script, "-o", folder / "report.html")
    assert ended.status == 0 and "could not be run again: the bowl broke" in ended.err
    page = read(folder / "report.html")
    assert "could not be run again" in page.words["raster"]
    assert page.words["weights"] and len([t for t in page.targets if t.startswith("data:")]) == 5


def test_trials_of_another_study_are_counted_and_not_shown(snnsearch, write, report):
    script = write()
    snnsearch("run", script, "--trials", 2, "--workers", 1)
    add_foreign_trial(script)
    page = report(script)
    assert "older#7" not in Path("report.html").read_text() and "Trial 2" not in page.words["best"]
    assert "1 trials of another study" in Path("report.html").read_text()


def test_a_confirmation_stands_on_the_page(snnsearch, write, report):
    script = write()
    snnsearch("run", script, "--trials", 4, "--workers", 1)
    assert f"snnsearch confirm {script} --top 5 --seeds 10" in report(script).code
    confirmed = snnsearch("confirm", script, "--top", 1, "--seeds", 3)
    assert confirmed.status == 0
    words = report(script).words["confirmation"]
    for cell in confirmed.out.splitlines()[1].split("\t"):
        assert cell in words


def test_scores_of_a_confirmation_are_hidden_while_the_search_goes_on(snnsearch, write, report):
    script = write()
    snnsearch("run", script, "--trials", 4, "--workers", 1)
    assert snnsearch("confirm", script, "--top", 1, "--seeds", 3).status == 0
    study = optuna.load_study(study_name="bowl", storage=open_journal(script.with_suffix(".journal")))
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    page = report(script)
    assert "test" not in page.words["confirmation"] and "has gone on since" in page.words["confirmation"]
    assert "testaccuracy" not in page.words["best"].replace(" ", "")
    assert snnsearch("run", script, "--trials", 6, "--workers", 1).status == 0
    assert "test_accuracy on fresh seeds" in report(script).words["confirmation"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["report", "bowl.py"], "-o"),
        (["report", "bowl.py", "-o", "nowhere/report.html"], "there is no 'nowhere'"),
        (["report", "bowl.py", "-o", "."], "is a folder"),
        (["report", "bowl.py", "-o", "a.html", "--figure", "x"], "nearest: --figures"),
        (["report", "bowl.py", "-o", "a.html", "--figures", "bowl.py"], "bowl.py"),
        (["report", "bowl.py", "-o", "a.html", "--name", "bowll"], "nearest: 'bowl'"),
        (["report", "other.py", "-o", "a.html"], "must have been run"),
    ],
)
def test_a_mistake_is_one_sentence(one_sentence, arguments, part):
    one_sentence(arguments, part)


def test_help_has_examples(snnsearch):
    ended = snnsearch("report", "--help")
    assert ended.status == 0 and "snnsearch report my_study.py" in ended.out
