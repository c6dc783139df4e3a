"""A script whose search space no longer fits the study's trials: said once, and the study stays as it was."""

import json
import os
from types import SimpleNamespace

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from search.start.space_change import check_space, remove_note
from search.storage.journal.file import open_journal

SCRIPT = """\
from optuna.samplers import RandomSampler
from search import Study
from tests.support.synthetic import Bowl, network as bowl


def network(trial):
    {lines}
    return bowl(trial)


study = Study(network, task=Bowl(), sampler=RandomSampler, pruner=None)
"""


@pytest.fixture
def edited(write, snnsearch, folder):
    """Run 3 trials with one space and go on to 6 with another; how that ended, and the trials after both."""

    def run(before, after, *more):
        script = write(SCRIPT.format(lines=before), name="space.py")
        first = snnsearch("run", script, "--trials", 3, "--workers", 1, "--json", *more)
        assert first.status == 0, first.err
        then = trials(folder)
        write(SCRIPT.format(lines=after), name="space.py")
        return snnsearch("run", script, "--trials", 6, "--workers", 1, "--json", *more), then, trials(folder)

    return run


def trials(folder):
    return optuna.load_study(study_name="space", storage=open_journal(folder / "space.journal")).trials


CHOICES = "trial.suggest_categorical('kind', {})"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            CHOICES.format(["a", "b"]), CHOICES.format(["a", "b", "c"]),
            "`kind` was one of 'a', 'b' and is now one of 'a', 'b', 'c'",
        ),
        (
            "trial.suggest_int('z', 1, 9)", "trial.suggest_float('z', 1, 9)",
            "`z` was a whole number from 1 to 9 and is now a number from 1 to 9",
        ),
        pytest.param(
            "trial.suggest_float('z', 1, 9)", "trial.suggest_categorical('z', [1, 3])",
            "`z` was a number from 1 to 9 and is now one of 1, 3", marks=pytest.mark.slow,
        ),
        pytest.param(
            "trial.suggest_float('z', 1, 9)", "trial.suggest_float('z', 1, 9, log=True)",
            "`z` was a number from 1 to 9 and is now a number from 1 to 9 on a log scale", marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_a_space_that_has_changed_is_said_once(edited, before, after, said):
    done, then, now = edited(before, after, "--enqueue", '{"x": 0.5}')
    assert done.status == 2 and done.out == ""
    assert done.err.count(said) == 1 and "--name" in done.err and "Traceback" not in done.err
    assert [trial.state for trial in now] == [trial.state for trial in then] == 3 * [TrialState.COMPLETE]


def test_all_parameters_that_have_changed_are_named_together(edited):
    both = "trial.suggest_categorical('a', {0}); trial.suggest_categorical('b', {0})"
    done, _, _ = edited(both.format([1, 2]), both.format([1, 2, 3]))
    assert "`a` was one of 1, 2 and is now one of 1, 2, 3; `b` was one of 1, 2 and is now one of 1, 2, 3" in done.err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("trial.suggest_float('z', 1, 9)", "trial.suggest_float('z', 2, 20)"),
        pytest.param("trial.suggest_int('z', 1, 9)", "trial.suggest_int('z', 1, 9, step=2)", marks=pytest.mark.slow),
        pytest.param(CHOICES.format(["a"]), "trial.suggest_float('other', 0, 1)", marks=pytest.mark.slow),
    ],
)
def test_a_study_goes_on_with_what_optuna_takes(edited, before, after):
    done, _, now = edited(before, after)
    assert done.status == 0 and json.loads(done.out)["trials"]["complete"] == len(now) == 6


def test_a_study_at_its_total_does_not_mind(edited, write, snnsearch):
    done, _, _ = edited(CHOICES.format([1, 2]), CHOICES.format([1, 3]))
    assert done.status == 2
    assert snnsearch("run", "space.py", "--trials", 3).status == 0


def test_a_changed_script_that_ends_its_process_for_some_values_fails_those_trials_only(edited):
    ends = "trial.number > 3 or trial.number < 0 or __import__('sys').exit()"
    done, _, now = edited("pass", ends)  # at first it is tried as trial 0, which would be the end of all
    assert done.status == 0 and [trial.state for trial in now].count(TrialState.FAIL) == 1


@pytest.mark.parametrize("script, checked", [("changed", False), ("changed again", True)])
def test_a_check_in_which_the_script_has_ended_the_process_is_left_out(tmp_path, script, checked):
    study = optuna.create_study()
    space = {"kind": CategoricalDistribution(["a", "b"])}
    study.add_trial(create_trial(value=0.0, params={"kind": "a"}, distributions=space))
    study.set_user_attr("script", {"hash": "first"})
    calls = []
    plan = SimpleNamespace(name="s", script=SimpleNamespace(hash="changed"), network=lambda trial: os._exit(5),
                           location=SimpleNamespace(folder=lambda name: tmp_path / "states" / name))  # fmt: skip
    if (pid := os.fork()) == 0:
        check_space(plan, study)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    plan.network, plan.script.hash = calls.append, script
    check_space(plan, study)
    assert bool(calls) is checked
    remove_note(tmp_path / "states" / "s")
    assert not (tmp_path / "states").exists()


def test_a_change_that_a_parameter_hides_gives_its_trial_back(write, snnsearch, folder):
    """The script is the same, so only a trial finds out."""
    rare = f"import pathlib; trial.suggest_categorical('kind', {[1, 2, 3]}[:2 + pathlib.Path('more').exists()])"
    script = write(SCRIPT.format(lines=rare), name="space.py")
    assert snnsearch("run", script, "--trials", 3, "--workers", 1).status == 0
    (folder / "more").touch()
    for _ in range(2):
        done = snnsearch("run", script, "--trials", 5, "--workers", 1)
        assert done.status == 2 and done.err.count("`kind` was one of 1, 2 and is now one of 1, 2, 3") == 1
        assert [trial.state for trial in trials(folder)] == [*3 * [TrialState.COMPLETE], TrialState.WAITING]
    shown = json.loads(snnsearch("show", script, "--json").out)
    assert shown["trials"] == {"complete": 3, "fail": 0, "pruned": 0, "running": 0}
    (folder / "more").unlink()
    assert snnsearch("run", script, "--trials", 5, "--workers", 1).status == 0
    assert [trial.state for trial in trials(folder)] == 5 * [TrialState.COMPLETE]


def test_choices_that_differ_from_trial_to_trial_end_the_search(write, snnsearch):
    script = write(SCRIPT.format(lines="trial.suggest_categorical('kind', [trial.number, 'b'])"), name="space.py")
    done = snnsearch("run", script, "--trials", 6, "--workers", 1)
    assert done.status == 2 and "`kind` was one of 0, 'b' and is now one of 1, 'b'" in done.err
    assert "a name for each set of choices" in done.err


@pytest.mark.slow
def test_a_change_is_found_in_a_database_too(write, snnsearch, folder):
    where = ("--storage", "sqlite:///space.db", "--workers", 1)
    rare = f"import pathlib; trial.suggest_categorical('kind', {[1, 2, 3]}[:2 + pathlib.Path('more').exists()])"
    script = write(SCRIPT.format(lines=rare), name="space.py")
    assert snnsearch("run", script, "--trials", 2, *where).status == 0
    (folder / "more").touch()
    assert snnsearch("run", script, "--trials", 3, *where).status == 2
    (folder / "more").unlink()
    done = snnsearch("run", script, "--trials", 3, *where, "--json")
    assert json.loads(done.out)["trials"] == {"complete": 3, "fail": 0, "pruned": 0, "running": 0}
