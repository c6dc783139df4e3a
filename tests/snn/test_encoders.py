"""How values become spikes: rates, counts, and when."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, second
from hypothesis import given, settings
from hypothesis import strategies as st

from snn import LIF, Dense, LeakyReadout, Network, Poisson, Regular, SpikeTrains, structure_hash
from snn.backends.program import Samples
from tests.support.choices import BACKENDS
from tests.support.runs import run


def network(inputs, dt=1 * ms):
    net = Network(inputs=inputs, dt=dt)
    net.population("out", LIF(), n=2)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "out", Dense())
    net.connect("out", "readout", Dense())
    return net.freeze()


def spikes_of(inputs, values, steps, gap=0, dt=1 * ms, seed=3, reset=True, backend="standalone"):
    """Input spikes as an array (samples, steps of a period, inputs)."""
    values = np.asarray(values, float)
    n, on = len(values), np.ones(len(values), bool)
    samples = Samples(steps, {"values": values, "label": np.zeros(n, int)}, on, on, on & reset, ~on, on, gap=gap)
    outcome = run(network(inputs, dt), samples, backend, seed=seed, record=("inputs.spikes",))
    raster = np.zeros((n * (steps + gap), inputs.n), int)
    step, neuron = outcome.recordings["inputs.spikes"].T
    np.add.at(raster, (step, neuron), 1)
    assert raster.max(initial=0) <= 1
    np.testing.assert_array_equal(raster.sum(0), outcome.totals["inputs.spike_count"])
    return raster.reshape(n, steps + gap, inputs.n)


def test_poisson_rates():
    """The count of each input is binomial with p = rate x dt; 200 inputs a value, bounds of 4 standard errors."""
    values = np.repeat([0.0, 0.1, 0.5, 1.0], 200)
    raster = spikes_of(Poisson(800, rate=200 * Hz), np.tile(values, (3, 1)), 100)
    for value in np.unique(values):
        p, n = 0.2 * value, 3 * 100 * 200
        assert abs(raster[..., values == value].sum() - n * p) <= 4 * np.sqrt(n * p * (1 - p))
    counts = raster.sum((0, 1))[values == 1.0]
    assert abs(counts.var() / (300 * 0.2 * 0.8) - 1) < 4 * np.sqrt(2 / 200)  # binomial, not more, not less


def test_poisson_spikes_are_independent():
    raster = spikes_of(Poisson(400, rate=300 * Hz), np.ones((2, 400)), 200)
    flat = raster.reshape(400, 400).astype(float) - 0.3
    for shifted in ((flat[:-1], flat[1:]), (flat[:, :-1], flat[:, 1:])):
        correlation = np.mean(shifted[0] * shifted[1]) / 0.21
        assert abs(correlation) < 4 / np.sqrt(shifted[0].size)


def test_poisson_at_its_limits():
    assert (spikes_of(Poisson(5, rate=1000 * Hz), np.ones((1, 5)), 50) == 1).all()
    assert spikes_of(Poisson(5, rate=1000 * Hz), np.zeros((1, 5)), 50).sum() == 0
    assert spikes_of(Poisson(5, rate=0 * Hz), np.ones((1, 5)), 50).sum() == 0


def test_poisson_seeds():
    draw = lambda seed: spikes_of(Poisson(50, rate=200 * Hz), np.ones((1, 50)), 100, seed=seed)  # noqa: E731
    assert np.array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).mean() == pytest.approx(2 * 0.2 * 0.8, abs=4 * np.sqrt(0.32 * 0.68 / 5000))


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [Poisson(20, rate=800 * Hz), Regular(20, rate=800 * Hz)])
def test_the_gap_is_silent(encoder):
    raster = spikes_of(encoder, np.ones((3, 20)), steps=10, gap=7)
    assert raster[:, 10:].sum() == 0
    assert (raster[:, :10].sum((1, 2)) > 0).all()


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(0, 16), min_size=8, max_size=8),
    rate=st.sampled_from([30, 100, 200, 333, 1000]),
    steps=st.sampled_from([1, 10, 30, 77]),
)
def test_regular_counts_are_rounded_rates(values, rate, steps):
    """From phase 1/2 the count is rate x T to the nearest whole number; on a half, either neighbour."""
    values = np.array(values) / 16
    counts = spikes_of(Regular(8, rate=rate * Hz), values[None], steps)[0].sum(0)
    exact = rate * values * steps / 1000
    assert (np.abs(counts - exact) <= 0.5 + 1e-5).all()
    clear = np.abs(exact % 1 - 0.5) > 1e-5
    np.testing.assert_array_equal(counts[clear], np.round(exact[clear]))


@pytest.mark.parametrize("phase", [0.0, 0.25, 1.0])
def test_regular_phase(phase):
    """The count is the whole part of phase + rate x T, where that is not on the edge; spikes are evenly spaced."""
    values = np.array([[0.1, 0.33, 0.47, 0.83]])
    raster = spikes_of(Regular(4, rate=200 * Hz, phase=phase), values, 100)[0]
    np.testing.assert_array_equal(raster.sum(0), np.floor(phase + 0.2 * values[0] * 100 + 1e-9))
    for neuron, value in enumerate(values[0]):
        intervals = np.diff(np.nonzero(raster[:, neuron])[0])
        assert np.abs(intervals - 1 / (0.2 * value)).max() <= 1


def test_regular_starts_over_where_the_task_resets():
    values = np.full((3, 2), 0.21)
    again = spikes_of(Regular(2, rate=200 * Hz), values, 30)
    assert (again == again[0]).all()
    on = spikes_of(Regular(2, rate=200 * Hz), values, 30, reset=False)
    np.testing.assert_array_equal(on.reshape(90, 2).sum(0), [np.floor(0.5 + 0.2 * 0.21 * 90)] * 2)


def test_regular_follows_dt():
    counts = [
        spikes_of(Regular(1, rate=100 * Hz), [[0.5]], steps, dt=0.1 * second / steps).sum() for steps in (50, 1000)
    ]
    assert counts == [5, 5]


def test_explicit_spikes_arrive_as_they_are():
    x = (np.random.default_rng(0).random((3, 20, 6)) < 0.3).astype(float)
    raster = spikes_of(SpikeTrains(6), x, 20, gap=4, backend="runtime")
    np.testing.assert_array_equal(raster[:, :20], x)
    assert raster[:, 20:].sum() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_input_spike_arrives_in_its_own_step(backend):
    spec = network(SpikeTrains(1)).with_weights({"inputs->out": np.array([1.2, 0.9])})
    x, on = np.zeros((1, 10, 1)), np.ones(1, bool)
    x[0, 4] = 1
    samples = Samples(10, {"values": x, "label": np.zeros(1, int)}, on, on, on, ~on, on)
    recordings = run(spec, samples, backend, record=("spikes",)).recordings
    assert recordings["inputs.spikes"].tolist() == [[4, 0]] and recordings["out.spikes"].tolist() == [[4, 0]]


def test_numbers_compile_nothing():
    assert structure_hash(network(Poisson(3))) == structure_hash(network(Poisson(9, rate=7 * Hz)))
    kinds = [structure_hash(network(kind)) for kind in (Poisson(3), Regular(3), SpikeTrains(3))]
    assert len(set(kinds)) == 3
    assert dataclasses.replace(Regular(3), phase=0.1).encoding().parameters == Regular(3).encoding().parameters
