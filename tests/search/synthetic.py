"""A task with closed-form scores, for tests of the driver: no simulation, any length, failures on demand."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
from brian2 import Hz, ms

from snn import LIF, Dense, LeakyReadout, Network, NetworkSpec, Poisson
from snn.errors import Cancelled, RunError, RunTimeout
from snn.network import freeze
from snn.result import Part, Result
from snn.serial import serialisable
from tasks import Data, Split, Task

SAMPLES = 400


@serialisable
@dataclass(frozen=True)
class Bowl(Task):
    """Right with a probability that falls with the distance of the network's (x, y) from (0.3, 0.7).

    `sleep` seconds pass before a result; with x above `fail`, `crash`, `nan` or `slow` a run ends in that way; each
    run appends its seed to the file `log`.
    """

    sleep: float = 0.0
    fail: float = 2.0
    crash: float = 2.0
    nan: float = 2.0
    slow: float = 2.0
    log: str = ""

    def run(
        self,
        network,
        *,
        seed=0,
        backend="standalone",
        dtype="float32",
        record=(),
        record_samples=5,
        test=False,
        timeout=None,
        cancel=None,
        profile=None,
    ) -> Result:
        x, y = coordinates(freeze(network))
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{seed} {'test' if test else 'train'}\n")
        self._wait(30.0 if x > self.slow else self.sleep, timeout, cancel)
        if x > self.fail:
            raise RunError(f"the bowl broke at x = {x:.3f}")
        if x > self.crash:
            os.kill(os.getpid(), signal.SIGSEGV)
        return self._result(x, y, seed, backend, dtype, record, test)

    def _wait(self, seconds: float, timeout: float | None, cancel: Event | None) -> None:
        end = time.monotonic() + min(seconds, timeout or seconds)
        while time.monotonic() < end:
            if (cancel or Event()).wait(min(0.02, max(0.0, end - time.monotonic()))):
                raise Cancelled("The bowl was stopped.")
        if timeout is not None and seconds > timeout:
            raise RunTimeout(f"The bowl must end within {timeout:g} s, but did not.")

    def _result(self, x, y, seed, backend, dtype, record, test) -> Result:
        right = np.exp(-((x - 0.3) ** 2) - (y - 0.7) ** 2)
        loss = np.nan if x > self.nan else 1 - right
        random = np.random.default_rng([seed, int(x * 1e6), int(y * 1e6)])

        def part(n: int) -> Part:
            labels = random.integers(10, size=n)
            predictions = np.where(random.random(n) < right, labels, (labels + 1) % 10)
            return Part(predictions, labels, np.full(n, loss))

        stream, validation, tested = part(SAMPLES), part(100), part(100)
        costs = {"spikes": 1000 * x, "synaptic_operations": 5000 * (x + y), "weight_writes": 10.0}
        counts = {name: cost * SAMPLES for name, cost in costs.items()}
        fired = np.column_stack([np.sort(random.integers(100, size=50)), random.integers(10, size=50)])
        return Result(
            task=self.name, seed=seed, backend=backend, dtype=dtype,
            stream=stream, validation=validation, test=tested if test else None,
            counts={**counts, "samples": SAMPLES, "steps": 20 * SAMPLES},
            weights={}, recordings={"hidden.spikes": fired} if "spikes" in record else {},
            dt_ms=1.0, period=20, versions={"bowl": "1"}, seconds=self.sleep,
        )  # fmt: skip

    def load(self) -> Data:
        """No samples: the scores are drawn."""
        return Data(np.zeros((1, 4)), np.zeros(1, int), 10)

    def split(self, n: int) -> Split:
        """All to the stream."""
        return Split.of((n, 0, 0))


def network(trial) -> Network:
    """A network that carries x and y in its numbers."""
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    net = Network(inputs=Poisson(4, rate=(1 + x) * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=(10 + y) * ms), n=10)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return net


def coordinates(spec: NetworkSpec) -> tuple[float, float]:
    """x and y of such a network."""
    return float(spec.inputs.rate / Hz) - 1, float(spec.populations[0].model.tau_m / ms) - 10
