"""One warning for a network whose neurons start above their threshold."""

from __future__ import annotations

import warnings

import pytest
from brian2 import Hz, ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Dense,
    HomeostaticLIF,
    Izhikevich,
    LeakyReadout,
    Network,
    Neuron,
    Poisson,
    ResonateAndFire,
    Signal,
    SynapticLIF,
)
from snn.errors import NetworkWarning
from snn.network.builder import freeze
from snn.system.notices import said_once

LEAKY = "dv/dt = (rest - v + I)/(20*ms) : volt\nI : volt"
NUMBERS = {"rest": -70 * mV, "v_th": -50 * mV}


def neuron(threshold: str, more: str = "", **fields) -> Neuron:
    return Neuron(LEAKY + more, threshold, "v = rest", parameters=NUMBERS, **fields)


def network(model, **fields) -> Network:
    net = Network(inputs=Poisson(4, rate=100 * Hz), dt=1 * ms)
    net.population("cells", model, n=3, **fields)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "cells", Dense())
    net.connect("cells", "readout", Dense())
    return net


def warned(net: Network) -> list[warnings.WarningMessage]:
    """What it warns of when it is frozen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NetworkWarning)
        net.freeze()
    return [one for one in caught if one.category is NetworkWarning]


@pytest.mark.parametrize("model", [
    neuron("v > v_th"),
    neuron("v > -50*mV"),
    neuron("v_th < v"),
    neuron("not (v < v_th)"),
    neuron("v > v_th and v < 30*mV"),
    neuron("-60*mV < v_th < v"),
    neuron("int(v > v_th) == 1"),
    neuron("exp(v/mV) > 0.5"),
    neuron("above > 0*volt", "\nabove = v - v_th : volt"),
    neuron("v > v_th + i*20*mV"),
    neuron("v > v_th", initial={"v": -50 * mV + 0.01 * mV}),
    neuron("v >= v_th", initial={"v": -50 * mV}),
    neuron("v > v_th and not_refractory", refractory=2 * ms),
], ids=lambda model: model.threshold)  # fmt: skip
def test_a_population_that_starts_above_its_threshold_is_named(model):
    (warning,) = warned(network(model))
    text = str(warning.message)
    assert "'cells'" in text and repr(model.threshold) in text and "initial={'v': ...}" in text
    assert f"v = {model.initial.get('v', 0 * mV)}" in text
    assert warning.filename == __file__


@pytest.mark.parametrize("model", [
    neuron("v > v_th", initial={"v": -70 * mV}),
    neuron("v > v_th", initial={"v": -50 * mV}),
    neuron("v < v_th"),
    neuron("v > v_th and t > 5*ms"),
    neuron("v > v_th and rand() < 0.5"),
    neuron("v > v_th + cue*mV"),
    neuron("1 > 0"),
    neuron("v/(v - v) > 1"),
    Neuron("dx/dt = -x/(10*ms) : 1\nI : 1"),
    LIF(), ALIF(), SynapticLIF(), ResonateAndFire(), AdEx(), Izhikevich(), HomeostaticLIF(),
], ids=lambda model: getattr(model, "threshold", None) or type(model).__name__)  # fmt: skip
def test_others_are_not(model):
    """Below it; or nothing is known of it: the threshold reads a signal, draws, or does not depend on the state."""
    signals = {"cue": Signal("values")} if "cue" in (getattr(model, "threshold", "") or "") else None
    net = network(model, signals=signals)
    if getattr(model, "threshold", "") is None:
        net = Network(inputs=Poisson(4, rate=100 * Hz), dt=1 * ms)
        net.population("rates", model, n=3)
    assert not warned(net)


def test_a_network_warns_once_however_often_it_is_frozen():
    net = network(neuron("v > v_th"))
    assert len(warned(net)) == 1
    assert not warned(net) and net.freeze() == freeze(net.freeze())


def test_every_population_is_named():
    net = network(neuron("v > v_th"))
    net.population("others", neuron("v >= v_th"), n=2)
    first, second = (str(one.message) for one in warned(net))
    assert "'cells'" in first and "'others'" in second


def test_a_search_is_told_once_of_all_its_networks():
    said: list[str] = []
    with said_once(said.append):
        for v in (-10, -20, -30):
            assert not warned(network(neuron("v > v_th", initial={"v": v * mV})))
    assert len(said) == 1 and "v = -10. mV" in said[0]
    with said_once(said.append):  # the next search
        assert not warned(network(neuron("v > v_th")))
    assert len(said) == 2
    assert len(warned(network(neuron("v > v_th")))) == 1
