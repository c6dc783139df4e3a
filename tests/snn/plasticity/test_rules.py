"""Plasticity rules against independent NumPy steppers, on both backends."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.choices import BACKENDS
from tests.support.rule_cases import (
    CASES,
    OPTIONS,
    POST,
    PRE,
    TEACHER,
    W,
)
from tests.support.rules import learned


@pytest.fixture(scope="module", params=BACKENDS)
def weights(request):
    """What all of them learn, side by side from the same spikes."""
    rules = {name: rule for name, (rule, _) in CASES.items()}
    return learned(rules, PRE, POST, W, request.param, {"teacher": TEACHER}, **OPTIONS)


@pytest.mark.parametrize("name", CASES)
def test_rules(name, weights):
    assert np.abs(weights[name] - W).max() > 0.01
    np.testing.assert_allclose(weights[name], CASES[name][1](), rtol=0, atol=1e-12)
