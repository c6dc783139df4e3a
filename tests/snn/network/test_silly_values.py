"""Anything in any place of a network: sentences, and never a traceback."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import ms, mV, nA, second
from hypothesis import given, settings
from hypothesis import strategies as st

from snn import (
    LIF,
    Dense,
    NetworkSpec,
    SNNError,
    SpikeTrains,
    Static,
)
from snn.lowering.planner import plan
from snn.network.checks.network import problems
from tests.support.networks import NETWORKS, spec_of

SILLY = [
    None, "nonsense", "", 5, -1, 0, 0.5, float("nan"), float("inf"), True, 3 * ms, -3 * ms, np.nan * ms, 1e9 * second,
    5 * mV, 2 * nA, [1, 2], np.ones(2), np.ones(3) * ms, {}, {"a": 1}, {1: 2}, object(), LIF, LIF(), Dense(), Static(),
    SpikeTrains(3), 1j, 10**400, b"x", np.float32(2), np.array(2.0), "dv/dt = -v/ms : 1\nI : 1", "v > 1", "v = 0",
]  # fmt: skip


def places(value, path=()):
    """Every place in a description, as a path."""
    if path:
        yield path
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.init and field.name != "schema":
                yield from places(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))


def put(value, path, new):
    """The description with something else in one place."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, tuple):
        return (*value[:first], put(value[first], rest, new), *value[first + 1 :])
    if isinstance(value, dict):
        return value | {first: put(value[first], rest, new)}
    return dataclasses.replace(value, **{first: put(getattr(value, first), rest, new)})


SPECS = {name: spec_of(name) for name in NETWORKS}


@settings(max_examples=800, deadline=None)
@given(st.data())
def test_silly_values_are_told_and_never_crash(data):
    """Anything anywhere: either sentences, or a network that can be planned and written down."""
    spec = SPECS[data.draw(st.sampled_from(sorted(SPECS)))]
    path = data.draw(st.sampled_from(list(places(spec))))
    bad = put(spec, path, data.draw(st.sampled_from(SILLY)))
    found = problems(bad)
    assert all(isinstance(problem, str) and problem.endswith(".") for problem in found)
    if not found:
        plan(bad)
        assert NetworkSpec.from_json(bad.to_json()).to_json() == bad.to_json()


def test_json_that_freeze_would_refuse_is_refused():
    text = spec_of("eprop_lif").to_json()
    assert '"v_th":0.8' in text
    with pytest.raises(SNNError, match="`v_th > 0` must hold"):
        NetworkSpec.from_json(text.replace('"v_th":0.8', '"v_th":-1'))
