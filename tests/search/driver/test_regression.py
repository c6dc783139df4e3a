"""A search on a task without labels: losses stand where accuracies would, and what does not exist is left out."""

from __future__ import annotations

import json

import optuna
import pytest
from brian2 import ms
from optuna.samplers import RandomSampler

from search import Study
from search.analysis.listing import columns
from search.dashboard.note import markdown
from search.errors import StudyError
from search.storage.attributes import RESULT
from search.storage.opening import open_storage
from snn import LIF, Dense, EProp, LeakyReadout, Network, SpikeTrains
from tasks import PatternGeneration

TASK = PatternGeneration(iterations=8, inputs=20, sample=50 * ms, periods=(50 * ms, 25 * ms))


def network(trial) -> Network:
    net = Network(inputs=SpikeTrains(20), dt=1 * ms)
    net.population("hidden", LIF(tau_m=20 * ms, v_th=0.3), n=10)
    net.readout(LeakyReadout(1, tau=20 * ms, target="target", loss="squared_error"))
    net.connect("inputs", "hidden", Dense(), EProp(lr=trial.suggest_float("lr", 1e-4, 1e-2, log=True)))
    net.connect("hidden", "readout", Dense(), EProp(lr=1e-3))
    return net


def study(folder, objectives, **changes) -> Study:
    given = {"name": "sines", "sampler": RandomSampler, "pruner": None, "storage": folder / "sines.journal"}
    return Study(network, TASK, objectives, **given | changes)


@pytest.mark.parametrize(
    ("objectives", "named"),
    [
        (["accuracy"], "has 'accuracy'"),
        (["loss", "prequential_accuracy"], "has 'prequential_accuracy'"),
        (["accuracy", "prequential_accuracy", "spikes"], "has 'accuracy' and 'prequential_accuracy'"),
    ],
)
def test_accuracies_are_refused_before_the_first_trial(tmp_path, objectives, named):
    with pytest.raises(StudyError) as caught:
        study(tmp_path, objectives).run(trials=3)
    text = str(caught.value)
    assert named in text and "PatternGeneration" in text and "write objectives=['loss']" in text
    assert not (tmp_path / "sines.journal").exists()


def test_numbers_of_the_task_are_checked_before_the_first_trial(tmp_path):
    wrong = Study(network, PatternGeneration(periods=(3000 * ms,)), ["loss"], storage=tmp_path / "a.journal")
    with pytest.raises(StudyError, match="`periods` of PatternGeneration"):
        wrong.run(trials=3)


@pytest.mark.slow
def test_losses_stand_where_accuracies_would(tmp_path):
    summary = study(tmp_path, ["loss", "prequential_loss"]).run(trials=3, workers=1)
    assert summary.trials["complete"] == 3
    best = summary.best[0]
    attrs = best.attrs
    assert best.values["loss"] == attrs["loss"] > 0 and best.values["prequential_loss"] == attrs["prequential_loss"] > 0
    assert attrs["test_loss"] == attrs["loss"], "the parts are one pattern"
    assert attrs["accuracy"] is attrs["prequential_accuracy"] is attrs["test_accuracy"] is None

    read = json.loads(summary.to_json())  # which allows no NaN
    assert read["best"][0]["attrs"]["accuracy"] is None and read["best"][0]["attrs"]["test_loss"] == attrs["test_loss"]

    text = str(summary)
    assert f"test_loss = {attrs['test_loss']:.4g}" in text and "accuracy" not in text
    headings, rows = columns(summary)
    assert headings == [
        "trial", "loss", "prequential_loss", "test_loss", "spikes", "synaptic_operations", "weight_writes", "lr",
    ]  # fmt: skip
    assert all(len(row) == len(headings) and "-" not in row for row in rows)

    trials = optuna.load_study(
        study_name="sines", storage=open_storage(study(tmp_path, ["loss"]).plan().location, create=False)
    ).trials
    for trial in trials:
        curve = trial.user_attrs[RESULT]["curve"]
        assert len(curve) == 8 and all(value > 0 for value in curve)
        assert curve[-1] == pytest.approx(trial.user_attrs[RESULT]["prequential_loss"], rel=1e-4)
    note = markdown(trials[best.number], ["loss", "prequential_loss"], attrs)
    assert "| test_loss |" in note and "accuracy" not in note


def test_an_interrupted_search_shows_no_test_score_yet(tmp_path):
    """Until it is over nothing has been scored on the test part, and the table says so under the loss."""
    from search.analysis.summary import Best, Summary

    attrs = {"accuracy": None, "loss": 0.5, "prequential_accuracy": None, "prequential_loss": 0.7, "spikes": 1.0}
    attrs |= {"synaptic_operations": 2.0, "weight_writes": 3.0, "test_accuracy": None, "test_loss": None}
    counts = {"complete": 1, "fail": 0, "pruned": 0, "running": 1}
    summary = Summary("s", "here", counts, 0, 1.0, (Best(0, {"loss": 0.5}, {"lr": 0.1}, attrs),))
    assert "test_loss = after the last trial" in str(summary) and "accuracy" not in str(summary)
    headings, ((*row,),) = columns(summary)
    assert row[headings.index("test_loss")] == "-"
