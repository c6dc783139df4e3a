"""Old names: each gives an error that says the new one."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snn
from tests.support.networks import spec_of


def test_a_class_that_was_renamed():
    with pytest.raises(ImportError, match="`Given` is now `FromArray`"):
        from snn import Given  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'Givne'"):
        snn.Givne  # noqa: B018
    assert "Given" not in dir(snn)


def test_an_argument_that_was_renamed():
    net = snn.Network(inputs=snn.SpikeTrains(2))
    with pytest.raises(TypeError, match="`onto` of `connect` is now `target_variable`"):
        net.connect("inputs", "hidden", snn.Dense(), onto="g")


@pytest.mark.parametrize(("old", "new"), [("frozen", "spec.without_plas"), ("structure_hash", "snn.structure")])
def test_a_method_that_was_renamed(old, new):
    spec = spec_of("eprop_lif")
    with pytest.raises(AttributeError, match=f"`{old}` of NetworkSpec is now .*{new}"):
        getattr(spec, old)
    assert not hasattr(spec, old)
    with pytest.raises(AttributeError, match="NetworkSpec has no attribute 'x'"):
        spec.x  # noqa: B018


@pytest.mark.parametrize("schema", [{"schema": 1}, {}])
def test_the_json_of_an_older_version_is_read(schema):
    net = snn.Network(inputs=snn.SpikeTrains(2))
    net.population("hidden", snn.LIF(), n=3)
    net.connect("inputs", "hidden", snn.Dense(snn.FromArray(np.arange(6.0))))
    spec = net.freeze()
    data = json.loads(spec.to_json())
    del data["schema"]
    projection = data["projections"][0]
    projection["onto"] = projection.pop("target_variable")
    projection["connection"]["weights"]["type"] = "Given"
    assert snn.NetworkSpec.from_json(json.dumps(data | schema)).to_json() == spec.to_json()
