"""JSON of networks and tasks that an older version has written is read, and means what it meant."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from snn import NetworkSpec
from tasks import Task
from tests.compatibility.networks import CASES
from tests.compatibility.stored import networks, read

CLASSES: dict[str, str] = {"Given": "FromArray"}  # classes by their older names, and their names since
FIELDS: dict[str, str] = {"onto": "target_variable"}  # likewise the fields of classes
STORED = networks()
PARTS = """
    NetworkSpec Population Projection NamedReadout Drive Inhibition Environment Signal Chip
    Poisson Regular SpikeTrains Analog
    Dense Sparse FixedFanIn OneToOne Normal Uniform Constant Given
    Neuron LIF ALIF SynapticLIF HomeostaticLIF AdEx Izhikevich ResonateAndFire
    Static PairSTDP TripletSTDP CoactivitySTDP InhibitorySTDP ModulatedSTDP RewardSTDP SpikeTrace Factor
    Covariance Oja VolterraRule DeltaRule DopamineDepression SumOfProducts LocalRule WeightNormalisation
    EProp GradientDescent Adam PiecewiseLinear Exponential FastSigmoid Arctan
    LeakyReadout SpikeReadout
"""  # under the names of the stored files


def renamed(value: Any) -> Any:
    """A network's JSON under its present names, without the version of the schema."""
    if isinstance(value, list):
        return [renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {FIELDS.get(key, key): renamed(item) for key, item in value.items() if key != "schema"}
    if "type" in found:
        found["type"] = CLASSES.get(found["type"], found["type"])
    return found


@pytest.mark.parametrize("kind", sorted({name.partition(" ")[0] for name in STORED}))
def test_every_stored_network_is_read_and_written_again(kind):
    for name, text in STORED.items():
        if name.startswith(f"{kind} "):
            spec = NetworkSpec.from_json(text)
            written = spec.to_json()
            assert renamed(json.loads(written)) == renamed(json.loads(text)), name
            assert NetworkSpec.from_json(written).to_json() == written, name


def test_networks_built_today_equal_the_stored_ones():
    for name, case in CASES.items():
        spec = case.build().freeze()
        assert spec.to_json() == NetworkSpec.from_json(STORED[f"case {name}"]).to_json(), name


def test_the_stored_networks_hold_every_part():
    """A guard of the data themselves: they would prove little if a class were missing."""
    kinds = set(re.findall(r'"type":"(\w+)"', "".join(STORED.values())))
    assert kinds == set(PARTS.split())


def test_every_stored_task_is_read_and_written_again():
    for text in read("tasks.json"):
        written = Task.from_json(text).to_json()
        assert renamed(json.loads(written)) == renamed(json.loads(text))
