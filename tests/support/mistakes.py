"""A network of every kind of part, each replaceable, and what freezing says of it."""

from __future__ import annotations

import pytest
from brian2 import ms

from snn import (
    LIF,
    Dense,
    LeakyReadout,
    Network,
    Neuron,
    Poisson,
    SpikeReadout,
)
from snn.errors import NetworkError

OWN = dict(
    model="dv/dt = (I - v)/tau : 1\nI : 1",
    threshold="v > 1",
    reset="v = 0",
    parameters={"tau": 20 * ms},
    method="exact",
)


def network(
    inputs=None,
    model=None,
    n=5,
    readout=None,
    connection=None,
    rule=None,
    out_rule=None,
    recurrent=None,
    signals=None,
    environment=None,
    dt=1 * ms,
    **projection,
):
    """A network of every kind of part, each replaceable."""
    net = Network(inputs=inputs if inputs is not None else Poisson(4), dt=dt)
    net.population("hidden", model if model is not None else LIF(), n=n, signals=signals)
    net.readout(readout if readout is not None else LeakyReadout(3))
    net.connect("inputs", "hidden", connection if connection is not None else Dense(), rule, **projection)
    if recurrent is not None:
        net.connect("hidden", "hidden", recurrent)
    if not isinstance(readout, SpikeReadout):
        net.connect("hidden", "readout", Dense(), out_rule)
    if environment is not None:
        net.environment(environment)
    return net


def own(**changes):
    return network(model=Neuron(**OWN | changes))


def said(net) -> str:
    """What freezing says; a network in which nothing is found fails the test."""
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    assert str(caught.value) == "\n".join(caught.value.problems)
    for problem in caught.value.problems:
        assert problem.endswith(".") and "\n" not in problem, problem
    return str(caught.value)
