"""Pattern generation: the published noise and target, a network that learns it, and what does not fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson, SpikeReadout, SpikeTrains
from snn.errors import NetworkError
from tasks import PatternGeneration
from tests.support.published import float32, readout_of
from tests.support.task_contract import TaskContract


class TestPatternGeneration(TaskContract):
    @pytest.fixture(params=["small", "other numbers"])
    def task(self, request):
        if request.param == "small":
            return PatternGeneration(iterations=5)
        return PatternGeneration(
            iterations=3, inputs=7, rate=200 * Hz, periods=[50 * ms, 20 * ms], sample=100 * ms, seed=9
        )


def test_the_draw_gives_the_published_loss():
    """NEST's first loss, before any learning: it needs every input spike and the target in every step.

    Weights come first from the same generator; n_in = n_rec = 100, tau_m = tau_out = 30 ms, v_th = 0.03,
    zeta = 1 - alpha (NEST's test of e-prop on pattern generation).
    """
    rng = np.random.RandomState(1)
    w_in, w_rec, w_out = (rng.randn(100, n).T / 10 for n in (100, 100, 1))
    rng.randn(100, 1)  # the feedback
    np.fill_diagonal(w_rec, 0)
    spikes, target = PatternGeneration().draw(rng)
    alpha = np.exp(-1 / 30)
    y = readout_of(
        spikes, float32(w_in), float32(w_rec), float32(w_out), alpha=alpha, zeta=1 - alpha, kappa=alpha, v_th=0.03
    )
    assert 0.5 * np.sum((y - target) ** 2) == pytest.approx(101.964356999041, rel=1e-12)


def test_the_pattern():
    task = PatternGeneration()
    spikes, target = task.draw(np.random.RandomState(3))
    assert spikes.shape == (1000, 100) and spikes.dtype == bool and not spikes[0].any()
    # 99,900 draws at 0.05: 5 standard deviations are 0.0034
    assert abs(spikes[1:].mean() - 0.05) < 0.0034
    assert target.shape == (1000, 1) and target[0, 0] == 0 and np.abs(target).max() == 1
    # 1, 2, 3 and 5 cycles: nothing else is in it but the constant. The last point is the first one again.
    spectrum = np.abs(np.fft.rfft(target[:-1, 0]))
    assert set(np.flatnonzero(spectrum > 1e-9)) == {0, 1, 2, 3, 5}
    assert target[-1, 0] == pytest.approx(0, abs=1e-12)


def test_the_sample_is_the_same_in_every_part_and_is_held_once():
    task = PatternGeneration(iterations=10**6)
    split = task.split(len(task.data))
    assert (len(split.stream), len(split.validation), len(split.test)) == (10**6, 1, 1)
    spikes, target = task.draw(np.random.RandomState(1))
    asked = np.array([0, 999_999, 1_000_000, 1_000_001])
    for name, once in (("values", spikes), ("target", target)):
        made = task.data.arrays[name][asked]
        assert all(np.array_equal(row, once) for row in made)
        assert made.strides[0] == 0, "repeated without copies"
    np.testing.assert_array_equal(task.order(split.stream, 4), split.stream)


def learner(n=100, units=1, encoder=SpikeTrains, dt=1 * ms, **readout):
    net = Network(inputs=encoder(n), dt=dt)
    net.population("hidden", LIF(tau_m=20 * ms, v_th=0.6), n=30)
    net.population("second", LIF(tau_m=10 * ms, v_th=0.6), n=10)
    net.readout(LeakyReadout(units, tau=20 * ms, **{"target": "target", "loss": "squared_error"} | readout))
    net.connect("inputs", "hidden", Dense(), EProp(lr=1e-3))
    net.connect("inputs", "second", Dense(), EProp(lr=1e-3))
    net.connect("hidden", "readout", Dense(), EProp(lr=1e-3))
    net.connect("second", "readout", Dense(), EProp(lr=1e-3))
    return net


def test_a_network_learns_it():
    result = PatternGeneration(iterations=60).run(learner(), seed=2, test=True)
    assert result.stream.predictions is None and result.stream.labels is None and not result.labelled
    assert np.isnan(result.accuracy) and np.isnan(result.prequential_accuracy) and np.isnan(result.test_accuracy)
    assert result.loss < 0.5 * result.stream.losses[0]
    assert result.prequential_loss == pytest.approx(np.mean(result.stream.losses))
    # The parts are the pattern, with the weights that the stream has left: one loss for both
    np.testing.assert_array_equal(result.validation.losses, result.test.losses)
    assert result.test_loss == result.loss
    assert result.counts["samples"] == 60 and result.counts["steps"] == 60_000
    assert "accuracy" not in result.summary() and f"validation loss  {result.loss:.4f}" in result.summary()


@pytest.mark.slow
def test_the_frozen_network_scores_what_the_stream_saw():
    result = PatternGeneration(iterations=2).run(learner().freeze().without_plasticity(), seed=2)
    np.testing.assert_array_equal(result.stream.losses, np.repeat(result.validation.losses, 2))


@pytest.mark.slow
def test_the_loss_is_half_the_squared_error_summed():
    """From the readout's recorded y in every step."""
    task = PatternGeneration(iterations=2)
    spec = learner().freeze().without_plasticity()
    result = task.run(spec, seed=2, dtype="float64", record=["readout.y"], record_samples=1)
    target = task.data.arrays["target"][np.arange(1)][0]
    loss = 0.5 * np.sum((result.recordings["readout.y"] - target) ** 2)
    assert result.stream.losses[-1] == pytest.approx(loss, rel=1e-9)


SMALL = {"iterations": 2, "sample": 100 * ms, "periods": (100 * ms, 50 * ms)}


@pytest.mark.parametrize(("network", "words"), [
    (learner(target="label"), "PatternGeneration has no labels, but the readout 'readout' is compared with them"),
    (learner(units=3), "The target of PatternGeneration has 1 numbers a step, but the readout 'readout' has 3 units"),
    (learner(n=7), "The inputs must be as many as PatternGeneration has values, 100"),
    (learner(encoder=Poisson), "Poisson reads them once a sample; write inputs=SpikeTrains(100)"),
    (learner(dt=0.5 * ms), "The values of PatternGeneration have 100 steps, but sample = 100. * msecond is 200 steps"),
])  # fmt: skip
def test_a_network_that_does_not_fit_is_an_error(network, words):
    with pytest.raises(NetworkError, match=re.escape(words)):
        PatternGeneration(**SMALL).run(network)


def test_neurons_that_are_classes_do_not_fit():
    net = Network(inputs=SpikeTrains(100), dt=1 * ms)
    net.population("out", LIF(), n=2)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense())
    with pytest.raises(NetworkError, match="has no labels"):
        PatternGeneration(**SMALL).run(net)


