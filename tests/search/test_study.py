import json
from dataclasses import dataclass

import numpy as np
import pytest

from search import Study
from search.errors import StudyError
from search.start.resources import check
from snn.errors import SNNError
from tests.support.command_line import ROOT
from tests.support.synthetic import Bowl, network


def test_all_problems_are_reported_at_once():
    with pytest.raises(StudyError) as error:
        Study(None, "digits", ["accurcy"], seed=-1, backend="standalon", dtype="float16", name="")
    problems = error.value.problems
    assert len(problems) == 7
    text = str(error.value)
    for part in ("`network`", "`task`", "'accuracy'", "`seed`", "nearest: 'standalone'", "'float32'", "`name`"):
        assert part in text


WRONG = [
    *({"trials": -1}, {"trials": 1.5}, {"trials": None}, {"workers": 0}, {"workers": True}, {"batch": None}),
    *({"timeout": 0}, {"timeout": float("nan")}, {"memory": "2GiB"}, {"memory": 1e9}, {"profile": 1}),
    *({"seed": 1.5}, {"seed": True}, {"sampler": 5}, {"dtyp": "float32"}, {"seeds": 3}, {"top": 3}),
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_settings_of_a_run(changes):
    with pytest.raises(StudyError, match=next(iter(changes))):
        Study(network, Bowl()).run(**changes)


def test_everything_wrong_with_a_run_is_said_at_once():
    wrong = {"trials": None, "batch": 0, "workers": "3", "memory": "2GiB", "timeout": -1, "seed": 1.5, "backend": "gen"}
    with pytest.raises(StudyError) as caught:
        Study(network, Bowl()).run(**wrong)
    assert len(caught.value.problems) == 7
    assert "write memory=2 * 2**30" in str(caught.value) and "nearest: 'genn'" in str(caught.value)


def test_none_is_refused_where_a_study_needs_a_value():
    names = ("seed", "backend", "dtype", "rungs", "replicates", "enqueue", "constraints")
    with pytest.raises(StudyError) as caught:
        Study(network, Bowl(), **dict.fromkeys(names))
    assert len(caught.value.problems) == len(names)
    assert all(f"`{name}`" in str(caught.value) for name in names)
    with pytest.raises(StudyError) as caught:
        Study(network, Bowl()).confirm(top=None, seeds=None)
    assert len(caught.value.problems) == 2


def test_none_stands_for_the_study_s_own_setting_in_a_run():
    plan = Study(network, Bowl(), seed=3, rungs=2).plan(seed=None, rungs=None, timeout=None, memory=None)
    assert (plan.seed, plan.rungs, plan.timeout, plan.memory) == (3, 2, None, None)


def test_numbers_of_numpy_are_taken_and_travel_as_json():
    numbers = {"memory": np.int64(2**30), "timeout": np.float32(2), "rungs": np.int8(2)}
    plan = Study(network, Bowl(), seed=np.int64(3)).plan(**numbers)
    assert json.loads(plan.job("{}", 3).to_json())["memory"] == 2**30
    assert json.loads(json.dumps(dict(plan.given))) == {"memory": 2**30, "timeout": 2.0, "rungs": 2}


@dataclass(frozen=True)
class Undecorated(Bowl):
    """Derived from a task that JSON knows; it knows not this one."""


def test_a_task_that_json_does_not_know_is_told_of_its_decorator():
    with pytest.raises(StudyError, match=r"Undecorated is not: decorate it with @serialisable \(from snn.serial"):
        Study(network, Undecorated())
    with pytest.raises(SNNError, match="decorate it with @serialisable"):
        Undecorated().to_json()


def test_a_class_with_the_name_of_one_of_ours_is_not_taken_for_it():
    other = dataclass(frozen=True)(type("Digits", (Bowl,), {"__module__": __name__}))
    with pytest.raises(SNNError, match=r"but Digits is not, and Digits in tasks.digits is another one: decorate it"):
        other().to_json()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "has 'accuracy':"),
        ({"objectives": ["loss", "spikes"], "constraints": ["accuracy >= 0.5"]}, "has 'loss' and 'accuracy':"),
        ({"objectives": ["spikes"], "constraints": ["settling_time_ms <= 9"]}, "has 'settling_time_ms':"),
    ],
)
def test_scores_of_a_part_that_is_not_held_out_are_refused_before_the_first_trial(folder, asked, named):
    study = Study(network, Bowl(hold_out=False), storage=folder / "a.journal", **asked)
    with pytest.raises(StudyError, match="a task without a validation part") as caught:
        study.run(trials=2)
    assert named in str(caught.value) and "hold_out=True" in str(caught.value)
    assert not (folder / "a.journal").exists()


def test_a_task_that_holds_nothing_out_is_searched_by_its_stream():
    task = Bowl(hold_out=False)
    plan = Study(network, task, objectives=["prequential_accuracy"]).plan()
    check(plan)
    assert plan.streamed == len(task.parts.stream)


def test_defaults_come_from_the_file_that_defines_network():
    plan = Study(network, Bowl()).plan()
    file = ROOT / "tests/support/synthetic.py"
    assert plan.name == "synthetic" and plan.location.text == str(file.with_suffix(".journal"))
    assert plan.script.source == file.read_text()


def test_changes_replace_what_the_study_says():
    study = Study(network, Bowl(), name="a", seed=1)
    plan = study.plan(name="b", seed=2, dtype="float64", timeout=3)
    assert (plan.name, plan.seed, plan.dtype, plan.backend, plan.timeout) == ("b", 2, "float64", "standalone", 3)


def test_run_in_a_notebook(folder, capsys):
    """What a notebook does: names of __main__ without a file, and the summary as the value of the cell."""
    namespace = {"__name__": "__main__"}
    exec("def network(trial):\n    from tests.support.synthetic import network\n    return network(trial)", namespace)
    import sys

    main = sys.modules["__main__"]
    file = main.__dict__.pop("__file__", None)
    try:
        summary = Study(namespace["network"], Bowl(), pruner=None).run(trials=3, workers=1)
    finally:
        if file is not None:
            main.__file__ = file
    assert summary.trials["complete"] == 3 and (folder / "notebook.journal").is_file()
    assert "Best network: trial" in repr(summary) and "x = " in repr(summary)


HIGH = """\
from brian2 import mV, ms
from snn import Neuron
from search import Study
from tests.support import synthetic


def network(trial):
    net = synthetic.network(trial)
    v = -trial.suggest_float("v", 1, 20) * mV
    equations = "dv/dt = -v/(20*ms) : volt\\nI : volt"
    net.population("high", Neuron(equations, "v > -50*mV", "v = -70*mV", initial={"v": v}), n=2)
    return net


study = Study(network, task=synthetic.Bowl(), objectives=["accuracy"], pruner=None, enqueue=[{"x": 0.5}])
"""


def test_a_search_says_once_that_neurons_start_above_their_threshold(write, snnsearch):
    ended = snnsearch("run", write(HIGH, name="high.py"), "--trials", 4)
    assert ended.status == 0 and ended.err.count("The population 'high' starts above its threshold") == 1, ended.err
