"""A search gives one warning about times that are no multiples of dt, not one for each trial."""

import warnings
from types import SimpleNamespace

import pytest
from brian2 import ms

from search.underway import network_of
from snn import LIF, Dense, LeakyReadout, Network, RoundedTime, SpikeTrains


def network(refractory, delay=None):
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population("hidden", LIF(refractory=refractory * ms), n=3)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "hidden", Dense(), delay=None if delay is None else delay * ms)
    net.connect("hidden", "readout", Dense())
    return net


def test_other_values_of_the_same_time_give_no_further_warning():
    plan = SimpleNamespace(network=lambda trial: network(*trial), told=set())
    with pytest.warns(RoundedTime, match=r"refractory time of hidden, 1\.5 ms, counts 1 step"):
        network_of(plan, (1.5,))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundedTime)
        network_of(plan, (2.7,))
        network_of(plan, (3.0, 2.0))
    with pytest.warns(RoundedTime, match=r"delay of inputs->hidden, 0\.5 ms, counts 1 step"):
        network_of(plan, (2.7, 0.5))
