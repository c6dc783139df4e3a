"""Learning signals of one's own: they hold what they are to hold."""

from __future__ import annotations

import numpy as np
import pytest

from snn.backends.program import Samples
from studies.rate_distortion import N, rate_network, train, variance_network
from tests.support.runs import run


@pytest.mark.slow
def test_rates_come_closer_to_their_target():
    loss, _ = train("rate", rate_network(), 20, "standalone")
    assert (np.diff(loss[:10]) < 0).all()
    assert loss[-1] < 0.3 * loss[0]


@pytest.mark.slow
def test_the_variance_reaches_its_target():
    _, variance = train("variance", variance_network(), 60, "standalone")
    assert variance[0] > 2.5e-4
    assert np.mean(variance[-20:]) == pytest.approx(2e-4, rel=0.1)


def test_the_environment_reads_the_share_of_neurons_that_spiked():
    steps, on, off = 40, np.ones(1, bool), np.zeros(1, bool)
    values = (np.random.default_rng(3).random((1, steps, N)) < 0.05).astype(float)
    samples = Samples(
        steps=steps,
        signals={"values": values, "target": np.zeros((1, steps, 1))},
        learn=on,
        teach=on,
        reset=on,
        preview=off,
        record=on,
    )
    names = ("hidden.spikes", "environment.hidden_activity")
    outcome = run(variance_network().freeze(), samples, record=names)
    spikes = outcome.recordings["hidden.spikes"]
    assert len(spikes) > 20
    share = np.bincount(spikes[:, 0], minlength=steps) / N
    np.testing.assert_allclose(outcome.recordings["environment.hidden_activity"][:, 0], share, rtol=1e-12)
