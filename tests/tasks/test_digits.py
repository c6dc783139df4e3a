"""Scikit-learn's digits as a task."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms
from sklearn.datasets import load_digits

from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson
from tasks import Digits
from tests.support.task_contract import TaskContract


class TestDigits(TaskContract):
    @pytest.fixture(params=[{}, {"sample": 12.5 * ms, "gap": 3 * ms, "reset": False}], ids=["default", "options"])
    def task(self, request):
        return Digits(**request.param)


def test_values_are_the_pixels_over_16():
    data = Digits().data
    assert data.values.shape == (1797, 64) and data.classes == 10
    np.testing.assert_array_equal(data.values * 16, load_digits().data)
    np.testing.assert_array_equal(data.labels, load_digits().target)


def test_the_split_is_that_of_the_published_numbers():
    split = Digits().split(1797)
    order = np.random.default_rng(0).permutation(1797)
    np.testing.assert_array_equal(split.stream, order[:1120])
    np.testing.assert_array_equal(split.validation, order[1120:1400])
    np.testing.assert_array_equal(split.test, order[1400:])


@pytest.mark.slow
def test_what_is_not_held_out_is_streamed():
    whole = Digits(sample=5 * ms, hold_out=False, split_seed=3)
    assert [len(part) for part in (whole.parts.stream, whole.parts.validation, whole.parts.test)] == [1400, 0, 397]
    split = whole.split(1797)
    np.testing.assert_array_equal(whole.parts.stream, np.r_[split.stream, split.validation])
    np.testing.assert_array_equal(whole.parts.test, np.random.default_rng(3).permutation(1797)[1400:])
    net = Network(inputs=Poisson(64, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.5), n=10)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense(), EProp(lr=0.01))
    result = whole.run(net, seed=1, test=True)
    assert len(result.stream) == 1400 and len(result.test) == 397 and result.validation is None
    assert np.isnan(result.accuracy) and "not scored" in str(result.summary())
    assert Digits.from_json(whole.to_json()) == whole
