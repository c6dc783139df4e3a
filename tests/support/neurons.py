"""Neurons of a user's own."""

from __future__ import annotations

from brian2 import ms

from snn import (
    Neuron,
)


def two_compartments(refractory) -> Neuron:
    return Neuron(
        "dv/dt = (g*(d - v) - v)/tau : 1\ndd/dt = (I + g*(v - d) - d)/tau : 1\nI : 1",
        threshold="v > 1",
        reset="d = 0.5*d + 0.1 + v/10\nv = 0.2",
        refractory=refractory,
        parameters={"tau": 9 * ms, "g": 0.7},
    )


def pulsed(refractory) -> Neuron:
    return Neuron(
        "dv/dt = -v/tau : 1",
        threshold="v > 1",
        reset="v = 0",
        refractory=refractory,
        input="v",
        parameters={"tau": 12 * ms},
    )