@pytest.mark.parametrize(("numbers", "words"), [
    ({"sample": 100.5 * ms}, "`sample` of PatternGeneration must be in whole ms, but is 100.5"),
    ({"sample": 5 * ms}, "sample >= 0.01"),
    ({"iterations": 0}, "iterations >= 1"),
    ({"rate": 2000 * Hz}, "rate <= 1000"),
    ({"periods": ()}, "`periods` of PatternGeneration must be times such as (1000*ms, 500*ms), but is ()"),
    ({"periods": 50 * ms}, "must be times such as"),
    ({"periods": (50, 20)}, "but one is 50."),
    ({"periods": (200 * ms,)}, "must be in whole ms from 2 ms to sample"),
    ({"periods": (1.5 * ms,)}, "must be in whole ms from 2 ms to sample"),
    ({"seed": -1}, "seed >= 0"),
])  # fmt: skip
def test_numbers_that_make_no_pattern_are_errors(numbers, words):
    task = PatternGeneration(**SMALL | numbers)
    assert words in "\n".join(task.problems())
    with pytest.raises(NetworkError, match=re.escape(words)):
        task.run(learner())


def test_whole_numbers_may_be_given_as_floats():
    task = PatternGeneration(**SMALL | {"iterations": 1e1})
    assert task.iterations == 10 and isinstance(task.iterations, int) and len(task.data) == 12
