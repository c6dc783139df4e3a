"""A task that tests give their data to, and small networks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from brian2 import Hz, ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, Regular
from snn.serial import serialisable
from tasks import Data, Split, Task

WIDTH, CLASSES, N = 6, 3, 20
VALUES = np.random.default_rng(5).random((N, WIDTH))
LABELS = np.arange(N) % CLASSES


@serialisable
@dataclass(frozen=True)
class Handed(Task):
    """What `make` returns, split as `cut` says; `loads` counts how often it was read."""

    make: Callable[[], object] = field(default=lambda: Data(VALUES, LABELS, CLASSES), compare=False, repr=False)
    cut: Callable[[int], object] = field(default=lambda n: Split.of([12, 4, 4]), compare=False, repr=False)
    arrange: Callable[..., object] | None = field(default=None, compare=False, repr=False)
    loads: list = field(default_factory=list, compare=False, repr=False)

    def load(self):
        self.loads.append(1)
        return self.make()

    def split(self, n):
        return self.cut(n)

    def order(self, stream, seed):
        return super().order(stream, seed) if self.arrange is None else self.arrange(stream)


def given(values=VALUES, labels=LABELS, classes=CLASSES, **more) -> Handed:
    """A task with these data; `cut`, `arrange` and `sample` go to the task, all else to `Data`."""
    own = {name: more.pop(name) for name in ("cut", "arrange", "sample") if name in more}
    return Handed(make=lambda: Data(values, labels, classes, **more), **{"sample": 10 * ms} | own)


def learner(inputs=None):
    """A network that learns such a task a little."""
    net = Network(inputs=inputs or Regular(WIDTH, rate=400 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.3), n=5)
    net.readout(LeakyReadout(CLASSES, tau=5 * ms))
    net.connect("inputs", "hidden", Dense(), EProp(lr=0.1))
    net.connect("hidden", "readout", Dense(), EProp(lr=0.1))
    return net
