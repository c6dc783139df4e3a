from pathlib import Path

import pytest

from search import Study
from search.errors import StudyError
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
