"""`snnsearch best`: the best network as data that can be read and run."""

from __future__ import annotations

import json

import pytest

from snn.network.spec import NetworkSpec
from tests.support.synthetic import add_foreign_trial, coordinates


def test_best_writes_a_network_that_can_be_read_and_run(snnsearch, write, folder):
    script = write()
    state = json.loads(snnsearch("run", script, "--trials", 5, "--workers", 1, "--json").out)
    best = state["best"][0]
    ended = snnsearch("best", script, "-o", folder / "net.json")
    assert ended.status == 0 and ended.out == ""
    assert ended.err.startswith(f"trial {best['number']}: accuracy = ") and "spikes = " in ended.err
    spec = NetworkSpec.from_json((folder / "net.json").read_text())
    assert coordinates(spec) == pytest.approx((best["params"]["x"], best["params"]["y"]))
    printed = snnsearch("best", script)
    assert printed.out == (folder / "net.json").read_text()
    other = next(n for n in range(5) if n != best["number"])
    chosen = snnsearch("best", script, "--trial", other)
    assert chosen.err.startswith(f"trial {other}: ") and NetworkSpec.from_json(chosen.out) != spec


def test_best_of_a_failed_trial_says_that_it_failed(snnsearch, write):
    script = write(task="fail=-1.0")
    snnsearch("run", script, "--trials", 1)
    assert snnsearch("best", script, "--trial", 0).err == "trial 0: fail\n"
    none = snnsearch("best", script)
    assert none.status == 2 and "complete trial" in none.err and len(none.err.splitlines()) == 1


def test_best_without_a_network_says_why(snnsearch, write):
    script = write(
        "from search import Study\nfrom tests.support.synthetic import Bowl\n"
        "study = Study(lambda trial: 1 / 0, Bowl(), ['accuracy', 'spikes'])"
    )
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    ended = snnsearch("best", script, "--trial", 0)
    assert ended.status == 2 and "network(trial) failed: ZeroDivisionError" in ended.err
    assert "choose another with --trial" in ended.err and len(ended.err.splitlines()) == 1


def test_best_that_was_taken_over_says_from_where(snnsearch, write):
    """A trial of another study comes with values and parameters only."""
    script = write()
    snnsearch("run", script, "--trials", 1, "--workers", 1)
    add_foreign_trial(script)
    assert snnsearch("best", script).err.startswith("trial 0: ")  # the best that ran here
    ended = snnsearch("best", script, "--trial", 1)
    assert ended.status == 2 and "trial 1 has none (it was taken over from older#7)" in ended.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["best", "other.py"], "must have been run"),
        (["best", "bowl.py", "-o", "nowhere/net.json"], "there is no 'nowhere'"),
        (["best", "bowl.py", "--trial", "99"], "(0 to 0), but is 99"),
        (["best", "bowl.py", "--trial", "-1"], "at least 0"),
    ],
)
def test_a_mistake_is_one_sentence(one_sentence, arguments, part):
    one_sentence(arguments, part)


def test_help_has_examples(snnsearch):
    ended = snnsearch("best", "--help")
    assert ended.status == 0 and "snnsearch best my_study.py" in ended.out
