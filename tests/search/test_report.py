"""The report: what is on the page, what it says if something is not, and that it is true."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest

from search.analysis.summary import summarise
from search.commands.common import read_study
from search.report.figures.facts import gather
from search.report.figures.index import FIGURES
from search.report.page import write_page
from search.spec.command_line import place
from search.spec.script import Script
from search.storage.journal.file import open_journal
from search.storage.journal.lines import LineChecker
from search.storage.location import Location
from search.study import load_study
from tests.search.conftest import ROOT
from tests.search.synthetic import add_foreign_trial
from tests.search.test_figures import is_drawn

SECTIONS = [*FIGURES, "best", "trials", "confirmation", "failures", "script", "versions"]
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []  # of whatever could load something
        self.words: dict[str, str] = {}  # text by section
        self.code: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on")]
        self.ids += [given["id"]] if "id" in given else []
        self.targets += [given[name] for name in ("src", "href", "action", "data", "srcset", "poster") if name in given]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.code.append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.ids:
            self.words[self.ids[-1]] = self.words.get(self.ids[-1], "") + data
        if self.open and self.open[-1] == "pre":
            self.code[-1] += data


def read(path: Path) -> Page:
    """A page that is whole, loads nothing and runs nothing."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.ids == list(dict.fromkeys(page.ids))
    assert set(SECTIONS) == set(page.ids)
    for target in page.targets:
        assert target.startswith("data:image/png;base64,") or (target[0] == "#" and target[1:] in page.ids)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not re.search(r"url\(|@import", text)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in unescape(policy)
    return page


@pytest.fixture
def report(snnsearch, folder):
    """Write the report of a script and read it."""

    def write(script, *arguments):
        ended = snnsearch("report", script, "-o", folder / "report.html", *arguments)
        assert ended.status == 0, ended.err
        return read(folder / "report.html")

    return write


def test_the_page_holds_everything_and_loads_nothing(snnsearch, write, report, folder):
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
from tests.search.synthetic import Bowl, network as bowl

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


def run_script(text: str, folder: Path) -> dict[str, float]:
    """Run a script of the page as a user would; the objectives that it prints."""
    (folder / "pasted.py").write_text(text)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home())}
    ended = subprocess.run(
        [sys.executable, "pasted.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)$", ended.stdout, re.MULTILINE)}


def script_of(page: Page) -> str:
    """The best network's script."""
    (text,) = [code for code in page.code if "results[0].summary()" in code]
    return text


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
    assert "NetworkSpec.from_json(" in from_json and "import tests.search.synthetic" in from_json
    assert run_script(from_json, folder) == best["values"]


@pytest.mark.slow
def test_a_simulated_study_shows_spikes_and_weights_and_its_script_runs(snnsearch, write, report, folder):
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


def test_none_is_a_value_of_a_parameter(snnsearch, write, report):
    script = write(
        "from search import Study\nfrom tests.search.synthetic import Bowl, network as bowl\n\n"
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


def test_replicates_show_their_spread_and_are_all_run_by_the_script(snnsearch, write, report):
    script = write()
    snnsearch("run", script, "--trials", 3, "--workers", 1)
    rewrite(script, lambda result: result | {"spread": [0.0123, 4.0], "replicates": [{"seed": s} for s in (5, 6)]})
    page = report(script)
    assert "± 0.012" in page.words["best"] and "± 0.012" in page.words["trials"]
    text = script_of(page)
    assert "for seed in [5, 6]]" in text and "means over its seeds" in text


def rewrite(script: Path, change) -> None:
    """Change what the trials of a journal have stored as their result."""
    journal = script.with_suffix(".journal")
    lines = []
    for line in journal.read_text().splitlines():
        entry = json.loads(line)
        if "result" in entry.get("user_attr", {}):
            entry["user_attr"]["result"] = change(entry["user_attr"]["result"])
        lines.append(entry)
    journal.write_bytes(LineChecker().sealed(lines))


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


@pytest.mark.slow
def test_the_script_of_a_study_with_functions_and_replicates_gives_its_means(snnsearch, write, report, folder):
    script = write(
        "from search import Objective, Study\n\n\ndef parameters():\n    return 1\n\n\n"
        "from tests.search.synthetic import Bowl, network\n\n\n"
        "def distance(result):\n    return (parameters() - result.accuracy) ** 2\n\n\n"
        "study = Study(network, Bowl(), [distance, 'spikes'], replicates=3, constraints=['energy_j <= 1'])\n"
    )
    best = json.loads(snnsearch("run", script, "--trials", 3, "--workers", 1, "--json").out)["best"][0]
    text = script_of(report(script))
    assert "means over its seeds" in text
    assert run_script(text, folder) == pytest.approx(best["values"], rel=1e-12)  # a mean may be summed otherwise
