"""Names of populations, projections and variables: which are refused, and how it is said."""

from __future__ import annotations

import pytest
from brian2 import ms

from snn import (
    LIF,
    Dense,
    Signal,
)
from snn.equations.parse import parsed, reserved
from snn.errors import nearest
from snn.lowering.planner import plan
from tests.support.mistakes import OWN, network, own, said
from tests.support.networks import NETWORKS, spec_of


@pytest.mark.parametrize(
    "name",
    [
        "spike_count",
        "spikes",
        "weight",
        "written",
        "seed",
        "sample_step",
        "drive_0",
        "I_post",
        "double",
        "a_to_b",
    ],
)
def test_names_that_a_simulation_uses(name):
    for message in (
        said(own(model=OWN["model"] + f"\n{name} : 1")),
        said(own(parameters={"tau": 20 * ms, name: 1})),
        said(network(signals={name: Signal("reward")})),
    ):
        assert name in message and "reserved name" in message


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_that_a_plan_declares_is_kept_from_the_user(name):
    spec = spec_of(name)
    planned = plan(spec)
    for population in spec.populations:
        neuron = population.model.neuron(spec.dt)
        answers = {"reward"} if spec.environment else set()
        own_names = {*neuron.parameters, *population.signals, *parsed(neuron.model).names} | answers
        declared = set(planned.groups[population.name].variables) - own_names
        assert declared and not {variable for variable in declared if not reserved(variable)}


def test_places_that_do_not_exist():
    net = network()
    net.connect("input", "hiden", Dense())
    net.connect("inputs", "readout", Dense(), name="too short")
    net.drive("hiddn", Signal("label"))
    message = said(net)
    assert "input->hiden starts at 'input'; choices: 'hidden', 'inputs'; nearest: 'inputs'" in message
    assert "input->hiden ends at 'hiden'; choices: 'hidden', 'readout'; nearest: 'hidden'" in message
    assert "too short: a readout listens to populations" in message
    assert "`drive` names the population 'hiddn'; choices: 'hidden'; nearest: 'hidden'" in message


@pytest.mark.parametrize("name", ["a b", "1a", "für", "for", "_x", "", None, 3, "environment", "a_to_b", "inputs"])
def test_names(name):
    net = network()
    net.population(name, LIF(), n=2)
    assert repr(name) in (message := said(net)) or f"`{name}`" in message


def test_names_are_used_once():
    net = network()
    net.population("hidden", LIF(), n=2)
    net.connect("inputs", "hidden", Dense())
    message = said(net)
    assert "'hidden' is used 2 times" in message and "'inputs->hidden' is used 2 times; give them name=." in message


def test_nearest():
    assert nearest("accurcy", ["loss", "accuracy"]) == "choices: 'accuracy', 'loss'; nearest: 'accuracy'"
    assert nearest("zzz", ["loss"]) == "choices: 'loss'"
    assert nearest("lif", ["ALIF", "LIF"]).endswith("nearest: 'LIF'")
    assert nearest("zzz", []) == "there are no choices"
    assert nearest(None, [None, 3, "a"]).startswith("choices: '3', 'None', 'a'")
