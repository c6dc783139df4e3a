"""A small task for the networks of the tests, and results made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import ms

from snn import Result
from snn.results.part import Part
from snn.serial import serialisable
from tasks import Data, Split, Task
from tests.support.runs import CLASSES, INPUTS

STREAM, VALIDATION, TEST = 24, 12, 8


@serialisable
@dataclass(frozen=True)
class Patches(Task):
    """Noisy patterns for the networks that every backend runs, silent samples among them."""

    def load(self) -> Data:
        rng = np.random.default_rng(2)
        n = STREAM + VALIDATION + TEST
        labels = rng.integers(0, CLASSES, n)
        values = np.repeat(np.eye(CLASSES), INPUTS // CLASSES, axis=1)[labels] * 0.6 + rng.random((n, INPUTS)) * 0.4
        values[rng.random(n) < 0.25] = 0
        return Data(values, labels, CLASSES)

    def split(self, n: int) -> Split:
        return Split.of([STREAM, VALIDATION, TEST])


TASK = Patches(sample=25 * ms)


def run(network, **options):
    """In float64, whose programs the tests of the backends need too."""
    return TASK.run(network, **{"seed": 3, "dtype": "float64", "record_samples": STREAM} | options)


def result_of(predictions, labels, **changes):
    return result_from(Part(np.asarray(predictions), np.asarray(labels), np.ones(len(labels))), **changes)


def losses_of(losses, **changes):
    """A result of a task without labels."""
    return result_from(Part(None, None, np.asarray(losses, float)), **changes)


def result_from(part, **changes):
    counts = {"spikes": 10, "synaptic_operations": 50, "weight_writes": 5, "samples": len(part), "steps": 100}
    given = dict(
        task="T", seed=1, backend="standalone", dtype="float32", stream=part, validation=part, test=None, counts=counts,
        weights={"a->b": np.linspace(-1, 1, 50)}, recordings={}, dt_ms=1.0, period=10,
    )  # fmt: skip
    return Result(**given | changes)
