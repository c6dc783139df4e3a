"""A task with closed-form scores, for tests of the driver: no simulation, any length, failures on demand."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import numpy as np
import optuna
from brian2 import Hz, ms
from optuna.distributions import FloatDistribution

from search.storage.attributes import WARM
from search.storage.journal.file import open_journal
from snn import LIF, Dense, LeakyReadout, Network, NetworkSpec, Poisson
from snn.backends.state import State
from snn.errors import Cancelled, OtherRun, RunError, RunTimeout
from snn.network.builder import freeze
from snn.results.part import Part
from snn.results.result import Result
from snn.serial import serialisable
from tasks import Data, Split, Task

SAMPLES = 400


@serialisable
@dataclass(frozen=True)
class Bowl(Task):
    """A task that is solved the better the closer the network's (x, y) is to (0.3, 0.7).

    A run takes `sleep` seconds. With x above `fail`, `crash`, `nan` or `slow` it ends in that way. Each run appends its
    seed to the file `log` when it begins.
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
        upto=1.0,
        after=None,
        test=False,
        settling=False,
        timeout=None,
        cancel=None,
        profile=None,
        memory=None,
    ) -> Result:
        began = time.monotonic()
        x, y = coordinates(freeze(network))
        if self.log:
            with Path(self.log).open("a") as file:
                start = 0 if after is None else len(after.stream)
                file.write(f"{seed} {'test' if test else 'train'} {upto:g} {start}\n")
        done = self._done(after, seed, dtype, x)
        self._wait((90.0 if x > self.slow else self.sleep) * (upto - done), timeout, cancel)
        if x > self.fail:
            raise RunError(f"the bowl broke at x = {x:.3f}")
        if x > self.crash:
            os.kill(os.getpid(), signal.SIGSEGV)
        result = self._result(x, y, seed, backend, dtype, record, test, math.ceil(upto * SAMPLES))
        return replace(result, run_seconds=time.monotonic() - began + (0.0 if after is None else after.run_seconds))

    @staticmethod
    def _done(after, seed, dtype, x) -> float:
        """The fraction that is done, by a result of the same run."""
        if after is None:
            return 0.0
        if (after.seed, after.dtype, after.state.arrays["x"][0]) != (seed, dtype, x):
            raise OtherRun("The bowl is another one.")
        return len(after.stream) / SAMPLES

    def _wait(self, seconds: float, timeout: float | None, cancel: Event | None) -> None:
        end = time.monotonic() + min(seconds, timeout or seconds)
        while time.monotonic() < end:
            if (cancel or Event()).wait(min(0.02, max(0.0, end - time.monotonic()))):
                raise Cancelled("The bowl was stopped.")
        if timeout is not None and seconds > timeout:
            raise RunTimeout(f"The bowl must end within {timeout:g} s, but did not.")

    def _result(self, x, y, seed, backend, dtype, record, test, n) -> Result:
        right = np.exp(-((x - 0.3) ** 2) - (y - 0.7) ** 2)
        loss = np.nan if x > self.nan else 1 - right
        random = np.random.default_rng([seed, int(x * 1e6), int(y * 1e6)])

        def part(n: int) -> Part:
            labels = random.integers(10, size=n)
            predictions = np.where(random.random(n) < right, labels, (labels + 1) % 10)
            return Part(predictions, labels, np.full(n, loss))

        over = n == SAMPLES
        stream, validation, tested = part(SAMPLES).first(n), part(100), part(100)
        costs = {"spikes": 1000 * x, "synaptic_operations": 5000 * (x + y), "weight_writes": 10.0}
        costs["neuron_updates"] = 200.0
        counts = {name: cost * n for name, cost in costs.items()}
        fired = np.column_stack([np.sort(random.integers(100, size=50)), random.integers(10, size=50)])
        return Result(
            task=self.name, seed=seed, backend=backend, dtype=dtype,
            stream=stream, validation=validation if over else None, test=tested if test and over else None,
            counts={**counts, "samples": n, "steps": 20 * n},
            weights={"inputs->hidden": random.normal(size=40)},
            recordings={"hidden.spikes": fired} if "spikes" in record else {},
            dt_ms=1.0, period=20, versions={"bowl": "1"}, seconds=self.sleep,
            memory_bits=round(320 * y), state=None if over else State(n, {"x": np.array([x])}),
        )  # fmt: skip

    def load(self) -> Data:
        """Samples in number only: the scores are drawn."""
        return Data(np.zeros((SAMPLES + 2, 4)), np.zeros(SAMPLES + 2, int), 10)

    def split(self, n: int) -> Split:
        """All to the stream, but for one sample of each of the other parts."""
        return Split.of((n - 2, 1, 1))


def network(trial) -> Network:
    """A network that carries x and y in its numbers."""
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    net = Network(inputs=Poisson(4, rate=(1 + x) * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=(10 + y) * ms), n=10)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return net


def add_foreign_trial(script: Path) -> None:
    """Add to the study of a script one trial of another study, `older#7`, better than any of its own."""
    journal = open_journal(script.with_suffix(".journal"))
    foreign = optuna.trial.create_trial(
        values=[1.0, 0.0],
        params={"x": 0.5},
        distributions={"x": FloatDistribution(0, 1)},
        user_attrs={WARM: "older#7"},
    )
    optuna.load_study(study_name=script.stem, storage=journal).add_trial(foreign)


def coordinates(spec: NetworkSpec) -> tuple[float, float]:
    """x and y of such a network."""
    return float(spec.inputs.rate / Hz) - 1, float(spec.populations[0].model.tau_m / ms) - 10
