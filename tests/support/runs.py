"""Streams, runs, and the comparison of outcomes."""

from __future__ import annotations

import dataclasses

import numpy as np

from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Outcome, Samples, check_finite
from snn.backends.registry import load_program
from snn.backends.state import State

INPUTS, CLASSES, STEPS = 12, 4, 25


def stream(n=6, steps=STEPS, inputs=INPUTS, seed=0, spikes=False, gap=0, **flags) -> Samples:
    """A stream of random samples."""
    rng = np.random.default_rng(seed)
    values = (rng.random((n, steps, inputs)) < 0.15).astype(float) if spikes else rng.random((n, inputs))
    on, off = np.ones(n, bool), np.zeros(n, bool)
    given = {"learn": on, "teach": on, "reset": on, "preview": off, "record": on} | flags
    return Samples(steps=steps, gap=gap, signals={"values": values, "label": rng.integers(0, CLASSES, n)}, **given)


def samples_with(x, labels, learn=True) -> Samples:
    """Samples with given values, each from a reset network."""
    n = len(x)
    on = np.ones(n, bool)
    return Samples(
        steps=x.shape[1],
        signals={"values": x, "label": labels},
        learn=on & learn,
        teach=on,
        reset=on,
        preview=~on,
        record=on,
    )


def run(
    spec,
    samples: Samples,
    backend="runtime",
    dtype="float64",
    seed=3,
    state: State | None = None,
    record: tuple[str, ...] = (),
) -> Outcome:
    """One run of a network through a stream."""
    candidate = Candidate(spec, seed)
    outcome = load_program(candidate, backend, dtype).advance([candidate], [samples], [state], RunOptions(record))[0]
    check_finite(outcome)
    return outcome


def first_weights(spec, seed=3) -> dict[str, np.ndarray]:
    """The weights that a run begins with, fixed ones and those of feedback too, by the names of a state's arrays."""
    blocks = Candidate(spec, seed).plan.synapses.items()
    return {
        f"{block}.{name}": np.array(variable.value)
        for block, synapses in blocks
        for name, variable in synapses.variables.items()
        if name in ("weight", "feedback_weight")
    }


def part_of(samples: Samples, rows: slice) -> Samples:
    """Some samples of a stream."""
    flags = {flag: getattr(samples, flag)[rows] for flag in ("learn", "teach", "reset", "preview", "record")}
    return dataclasses.replace(samples, signals={name: array[rows] for name, array in samples.signals.items()}, **flags)


def assert_same(expected, given, tolerance):
    """Compare two outcomes: equal spikes and counters, all other numbers within a tolerance of max(1, themselves)."""
    for part in ("recordings", "totals"):
        ours, theirs = getattr(given, part), getattr(expected, part)
        assert ours.keys() == theirs.keys()
        for track in theirs:
            np.testing.assert_array_equal(ours[track], theirs[track], err_msg=track)
    for ours, theirs in ((given.outputs, expected.outputs), (given.state.arrays, expected.state.arrays)):
        assert ours.keys() == theirs.keys()
        for array in theirs:
            np.testing.assert_allclose(ours[array], theirs[array], rtol=tolerance, atol=tolerance, err_msg=array)
    assert given.state.step == expected.state.step
