"""A task of noise, a task without labels, and networks for them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from brian2 import Hz, ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, PairSTDP, Poisson, Signal, SpikeReadout, Uniform
from snn.serial import serialisable
from tasks import Data, Drawn, Split, Task

WIDTH, CLASSES, N = 6, 3, 29
STREAM = 17


@serialisable
@dataclass(frozen=True)
class Noise(Task):
    """Noise whose rows are made when they are asked for; `asked` is called with every request, and keeps them."""

    asked: object = field(default=None, compare=False)

    def load(self) -> Data:
        rng = np.random.default_rng(6)
        values = rng.random((N, WIDTH))
        return Data(Drawn((N, WIDTH), lambda rows: self._made(values, rows)), rng.integers(0, CLASSES, N), CLASSES)

    def _made(self, values, rows):
        if self.asked is not None:
            self.asked(rows)
        return values[rows]

    def split(self, n: int) -> Split:
        return Split.of([STREAM, 7, 5])


def eprop():
    net = Network(inputs=Poisson(WIDTH, rate=400 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.3), n=8)
    net.readout(LeakyReadout(CLASSES, tau=5 * ms))
    net.connect("inputs", "hidden", Dense(), EProp(lr=0.1))
    net.connect("hidden", "hidden", Dense(), EProp(lr=0.1))
    net.connect("hidden", "readout", Dense(), EProp(lr=0.1))
    return net


def taught():
    """With a first pass over every sample, because of the teacher and of weights written in a sample."""
    net = Network(inputs=Poisson(WIDTH, rate=400 * Hz), dt=1 * ms)
    net.population("out", LIF(v_th=0.8), n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.drive("out", Signal("label", one_hot=True, teacher=True), gain=0.5)
    net.connect("inputs", "out", Dense(Uniform(0, 0.2)), PairSTDP(a_plus=1e-2, a_minus=1e-2), w_min=0, w_max=1)
    return net


BYTES = 8 * (WIDTH + 1)  # of a sample: its values and its label


def assert_equal(a, b):
    """To the last bit, but for the time that it took."""
    for name in ("stream", "validation", "test"):
        for left, right in zip(vars(getattr(a, name)).values(), vars(getattr(b, name)).values(), strict=True):
            np.testing.assert_array_equal(left, right)
    assert a.counts == b.counts
    for name in ("weights", "recordings"):
        left, right = getattr(a, name), getattr(b, name)
        assert list(left) == list(right)
        for key in left:
            assert left[key].dtype == right[key].dtype and left[key].tobytes() == right[key].tobytes(), key


@serialisable
@dataclass(frozen=True)
class Ramp(Task):
    """Two numbers a step to follow, from inputs that are given once a sample."""

    width: int = 2

    def load(self) -> Data:
        target = np.broadcast_to(np.linspace(0, 1, 10)[:, None], (12, 10, self.width))
        return Data(np.full((12, WIDTH), 0.5), signals={"target": target})

    def split(self, n: int) -> Split:
        return Split.cut(np.arange(n), [8, 2, 2])


def follower(**readout):
    net = Network(inputs=Poisson(WIDTH, rate=400 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.3), n=8)
    net.readout(LeakyReadout(2, tau=5 * ms, **{"target": "target", "loss": "squared_error"} | readout))
    net.connect("inputs", "hidden", Dense(), EProp(lr=0.01))
    net.connect("hidden", "readout", Dense(), EProp(lr=0.01))
    return net
