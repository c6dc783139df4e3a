"""Scikit-learn's digits as a task."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms
from sklearn.datasets import load_digits

from tasks import Digits
from tests.tasks.contract import TaskContract


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
