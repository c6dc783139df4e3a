"""A task of four corners that is learned within seconds, and networks for it."""

from dataclasses import dataclass

import numpy as np
from brian2 import Hz, ms

from snn import (
    LIF,
    Dense,
    EProp,
    LeakyReadout,
    Network,
    PairSTDP,
    Poisson,
    Regular,
    Signal,
    SpikeReadout,
    Uniform,
)
from snn.serial import serialisable
from tasks import Data, Split, Task

INPUTS, CLASSES, N = 8, 4, 80


@serialisable
@dataclass(frozen=True)
class Corners(Task):
    """Four patterns of eight values, with noise; nothing of it can be told from the order."""

    informative: bool = True

    def load(self) -> Data:
        rng = np.random.default_rng(1)
        labels = rng.integers(0, CLASSES, N)
        patterns = np.repeat(np.eye(CLASSES), 2, axis=1) if self.informative else np.full((CLASSES, INPUTS), 0.5)
        return Data(np.clip(patterns[labels] * 0.8 + rng.random((N, INPUTS)) * 0.2, 0, 1), labels, CLASSES)

    def split(self, n: int) -> Split:
        return Split.of([40, 20, 20])


def learner(lr=0.1):
    net = Network(inputs=Regular(INPUTS, rate=300 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.5), n=20)
    net.readout(LeakyReadout(CLASSES, tau=5 * ms))
    net.connect("inputs", "hidden", Dense(), EProp(lr=lr))
    net.connect("hidden", "readout", Dense(), EProp(lr=lr))
    return net


def taught(gain):
    net = Network(inputs=Poisson(INPUTS, rate=100 * Hz), dt=1 * ms)
    net.population("out", LIF(v_th=1.0), n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.drive("out", Signal("label", one_hot=True, teacher=True), gain=gain)
    net.connect("inputs", "out", Dense(Uniform(0, 0.2)), PairSTDP(a_plus=1e-3, a_minus=1e-3), w_min=0, w_max=1)
    return net
