"""Neurons whose spikes are given, in front of a chip that writes weights."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import ms

from snn import Dense, FromArray, Network, Neuron, Signal, SpikeReadout, SpikeTrains
from snn.backends.program import Samples

N_PRE, N_POST, STEPS, N = 5, 4, 12, 5
LOW, HIGH = -0.5, 1.0
FIRED = Neuron("I : 1\nv : 1", threshold="fire > 0.5", input="I")
"""Spikes when it is told to."""


def told(rule, chip=None, weights=None, **bounds):
    """Neurons whose spikes are given, behind inputs whose spikes are given."""
    weights = np.full(N_PRE * N_POST, 0.25) if weights is None else weights
    net = Network(inputs=SpikeTrains(N_PRE), dt=1 * ms, chip=chip)
    net.population("out", FIRED, n=N_POST, signals={"fire": Signal("fire", per="step"), "told": Signal("told")})
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(FromArray(weights)), rule, **bounds)
    return net.freeze()


def told_stream(n=N, seed=0, p=0.25, told=1.0, **flags) -> Samples:
    rng = np.random.default_rng(seed)
    widths = {"values": N_PRE, "fire": N_POST}
    spikes = {name: (rng.random((n, STEPS, width)) < p).astype(float) for name, width in widths.items()}
    on, off = np.ones(n, bool), np.zeros(n, bool)
    return Samples(
        steps=STEPS,
        signals={**spikes, "told": np.broadcast_to(told, (n,))},
        **{"learn": on, "teach": on, "reset": off, "preview": off, "record": on} | flags,
    )


def on_backends(names, quick):
    """Parametrise by names and backends: without --slow, the quick ones on the runtime backend alone."""
    for name in names:
        yield pytest.param(name, "runtime", marks=[] if name in quick else pytest.mark.slow)
        yield pytest.param(name, "standalone", marks=pytest.mark.slow if name in quick else pytest.mark.nightly)
