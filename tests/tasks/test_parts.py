"""Parts without samples have no scores, and targets are compared in every step."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from brian2 import ms

from search import Study
from snn import LIF, Dense, LeakyReadout, Network, Regular, SNNError
from snn.errors import NetworkError
from tasks import Split
from tests.support.given import VALUES, WIDTH, N, given, learner


@pytest.mark.parametrize(("backend", "sizes"), [
    ("standalone", (16, 0, 4)), ("standalone", (16, 4, 0)), ("standalone", (0, 16, 4)),
    ("runtime", (4, 0, 2)), ("runtime", (0, 4, 2)),
])  # fmt: skip
def test_an_empty_part_has_no_score_and_warns_of_nothing(backend, sizes):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="numpy")
        warnings.filterwarnings("error", message="Mean of empty slice|invalid value encountered in .*divide")
        result = given(cut=lambda n: Split.cut(np.arange(sum(sizes)), sizes), sample=3 * ms).run(
            learner(), backend=backend, dtype="float64", test=True
        )
        scores = [(result.prequential_accuracy, result.prequential_loss), (result.accuracy, result.loss)]
        scores.append((result.test_accuracy, result.test_loss))
        assert result.summary() and len(result.prequential_curve()) == sizes[0]
    for size, pair in zip(sizes, scores, strict=True):
        assert np.isnan(pair).all() if size == 0 else np.isfinite(pair).all()


@pytest.mark.parametrize(("sizes", "objective", "words"), [
    ((16, 0, 4), "accuracy", "an empty validation part, but the study has 'accuracy': let `split`"),
    ((0, 16, 4), "prequential_accuracy", "The stream must hold a sample"),
])  # fmt: skip
def test_a_search_refuses_objectives_of_an_empty_part(tmp_path, sizes, objective, words):
    study = Study(lambda trial: learner(), given(cut=lambda n: Split.of(sizes)), [objective], name="s",
                  storage=tmp_path / "s.journal")  # fmt: skip
    with pytest.raises(SNNError, match=re.escape(words)):
        study.run(trials=1, workers=1)


@pytest.mark.slow
def test_a_target_needs_a_number_for_every_step():
    net = Network(inputs=Regular(WIDTH), dt=1 * ms)
    net.population("hidden", LIF(), n=3)
    net.readout(LeakyReadout(1, target="target", loss="squared_error"))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    with pytest.raises(NetworkError, match=r"shape \(n, steps\) or \(n, steps, width\).*but it has one a sample"):
        given(VALUES, None, None, signals={"target": np.ones(N)}).run(net)
    result = given(VALUES, None, None, signals={"target": np.ones((N, 2))}, sample=2 * ms).run(net, backend="runtime")
    np.testing.assert_allclose(result.stream.losses, 1)  # half the squared error, 1, in each of 2 steps
