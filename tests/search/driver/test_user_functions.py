"""Functions of a user's get results that they cannot change; whatever they do, the numbers kept are ours."""

from __future__ import annotations

import numpy as np
import pytest
from optuna import load_study
from optuna.samplers import RandomSampler

from search import Objective, Study
from search.storage.opening import open_storage
from search.storage.record import Record
from tests.support.synthetic import Bowl, network

TRIALS = 2


@pytest.fixture
def kept(tmp_path):
    """Run a study with these objectives; its trials as they are kept."""

    def run(*objectives, **settings) -> list[Record]:
        own = {"sampler": RandomSampler, "pruner": None, "seed": 3, **settings}
        study = Study(network, Bowl(), list(objectives), name="s", storage=tmp_path / f"{len(runs)}.journal", **own)
        runs.append(study)
        study.run(trials=TRIALS, workers=1)
        trials = load_study(study_name="s", storage=open_storage(study.plan().location, create=False)).trials
        return [Record(trial) for trial in trials]

    runs: list[Study] = []
    return run


def predictions(result):
    result.stream.predictions[:] = result.stream.labels
    return 1.0


def losses(result):
    result.validation.losses.sort()
    return 1.0


def counts(result):
    result.counts["spikes"] = 0
    return 1.0


def weights(result):
    result.weights["inputs->hidden"] *= 0
    return 1.0


def nested(result):
    result.hashes.update(network="other")
    return 1.0


@pytest.mark.parametrize("function", [predictions, losses, counts, weights, nested])
def test_a_function_that_writes_fails_its_trial_and_says_so(kept, function):
    for record in kept(function, "accuracy"):
        assert record.trial.state.name == "FAIL"
        assert "read-only" in record.reason


def test_a_function_may_change_a_copy(kept):
    def halved(result):
        weights = {name: array.copy() for name, array in result.weights.items()}
        weights["inputs->hidden"] /= 2
        counts = dict(result.counts)
        counts["spikes"] = 0
        return float(weights["inputs->hidden"].std()) + counts["spikes"]

    assert all(record.trial.values[0] > 0 for record in kept(halved, "accuracy"))


def forced(result):
    """Writes by force: not by accident, and yet in vain."""
    for part in (result.stream, result.validation):
        predictions = part.predictions.base if part.predictions.base is not None else part.predictions
        predictions.setflags(write=True)
        predictions[:] = -1
    object.__setattr__(result, "counts", {name: 0.0 for name in result.counts})
    object.__setattr__(result, "versions", {"bowl": "other"})
    return 1.0


@pytest.mark.parametrize("settings", [{}, {"replicates": 2}, {"rungs": 3}], ids=["plain", "replicates", "rungs"])
def test_our_own_numbers_are_taken_before_a_users_function_is_called(kept, settings):
    def harmless(result):
        return 1.0

    bounds = {"constraints": ["spikes >= 0"], **settings}
    honest = kept(Objective.of(harmless, name="forced"), "accuracy", "spikes", **bounds)
    cheated = kept(forced, "accuracy", "spikes", **bounds)
    moving = {"seconds", "runs"}
    for a, b in zip(honest, cheated, strict=True):
        assert a.trial.state.name == b.trial.state.name == "COMPLETE"
        assert a.trial.params == b.trial.params and a.trial.values == b.trial.values
        assert {name: value for name, value in a.result.items() if name not in moving} == {
            name: value for name, value in b.result.items() if name not in moving
        }
        assert b.result["accuracy"] > 0.1 and b.trial.values[2] > 0


def test_what_a_network_function_does_to_its_trial_changes_nothing(tmp_path):
    def meddling(trial):
        made = network(trial)
        trial.params.clear()
        trial.distributions.clear()
        return made

    study = Study(meddling, Bowl(), ["accuracy"], sampler=RandomSampler, pruner=None, name="s",
                  storage=tmp_path / "s.journal")  # fmt: skip
    study.run(trials=1, workers=1)
    (trial,) = load_study(study_name="s", storage=open_storage(study.plan().location, create=False)).trials
    assert set(trial.params) == set(trial.distributions) == {"x", "y"} and np.isfinite(trial.value)
