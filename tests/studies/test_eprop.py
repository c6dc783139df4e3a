"""The published runs of e-prop, and the trainings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from studies.eprop import evidence_network, oracle, train_evidence
from tasks import EvidenceAccumulation
from tests.oracles.eprop import (
    CLASSIFICATION_BATCH_2,
    CLASSIFICATION_NEST,
    CLASSIFICATION_TF,
    REGRESSION_NEST,
    REGRESSION_TF,
)
from tests.support.choices import COMPILED, LONG

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("backend", COMPILED)
def test_the_published_regression(backend):
    losses = oracle("regression", 5, 1, backend, "float64")
    np.testing.assert_allclose(losses, REGRESSION_NEST, rtol=1e-10)
    np.testing.assert_allclose(losses, REGRESSION_TF, rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("backend", LONG)
def test_the_published_classification(backend):
    losses = oracle("classification", 5, 1, backend, "float64")
    np.testing.assert_allclose(losses, CLASSIFICATION_NEST, rtol=1e-10)
    np.testing.assert_allclose(losses, CLASSIFICATION_TF, rtol=1e-6)


@pytest.mark.genn
@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-6)])
@pytest.mark.parametrize(
    ("kind", "published"), [("regression", REGRESSION_NEST), ("classification", CLASSIFICATION_NEST)]
)
def test_the_published_losses_on_genn(on_genn, kind, published, dtype, tolerance):
    np.testing.assert_allclose(oracle(kind, 5, 1, on_genn, dtype), published, rtol=tolerance)


@pytest.mark.slow
def test_the_classification_in_batches():
    losses = oracle("classification", 3, 2, "standalone", "float64")
    np.testing.assert_allclose(losses, CLASSIFICATION_BATCH_2, rtol=1e-12)


@pytest.mark.slow
def test_single_precision_is_close_for_the_first_iterations():
    np.testing.assert_allclose(oracle("regression", 5, 1, "standalone", "float32"), REGRESSION_NEST, rtol=1e-5)


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "studies.eprop", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_command_prints_one_line_of_json():
    done = command("--oracle", "regression", "--iterations", "3", "--backend", "standalone", "--json")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    np.testing.assert_allclose(json.loads(done.stdout)["losses"], REGRESSION_NEST[:3], rtol=1e-10)


WRONG = [
    (("--oracle", "regression", "--backend", "standalon"), "nearest: 'standalone'"),
    (("--oracle", "regresion"), "choose from"),
    (("--oracle", "regression", "--dtype", "float16"), "nearest: 'float"),
    (("--oracle", "regression", "--iterations", "0"), "a whole number of at least 1"),
    (("--oracle", "regression", "--batch", "2"), "--batch is for the classification"),
    (("--json",), "--json needs --oracle"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"), [WRONG[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in WRONG[1:])]
)
def test_a_wrong_argument_is_told(arguments, text):
    done = command(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.nightly
def test_the_pattern_is_learned():
    losses = oracle("regression", 1000, 1, "standalone", "float32")
    assert losses[-1] < 8


@pytest.mark.slow
def test_the_pattern_is_being_learned():
    """The first 200 of the 1,000 iterations."""
    losses = oracle("regression", 200, 1, "standalone", "float32")
    assert losses[-1] < 75


@pytest.mark.nightly
def test_evidence_is_accumulated():
    """Ten minutes a seed: random feedback, 100 fresh sequences."""
    results = train_evidence(750, 32, 3, "standalone", "float32")
    assert all(1 - result.test_accuracy < 0.10 for result in results)


@pytest.mark.slow
def test_evidence_is_being_accumulated():
    """Short sequences of three cues: from guessing to an error that 200 guesses have once in a million times."""
    task = EvidenceAccumulation(sequences=2400, cues=3, delay=100 * ms, validation=200, test=1)
    result = task.run(evidence_network(batch=16))
    assert result.accuracy > 0.67
