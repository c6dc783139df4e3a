from pathlib import Path

import pytest

from search import Study
from search.errors import StudyError
from search.searching import check
from tests.search.synthetic import Bowl, network


def test_all_problems_are_reported_at_once():
    with pytest.raises(StudyError) as error:
        Study(None, "digits", ["accurcy"], seed=-1, backend="standalon", dtype="float16", name="")
    problems = error.value.problems
    assert len(problems) == 7
    text = str(error.value)
    for part in ("`network`", "`task`", "'accuracy'", "`seed`", "nearest: 'standalone'", "'float32'", "`name`"):
        assert part in text


@pytest.mark.parametrize(
    "changes", [{"trials": -1}, {"trials": 1.5}, {"workers": 0}, {"workers": True}, {"timeout": 0}, {"dtyp": "float32"}]
)
def test_settings_of_a_run(changes):
    with pytest.raises(StudyError, match=next(iter(changes))):
        Study(network, Bowl()).run(**changes)


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
    file = Path(__file__).with_name("synthetic.py")
    assert plan.name == "synthetic" and plan.location.text == str(file.with_suffix(".journal"))
    assert plan.script.source == file.read_text()


def test_changes_replace_what_the_study_says():
    study = Study(network, Bowl(), name="a", seed=1)
    plan = study.plan(name="b", seed=2, dtype="float64", timeout=3)
    assert (plan.name, plan.seed, plan.dtype, plan.backend, plan.timeout) == ("b", 2, "float64", "standalone", 3)


def test_run_in_a_notebook(folder, capsys):
    """What a notebook does: names of __main__ without a file, and the summary as the value of the cell."""
    namespace = {"__name__": "__main__"}
    exec("def network(trial):\n    from tests.search.synthetic import network\n    return network(trial)", namespace)
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
