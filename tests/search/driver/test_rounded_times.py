"""A search names times that are no multiples of dt once, and not for each trial."""

from types import SimpleNamespace

from brian2 import ms

from search.driver.trial import network_of
from snn import LIF, Dense, LeakyReadout, Network, SpikeTrains
from snn.system.notices import said_once


def network(refractory, delay=None):
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population("hidden", LIF(refractory=refractory * ms), n=3)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "hidden", Dense(), delay=None if delay is None else delay * ms)
    net.connect("hidden", "readout", Dense())
    return net


def test_other_values_of_the_same_time_are_not_named_again():
    plan = SimpleNamespace(network=lambda trial: network(*trial))
    lines = []
    with said_once(lines.append):
        network_of(plan, (1.5,))
        network_of(plan, (2.7,))
        network_of(plan, (3.0, 2.0))
        assert len(lines) == 1 and "refractory time of hidden, 1.5 ms, counts 1 step" in lines[0]
        network_of(plan, (2.7, 0.5))
    assert len(lines) == 2 and "delay of inputs->hidden, 0.5 ms, counts 1 step" in lines[1]
