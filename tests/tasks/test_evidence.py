"""Evidence accumulation: the published draw, rates and windows, and sequences that need none of those before them."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from brian2 import Hz, ms
from scipy.stats import binom

from snn import LIF, Dense, EProp, LeakyReadout, Network, SpikeTrains
from snn.errors import NetworkError
from tasks import EvidenceAccumulation
from tests.support.published import float32, readout_of
from tests.support.task_contract import TaskContract

SHORT = {"cues": 3, "cue": 20 * ms, "pause": 5 * ms, "delay": 30 * ms, "recall": 15 * ms, "group": 2}


class TestEvidenceAccumulation(TaskContract):
    @pytest.fixture(params=["default lengths", "short"])
    def task(self, request):
        parts = {"sequences": 12, "validation": 9, "test": 8}
        return EvidenceAccumulation(**parts | (SHORT if request.param == "short" else {}))


def test_the_draw_gives_the_published_loss():
    """NEST's first loss of evidence accumulation with batches of one, before any learning.

    50 LIF and 50 ALIF neurons, tau_m = tau_out = 20 ms, zeta = 1, v_th = 0.6, refractory for 5 steps, tau_a = 2 s;
    cross-entropy, averaged over the 150 steps of the recall.
    """
    rng = np.random.RandomState(1)
    w_in, w_rec = rng.randn(40, 100).T / np.sqrt(40), rng.randn(100, 100).T / 10
    np.fill_diagonal(w_rec, 0)
    limit = np.sqrt(3 / max(1, (100 + 2) / 2))
    w_out = rng.uniform(-limit, limit, (100, 2)).T
    rng.randn(100, 2)  # the feedback
    spikes, labels = EvidenceAccumulation().draw(rng, 1)
    alpha = np.exp(-1 / 20)
    beta = np.repeat([0, 1.7 * (1 - np.exp(-1 / 2000)) / (1 - alpha)], 50)
    weights = (float32(w) for w in (w_in, w_rec, w_out))
    y = readout_of(
        spikes[0], *weights, alpha=alpha, zeta=1, kappa=alpha, v_th=0.6, beta=beta, rho=np.exp(-1 / 2000), n_ref=5
    )[-150:]
    log_pi = y - np.log(np.sum(np.exp(y), axis=1, keepdims=True))
    assert -np.mean(log_pi[:, labels[0]]) == pytest.approx(0.741152550006, rel=1e-11)


def published(n):
    return EvidenceAccumulation().draw(np.random.RandomState(5), n)


def ours(n):
    data = EvidenceAccumulation(sequences=n, seed=5).data
    return data.values[np.arange(n)], data.labels[:n]


def within(hits: int, draws: int, probability: float) -> bool:
    """Whether a count lies where it does but once in 10^6 times."""
    low, high = binom.ppf([5e-7, 1 - 5e-7], draws, probability)
    return low <= hits <= high


@pytest.mark.parametrize("draw", [published, ours])
def test_cues_labels_and_rates(draw):
    n = 150
    spikes, labels = draw(n)
    assert spikes.shape == (n, 2250, 40) and spikes.dtype == bool and set(labels) == {0, 1}
    left, right, recall, background = np.split(spikes, 4, axis=2)

    # Seven times 50 steps of pause and 100 of a cue, on exactly one side; after that both are silent
    cues = spikes[:, :1050, :20].reshape(n, 7, 150, 2, 10)
    assert not cues[:, :, :50].any()
    sides = cues.any(axis=(2, 4))  # no group is silent in a cue: 0.96^1000 = 2e-18
    assert (sides.sum(axis=2) == 1).all()
    assert not left[:, 1050:].any() and not right[:, 1050:].any()

    # The label is the majority
    on_the_right = sides[:, :, 1].sum(axis=1)
    np.testing.assert_array_equal(labels, on_the_right >= 4)

    # The majority is the favoured side with P(at least 4 of 7 at 0.7), and the favoured side is a coin's
    assert within(labels.sum(), n, 0.5)
    more = np.maximum(on_the_right, 7 - on_the_right)
    for k in range(4, 8):  # k of one side: the favoured one has k, or 7 - k
        assert within(np.sum(more == k), n, binom.pmf(k, 7, 0.7) + binom.pmf(7 - k, 7, 0.7))

    # Rates, and windows
    assert within((left | right).sum(), n * 7 * 100 * 10, 0.04)
    assert not recall[:, :-150].any() and within(recall[:, -150:].sum(), n * 150 * 10, 0.04)
    assert not background[:, 0].any() and within(background.sum(), n * 2249 * 10, 0.01)
    assert within(background[:, -150:].sum(), n * 150 * 10, 0.01)


def test_within_a_side_cues_are_independent_given_the_favoured_side():
    """Two cues agree with probability 0.7^2 + 0.3^2 = 0.58; each is on the right half of the time."""
    task = EvidenceAccumulation(sequences=4000, seed=2)
    agree = [a == b for k in range(4000) for a, b in [task._cues(task._generator(k))[:2]]]
    assert within(int(np.sum(agree)), 4000, 0.58)
    # P(most cues on the favoured side) = 0.874: with bias 1 every cue is
    sure = EvidenceAccumulation(sequences=50, bias=1.0)
    assert all(len(set(sure._cues(sure._generator(k)))) == 1 for k in range(50))


def test_the_length_follows_from_the_parts():
    assert EvidenceAccumulation().sample == 2250 * ms
    task = EvidenceAccumulation(**SHORT)
    assert task.sample == 120 * ms and task.data.values.shape == (9800, 120, 8)
    with pytest.raises(TypeError):
        EvidenceAccumulation(sample=100 * ms)


def test_sequences_do_not_depend_on_how_many_there_are():
    few, many = (EvidenceAccumulation(sequences=n, **SHORT).data for n in (3, 30))
    np.testing.assert_array_equal(few.values[np.array([2, 0])], many.values[np.array([2, 0])])
    np.testing.assert_array_equal(few.labels[:3], many.labels[:3])
    other = EvidenceAccumulation(sequences=3, seed=2, **SHORT).data
    assert not np.array_equal(few.values[np.arange(3)], other.values[np.arange(3)])


def test_the_stream_is_presented_as_drawn():
    task = EvidenceAccumulation(sequences=6, validation=2, test=3)
    split = task.split(len(task.data))
    np.testing.assert_array_equal(task.order(split.stream, 3), np.arange(6))
    np.testing.assert_array_equal(split.validation, [6, 7])
    np.testing.assert_array_equal(split.test, [8, 9, 10])


def learner(task, dt=1 * ms):
    net = Network(inputs=SpikeTrains(4 * task.group), dt=dt)
    net.population("hidden", LIF(tau_m=20 * ms, v_th=0.6), n=10)
    net.readout(LeakyReadout(2, tau=20 * ms, learning_window=task.recall))
    net.connect("inputs", "hidden", Dense(), EProp(lr=1e-2))
    net.connect("hidden", "readout", Dense(), EProp(lr=1e-2))
    return net


def test_a_stream_that_would_not_fit_is_never_held():
    """1,000 sequences of 90,000 spikes: 90 MB as bytes, 720 MB as numbers; making them takes far less."""
    task = EvidenceAccumulation(sequences=1000)
    tracemalloc.start()
    try:
        for begin in range(0, 1000, 10):
            task.data.values[np.arange(begin, begin + 10)]
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_easy_sequences_are_learned():
    """Sure sides and no delay leave an integration over a few cues, which LIF neurons can do."""
    task = EvidenceAccumulation(
        sequences=400, bias=1.0, cues=1, cue=50 * ms, pause=5 * ms, delay=0 * ms, recall=30 * ms, rate=200 * Hz
    )
    result = task.run(learner(task), seed=1, test=True)
    np.testing.assert_array_equal(result.stream.labels, task.data.labels[:400])
    np.testing.assert_array_equal(result.validation.labels, task.data.labels[400:500])
    assert result.accuracy > 0.75  # chance exceeds it with probability 1e-7
    assert result.period == 85


@pytest.mark.parametrize(("numbers", "words"), [
    ({"cues": 4}, "`cues` of EvidenceAccumulation must be odd, so that one side has more, but is 4"),
    ({"pause": 0.5 * ms}, "`pause` of EvidenceAccumulation must be in whole ms"),
    ({"cue": 0 * ms}, "cue > 0"),
    ({"recall": "long"}, "`recall` of the task EvidenceAccumulation must be a number"),
    ({"bias": 0.3}, "bias >= 0.5"),
    ({"sequences": 0}, "sequences >= 1"),
    ({"background": 1 * ms}, "must have the unit"),
])  # fmt: skip
def test_numbers_that_make_no_sequence_are_errors(numbers, words):
    task = EvidenceAccumulation(**SHORT | numbers)
    assert words in "\n".join(task.problems())
    with pytest.raises(NetworkError, match=re.escape(words)):
        task.run(learner(EvidenceAccumulation(**SHORT)))


def test_the_time_step_is_a_millisecond():
    task = EvidenceAccumulation(**SHORT)
    with pytest.raises(NetworkError, match=re.escape("have 120 steps, but sample = 120. * msecond is 240 steps")):
        task.run(learner(task, dt=0.5 * ms))
