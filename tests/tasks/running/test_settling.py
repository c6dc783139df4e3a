"""The settling time against a count by hand from the scores of every step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import Hz, ms
from hypothesis import given
from hypothesis import strategies as st

from snn import LIF, Dense, LeakyReadout, Network, Neuron, Regular, Result, SNNError, SpikeReadout, Uniform
from snn.serial import serialisable
from tasks import Data, Split, Task
from tasks.running import run
from tasks.running.run import decide
from tasks.running.settling import settled_after
from tests.support.noise import Ramp, follower

WIDTH, CLASSES, N, STEPS, GAP = 6, 3, 12, 20, 3


@serialisable
@dataclass(frozen=True)
class Twice(Task):
    """Each sample once in the stream and once in the validation part, in the same order."""

    def load(self) -> Data:
        rng = np.random.default_rng(4)
        values, labels = rng.random((N, WIDTH)), rng.integers(0, CLASSES, N)
        values[0] = 0
        return Data(np.tile(values, (3, 1)), np.tile(labels, 3), CLASSES)

    def split(self, n: int) -> Split:
        return Split.cut(np.arange(n), [N, N, N])

    def order(self, stream: np.ndarray, seed: int) -> np.ndarray:
        return np.sort(stream)


TASK = Twice(sample=STEPS * ms, gap=GAP * ms)


def leaky(**readout):
    """Deterministic and without a rule: a sample has the same scores wherever it stands."""
    net = Network(inputs=Regular(WIDTH, rate=300 * Hz), dt=1 * ms)
    net.population("hidden", LIF(v_th=0.3), n=10)
    net.readout(LeakyReadout(CLASSES, tau=5 * ms, **readout))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return net


def spiking(decide="count", variable="v", model=None):
    net = Network(inputs=Regular(WIDTH, rate=300 * Hz), dt=1 * ms)
    net.population("out", model or LIF(v_th=0.5), n=CLASSES)
    net.readout(SpikeReadout("out", decide=decide, variable=variable))
    net.connect("inputs", "out", Dense(Uniform(0, 0.3)))
    return net


def by_hand(scores, ties):
    """Step by step: when the last change of each sample's decision was over."""
    settled = []
    for sample in range(len(scores) // (STEPS + GAP)):
        steps = range(sample * (STEPS + GAP), (sample + 1) * (STEPS + GAP))
        choices = [max(range(CLASSES), key=lambda k: (scores[t, k], ties[t, k], -k)) for t in steps]
        settled.append(1 + max((t for t in range(1, len(choices)) if choices[t] != choices[t - 1]), default=0))
    return settled


READOUTS = {
    "mean": leaky(),
    "last": leaky(decide="last", learning_window=8 * ms),
    "count": spiking(),
    "first_spike": spiking("first_spike"),
}


@pytest.mark.parametrize(("backend", "dtype"), [
    ("runtime", "float32"), pytest.param("standalone", "float64", marks=pytest.mark.slow)
])  # fmt: skip
@pytest.mark.parametrize("name", [
    "count", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mean", "last", "first_spike"))
])  # fmt: skip
def test_against_the_scores_of_every_step(backend, dtype, name, tmp_path):
    network = READOUTS[name]
    tracks = ["readout.score"] if "hidden" in network.freeze().sizes() else ["out.readout_score", "out.v"]
    options = {"backend": backend, "dtype": dtype, "record": tracks, "record_samples": N}
    result = TASK.run(network, settling=True, **options)
    scores = result.recordings[tracks[0]]
    ties = result.recordings[tracks[1]] if tracks[1:] else np.zeros_like(scores)
    expected = by_hand(scores, ties)
    np.testing.assert_array_equal(result.validation.settled, expected)
    np.testing.assert_array_equal(decide(scores, ties)[STEPS + GAP - 1 :: STEPS + GAP], result.validation.predictions)
    assert len(set(expected)) > 3, "the samples differ"
    assert result.settling_time_ms == pytest.approx(np.mean(expected), rel=1e-14)
    assert result.stream.settled is None and f"{result.settling_time_ms:,.4g} ms" in result.summary()

    result.save(tmp_path / "result.npz")
    again = Result.load(tmp_path / "result.npz")
    assert again.settling_time_ms == result.settling_time_ms and again.test is None

    plain = TASK.run(network, test=True, **options)  # asking for it changes nothing else
    assert plain.validation.settled is None and plain.settling_time_ms is None
    np.testing.assert_array_equal(plain.validation.predictions, result.validation.predictions)
    np.testing.assert_array_equal(plain.validation.losses, result.validation.losses)
    assert plain.counts == result.counts and list(plain.recordings) == list(result.recordings)
    assert "settling" not in plain.summary()


@pytest.mark.slow
def test_pieces_make_no_difference(monkeypatch):
    task = dataclasses.replace(TASK, reset=False)
    options = {"settling": True, "dtype": "float64"}
    whole = task.run(spiking(), **options).validation.settled
    monkeypatch.setattr(run, "PIECE", 1)
    np.testing.assert_array_equal(task.run(spiking(), **options).validation.settled, whole)


@pytest.mark.slow
def test_a_decision_that_never_changes_has_settled_after_one_time_step():
    """Without a spike all scores are equal, and the lowest index is the decision from the first step on."""
    net = Network(inputs=Regular(WIDTH, rate=300 * Hz), dt=0.5 * ms)
    net.population("out", LIF(v_th=1e6), n=CLASSES)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", "out", Dense())
    net.connect("out", "readout", Dense())
    result = TASK.run(net, settling=True, backend="runtime", dtype="float64")
    assert (result.validation.settled == 1).all() and result.settling_time_ms == 0.5


@given(st.integers(1, 6), st.integers(1, 8), st.data())
def test_settled_after_is_the_last_change(n, period, data):
    choices = data.draw(st.lists(st.integers(0, 2), min_size=n * period, max_size=n * period))
    scores = np.eye(3)[choices]
    settled = settled_after({"score": scores}, ("score",), period, decide)
    rows = np.reshape(choices, (n, period))
    for row, after in zip(rows, settled, strict=True):
        assert 1 <= after <= period
        assert (row[after - 1 :] == row[-1]).all()
        assert after == 1 or row[after - 2] != row[-1]
    # Ties decide where scores are equal.
    tied = settled_after({"s": np.zeros_like(scores), "v": scores}, ("s", "v"), period, decide)
    np.testing.assert_array_equal(tied, settled)


def test_a_task_without_labels_decides_nothing():
    with pytest.raises(SNNError, match="Ramp has no labels to decide on"):
        Ramp(sample=10 * ms).run(follower(), settling=True)


def test_ties_that_an_expression_breaks_cannot_be_followed():
    model = Neuron(
        "dv/dt = (I - v)/(10*ms) : 1\nI : 1\ndistance = 1 - v : 1", threshold="v > 1", reset="v = 0", method="euler"
    )
    with pytest.raises(SNNError, match=r"'readout' breaks them by the expression 'distance'; choices: .*'v'"):
        TASK.run(spiking(variable="distance", model=model), settling=True)
