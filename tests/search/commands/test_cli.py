"""The command line: what it prints, its JSON, its exit status, and every mistake of a user in one sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from search.storage.journal.lines import LineChecker
from tests.support.command_line import KEYS, ROOT, line


@pytest.mark.parametrize("command", ["run", "show", "dashboard", "replay"])
def test_help_has_examples(snnsearch, command):
    ended = snnsearch(command, "--help")
    assert ended.status == 0
    assert f"snnsearch {command} my_study.py" in ended.out and "--storage" in ended.out and "--name" in ended.out


def test_help_is_quick(start):
    """It imports nothing but the standard library and what is of this package, and little of that."""
    code = "import sys; before = {*sys.modules}; import search.cli; print(*sys.modules.keys() - before)"
    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.split()
    others = [name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names]
    assert "search.commands.run" in others and {name.partition(".")[0] for name in others} == {"search"}
    assert len(others) < 25 and "asyncio" not in imported
    process = start("--help")
    assert process.wait() == 0


def test_version(snnsearch):
    ended = snnsearch("--version")
    assert ended.status == 0 and ended.out.startswith("snnsearch ")


def test_run_prints_the_best_network_and_what_to_do_next(snnsearch, write):
    script = write()
    ended = snnsearch("run", script, "--trials", 4, "--workers", 1)
    assert ended.status == 0
    for part in ("Best network: trial", "x = ", "accuracy = ", "test_accuracy = 0.", "synaptic_operations = "):
        assert part in ended.out
    assert str(script.with_suffix(".journal")) in ended.out and f"snnsearch show {script}" in ended.out
    assert ended.err.count("\n[") == 4 and "[4/4] trial" in ended.err


def test_json_of_run_and_show(snnsearch, write):
    script = write()
    ran = line(snnsearch("run", script, "--trials", 5, "--workers", 2, "--json").out)
    shown = line(snnsearch("show", script, "--json").out)
    assert ran == shown
    assert ran.keys() == KEYS and ran["study"] == "bowl" and ran["builds"] == 0 and ran["seconds"] > 0
    assert ran["trials"] == {"complete": 5, "fail": 0, "pruned": 0, "running": 0}
    accuracies = [best["values"]["accuracy"] for best in ran["best"]]
    assert accuracies == sorted(accuracies, reverse=True)
    for best in ran["best"]:
        assert best.keys() == {"number", "values", "params", "attrs"}
        assert best["values"].keys() == {"accuracy", "spikes"} and best["params"].keys() == {"x", "y"}
        assert {"seed", "test_accuracy", "spikes", "synaptic_operations", "weight_writes"} <= best["attrs"].keys()


def test_a_study_without_a_complete_trial_is_told_as_it_is(snnsearch, write):
    write("from search import Study\nfrom tests.support.synthetic import Bowl, network as bowl\nimport optuna\n\n"
          "def network(trial):\n    if trial.number < 2:\n        raise optuna.TrialPruned\n    return bowl(trial)\n\n"
          "study = Study(network, task=Bowl(fail=-1.0))\n")  # fmt: skip
    for trials, words in ((2, "so there is no best"), (4, "so there is no best")):
        ended = snnsearch("run", "bowl.py", "--trials", trials, "--workers", 1)
        assert f"No trial is complete, {words}" in ended.out and "all of them" not in ended.out
    ended = snnsearch("run", write(task="fail=-1.0"), "--name", "other", "--trials", 2, "--workers", 1)
    assert "No trial is complete: all of them failed" in ended.out


def test_show_as_a_table(snnsearch, write):
    script = write(objectives=["loss"])
    snnsearch("run", script, "--trials", 4, "--workers", 1)
    ended = snnsearch("show", script)
    heading, row = ended.out.splitlines()[:2]
    assert heading.split("\t")[:3] == ["trial", "loss", "test_accuracy"] and heading.split("\t")[-2:] == ["x", "y"]
    assert len(row.split("\t")) == len(heading.split("\t"))


def test_replay_gives_the_same_numbers_or_says_what_differs(snnsearch, write):
    script = write(task="sleep=0.001")
    snnsearch("run", script, "--trials", 3, "--workers", 2)
    same = snnsearch("replay", script, 1)
    assert (same.status, same.out) == (0, "trial 1: same\n")
    journal = script.with_suffix(".journal")
    text = journal.read_text()
    start = text.index('"spikes":') + len('"spikes":')  # of the first trial that was told
    number = text[start : text.index(",", start)]
    edited = text.replace(f'"spikes":{number}', '"spikes":1.5').splitlines()
    journal.write_bytes(LineChecker().sealed(map(json.loads, edited)))
    status = [snnsearch("replay", script, n) for n in range(3)]
    different = [ended for ended in status if ended.status == 1]
    assert len(different) == 1 and f"spikes: stored 1.5, now {number}" in different[0].out
    missing = snnsearch("replay", script, 99)
    assert missing.status == 2 and "0 to 2" in missing.err


def test_replay_names_the_version_that_made_other_numbers(snnsearch, write):
    script = write()
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    journal = script.with_suffix(".journal")
    text = re.sub(r'"spikes":[0-9.]+', '"spikes":1.5', journal.read_text().replace('"bowl":"1"', '"bowl":"0.9"'))
    journal.write_bytes(LineChecker().sealed(map(json.loads, text.splitlines())))
    done = snnsearch("replay", script, 0)
    assert done.status == 1 and "made with bowl 0.9. This is bowl 1." in done.out


def test_replay_needs_no_network_function_and_follows_the_stored_task(snnsearch, write):
    script = write()
    snnsearch("run", script, "--trials", 2, "--workers", 1)
    write(
        "from search import Study\nfrom tests.support.synthetic import Bowl\n"
        "study = Study(lambda trial: None, Bowl(fail=0.0), ['accuracy', 'spikes'])"
    )
    assert snnsearch("replay", script, 0).out == "trial 0: same\n"


def test_a_changed_script_is_shown(snnsearch, write):
    script = write()
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    text = script.read_text().replace("sampler=RandomSampler", "sampler=None")
    script.write_text(text + "# postgresql://a:secret@b\n")
    ended = snnsearch("run", script, "--trials", 2, "--workers", 1)
    assert ended.status == 0 and "The script is not what it was" in ended.err
    changed = [text for text in ended.err.splitlines() if text.startswith(("+", "-"))]
    assert any("sampler=None" in text for text in changed) and "secret" not in ended.err


def test_a_changed_task_is_said(snnsearch, write):
    script = write()
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    ended = snnsearch("run", write(task="sleep=0.001"), "--trials", 2, "--workers", 1)
    assert ended.status == 0 and "scores of old and new trials" in ended.err and script.exists()


def test_objectives_and_seed_must_stay(snnsearch, write):
    script = write()
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    seed = snnsearch("run", script, "--trials", 2, "--seed", 3)
    assert seed.status == 2 and "begun with 0 and is now asked for 3" in seed.err
    other = snnsearch("run", write(objectives=["accuracy"]), "--trials", 2)
    assert other.status == 2 and "A study keeps its objectives" in other.err and "--name" in other.err
    assert other.out == seed.out == ""
    beside = snnsearch("run", script, "--trials", 1, "--workers", 1, "--name", "second", "--json")
    assert line(beside.out)["study"] == "second"


IMPORTS = "from search import Study\nfrom tests.support.synthetic import *\n"
MISTAKES = {
    "syntax": ("study = (\n", "bowl.py, line 1: '(' was never closed"),
    "no study": ("x = 1\n", "must define `study`, but does not: add"),
    "other name": (IMPORTS + "s = Study(network, Bowl())", "rename `s`"),
    "wrong type": ("study = 3\n", "must be a search.Study, but is a int"),
    "import": ("import nosuchmodule\n", "line 1: ModuleNotFoundError: No module named 'nosuchmodule'"),
    "exception": ("x = 1\ny = x / 0\n", "line 2: ZeroDivisionError"),
    "exit": ("raise SystemExit(3)\n", "must define a study, but ended with SystemExit(3)"),
    "objective": (IMPORTS + "study = Study(network, Bowl(), ['acuracy'])", "nearest: 'accuracy'"),
    "runs itself": (IMPORTS + "study = Study(network, Bowl())\nstudy.run(trials=1)", "if __name__ == '__main__'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_script_is_one_sentence(snnsearch, write, mistake):
    text, part = MISTAKES[mistake]
    ended = snnsearch("run", write(text), "--trials", 1)
    assert ended.status == 2 and ended.out == ""
    assert part in ended.err and "Traceback" not in ended.err and len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["run", "nosuch.py"], "there is no such file"),
        (["run", "."], "is a folder"),
        (["run", "notes.txt"], "must be a Python file"),
        (["run", "bowl.py", "--trial", "3"], "nearest: --trials"),
        (["run", "bowl.py", "--trials", "many"], "--trials: must be a whole number of at least 0, but is 'many'"),
        (["run", "bowl.py", "--profil"], "nearest: --profile"),
        (["run", "bowl.py", "--workers", "0"], "at least 1, but is '0'"),
        (["run", "bowl.py", "--timeout", "-1"], "seconds above 0, but is '-1'"),
        (["run", "bowl.py", "--memory-limit", "2"], "--memory-limit: must be a number and a unit (B, kB, MB,"),
        (["run", "bowl.py", "--memory-limit", "0GiB"], "--memory-limit: must be at least one byte, but is '0GiB'"),
        (["run", "bowl.py", "--memory-limit", "-1GiB"], "--memory-limit: must be at least one byte, but is '-1GiB'"),
        (["run", "bowl.py", "--memory-limit", "-.5 GiB"], "at least one byte, but is '-.5 GiB'"),
        (["run", "bowl.py", "--memory-limit", "-1x"], "at least one byte, but is '-1x'"),
        (["run", "bowl.py", "--memory-limit", "--json"], "--memory-limit: expected one argument"),
        (["run", "bowl.py", "--timeout", "-5s"], "seconds above 0, but is '-5s'"),
        (["run", "bowl.py", "--timeout", "-inf"], "seconds above 0, but is '-inf'"),
        (["run", "bowl.py", "--seed", "-1"], "at least 0, but is '-1'"),
        (["run", "bowl.py", "--json", "-1GiB"], "--json: ignored explicit argument '-1GiB'"),
        (["run", "bowl.py", "--backend", "standalon"], "nearest: 'standalone'"),
        (["run", "bowl.py", "--dtype", "float16"], "`dtype` must be known"),
        (["run", "bowl.py", "--storage", "nonsense://ann:secret@host/db"], "nonsense://ann:***@host/db"),
        (["rum", "bowl.py"], "nearest: run"),
        (["show", "bowl.py"], "must have been run"),
        (["replay", "bowl.py", "x"], "whole number"),
        ([], "required"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_sentence(snnsearch, write, arguments, part):
    script = write()
    script.with_name("notes.txt").touch()
    ended = snnsearch(*arguments)
    assert ended.status == 2 and ended.out == ""
    assert part in ended.err and len(ended.err.splitlines()) == 1 and "secret" not in ended.err


@pytest.mark.parametrize("name", ["tasks.py", "search/__init__.py"])
def test_a_users_own_module_that_hides_ours_is_explained(snnsearch, write, folder, name):
    script = write()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    ended = snnsearch("run", script, "--trials", 1)
    package = name.split("/")[0].removesuffix(".py")
    assert ended.status == 2 and f"has the name of snnsearch's package `{package}`" in ended.err
    assert "rename it, for example to my_" in ended.err


def test_a_users_own_tasks_is_explained_to_python_too(folder):
    (folder / "tasks.py").touch()
    (folder / "mine.py").write_text(f"import sys\nsys.path.append({str(ROOT)!r})\nfrom search import Study\n")
    ended = subprocess.run([sys.executable, "mine.py"], cwd=folder, capture_output=True, text=True)
    assert "has the name of snnsearch's package `tasks`" in ended.stderr
