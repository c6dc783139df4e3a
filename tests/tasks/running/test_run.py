"""Streams that are run in pieces, each from the state that the one before has left, and tasks without labels."""

from __future__ import annotations

import dataclasses
import math
import re
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import ms

from snn import LIF, Dense, EProp, Signal
from snn.errors import Cancelled, NetworkError, OtherRun, RunTimeout, SNNError
from snn.results.part import Part
from snn.results.result import Result
from tasks import Data, Drawn
from tasks.running import run
from tests.support.choices import BACKENDS, COMPILED, LONG
from tests.support.noise import BYTES, STREAM, N, Noise, Ramp, assert_equal, eprop, follower, taught


@pytest.mark.parametrize("backend", LONG)
@pytest.mark.parametrize(("network", "record"), [
    (eprop, ["spikes", "hidden.v", "inputs->hidden.weight"]),
    (taught, ["spikes", "out.v", "inputs->out.weight"]),
], ids=["e-prop", "teacher"])  # fmt: skip
def test_a_run_in_pieces_is_exactly_the_run(monkeypatch, backend, network, record):
    """Noise, traces and states that go on (reset=False), and recordings over the bounds of pieces."""
    requests: list[int] = []
    task = Noise(sample=12 * ms, gap=2 * ms, reset=False, asked=lambda rows: requests.append(len(rows)))
    assert task.data_hash  # which asks for rows, once
    requests.clear()
    options = {"seed": 3, "backend": backend, "record": record, "record_samples": 6, "test": True}
    whole = task.run(network(), **options)
    passes = 2 if network is taught else 1
    assert requests == [1, STREAM * passes, 7, 5]
    assert whole.counts["weight_writes"] > 50 and whole.counts["spikes"] > 200
    assert len(whole.recordings[record[1]]) == 6 * 14 and len(whole.recordings[record[2].replace("->", "_to_")]) == 6

    requests.clear()
    monkeypatch.setattr(run, "PIECE", 4 * BYTES)
    assert_equal(task.run(network(), **options), whole)
    assert requests == [1, *[4 * passes] * 4, passes, 4, 3, 4, 1]

    if backend == "standalone":  # the other takes long to begin a piece
        monkeypatch.setattr(run, "PIECE", 1)  # a sample is not cut, nor taken from its first pass
        assert_equal(task.run(network(), **options), whole)


@pytest.mark.parametrize("backend", LONG)
@pytest.mark.parametrize("network", [eprop, taught])
def test_a_run_that_stops_and_goes_on_is_exactly_the_run(tmp_path, backend, network):
    """Through a file, with recordings over the bound, and without."""
    task = Noise(sample=12 * ms, gap=2 * ms, reset=False)
    options = {"seed": 3, "backend": backend, "record": ["spikes"], "record_samples": 6, "test": True}
    whole = task.run(network(), **options)
    assert whole.state is None
    result = None
    for upto, samples in ((0.125, 3), (0.5, 9), (0.75, 13)):
        result = task.run(network(), upto=upto, after=result, **options)
        assert len(result.stream) == result.counts["samples"] == samples == math.ceil(upto * STREAM)
        assert result.validation is None and result.test is None and np.isnan(result.accuracy)
        np.testing.assert_array_equal(result.stream.predictions, whole.stream.predictions[:samples])
        result.save(tmp_path / "rung.npz")
        result = Result.load(tmp_path / "rung.npz")
        assert "not scored" in result.summary()
    assert 0 < len(result.recordings["inputs.spikes"]) < len(whole.recordings["inputs.spikes"])
    assert_equal(task.run(network(), after=Result.from_bytes(result.to_bytes()), **options), whole)


def test_what_cannot_go_on_is_an_error(monkeypatch):
    task = Noise(sample=5 * ms)
    half = task.run(eprop(), upto=0.5, seed=1)
    other = eprop()
    other.population("more", LIF(), n=2)
    for network, options, words in (
        (eprop(), {"seed": 2}, "its seed is 1 instead of 2"),
        (other, {"seed": 1}, "the hash of its network is"),
        (eprop(), {"seed": 1, "dtype": "float64"}, "its dtype is 'float32'"),
        (eprop(), {"seed": 1, "upto": 0.5}, "after 9 of 17 samples and upto = 0.5 is sample 9"),
        (eprop(), {"seed": 1, "upto": 0.0}, "`0 < upto <= 1` must hold"),
    ):
        with pytest.raises(SNNError, match=re.escape(words)):
            task.run(network, after=half, **options)
    for data in ({"data": "0123456789abcdef"}, {}):  # of a result that an earlier version has saved, it is not there
        hashes = {name: value for name, value in half.hashes.items() if name != "data"} | data
        with pytest.raises(OtherRun, match=f"the hash of its data is {data.get('data', 'not known')} instead of"):
            task.run(eprop(), seed=1, after=dataclasses.replace(half, hashes=hashes))
    whole = task.run(eprop(), seed=1, after=half)
    with pytest.raises(SNNError, match="after 17 of 17 samples"):
        task.run(eprop(), seed=1, after=whole)


def test_a_piece_is_64_mib_of_numbers():
    assert run.PIECE == 2**26
    task = Noise()
    assert task.data.row_bytes == BYTES
    per_step = Data(
        Drawn((9, 100, 4), lambda rows: rows), signals={"target": np.zeros((9, 100, 2)), "once": np.ones(9)}
    )
    assert per_step.row_bytes == 8 * (100 * 4 + 100 * 2 + 1)


@pytest.mark.parametrize("backend", COMPILED)
def test_nothing_is_recorded_where_nothing_is_asked_for(monkeypatch, backend):
    monkeypatch.setattr(run, "PIECE", 4 * BYTES)
    result = Noise(sample=5 * ms).run(eprop(), backend=backend, record=["spikes", "hidden.v"], record_samples=0)
    assert len(result.recordings) > 1 and all(len(array) == 0 for array in result.recordings.values())


def test_a_name_that_cannot_be_recorded_ends_the_run_in_its_first_piece(monkeypatch):
    monkeypatch.setattr(run, "PIECE", 1)
    requests: list[int] = []
    task = Noise(asked=lambda rows: requests.append(len(rows)))
    assert task.data_hash and requests == [N]
    requests.clear()
    with pytest.raises(SNNError, match=r"nearest: 'hidden.v'"):
        task.run(eprop(), record=["hiden.v"])
    assert len(requests) == 2


@pytest.mark.slow
def test_cancelling_and_timeouts_act_between_pieces(monkeypatch):
    """The runs of pieces of 5 steps are over before they look: it is between them that the run ends."""
    monkeypatch.setattr(run, "PIECE", 1)
    Noise(sample=5 * ms).run(eprop())
    cancel, requests = threading.Event(), []

    def third(rows):
        requests.append(rows)
        if len(requests) == 4:  # one to check the signals
            cancel.set()

    task = Noise(sample=5 * ms, asked=third)
    assert task.data_hash
    requests.clear()
    with pytest.raises(Cancelled):
        task.run(eprop(), cancel=cancel)
    assert len(requests) == 4

    requests.clear()

    def slow(rows):
        requests.append(rows)
        time.sleep(0.15)

    task = Noise(sample=5 * ms, asked=slow)
    assert task.data_hash
    requests.clear()
    with pytest.raises(RunTimeout):
        task.run(eprop(), timeout=0.5)
    assert 1 <= len(requests) <= 5  # each of them takes 0.15 s at least


def test_drawn_rows():
    drawn = Drawn((5, 2), lambda rows: np.stack([rows, rows**2], axis=1))
    assert len(drawn) == 5
    np.testing.assert_array_equal(drawn[np.array([4, 0])], [[4, 16], [0, 0]])


# ---- tasks without labels


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_without_labels_gives_losses_alone(backend):
    result = Ramp(sample=10 * ms).run(follower(), backend=backend, test=True)
    for part, n in ((result.stream, 8), (result.validation, 2), (result.test, 2)):
        assert isinstance(part, Part) and part.predictions is None and part.labels is None
        assert part.losses.shape == (n,) and (part.losses > 0).all()
        assert np.isnan(part.accuracy) and part.loss == np.mean(part.losses)
    assert result.loss == result.validation.loss and result.prequential_loss == result.stream.loss
    assert result.counts["samples"] == 8


@pytest.mark.parametrize(("task", "network", "words"), [
    (Ramp(sample=10 * ms), follower(target="label"), "Ramp has no labels"),
    (Ramp(sample=10 * ms, width=3), follower(), "target of Ramp has 3 numbers a step, but the readout 'readout' has 2"),
    (Ramp(sample=11 * ms), follower(), "The target of Ramp has 10 steps, but sample = 11. * msecond is 11 steps"),
    (Noise(), follower(), "is compared with a target, but Noise gives none; write target='label'"),
])  # fmt: skip
def test_what_does_not_fit_is_an_error_before_anything_is_compiled(task, network, words):
    with pytest.raises(NetworkError, match=re.escape(words)):
        task.run(network)


def test_a_label_that_is_read_but_not_given_is_an_error():
    net = follower()
    net.drive("hidden", Signal("label", one_hot=True, teacher=True), gain=1.0)
    with pytest.raises(SNNError, match="the signal 'label', which the task does not give"):
        Ramp(sample=10 * ms).run(net)


def test_a_task_decides_its_order():
    @dataclass(frozen=True)
    class Sorted(Noise):
        def order(self, stream, seed):
            return np.sort(stream)

    stream = Noise().split(N).stream
    for seed in (1, 2):
        result = Sorted(sample=5 * ms).run(eprop(), seed=seed)
        np.testing.assert_array_equal(result.stream.labels, Noise().data.labels[np.sort(stream)])
    orders = [Noise().order(stream, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    shuffled = Noise(sample=5 * ms).run(eprop(), seed=1).stream.labels
    np.testing.assert_array_equal(shuffled, Noise().data.labels[orders[0]])


@pytest.mark.slow
def test_several_populations_and_rows_that_are_held_are_fine():
    """The same data held and made give the same numbers."""

    @dataclass(frozen=True)
    class Held(Noise):
        def load(self):
            data = super().load()
            return dataclasses.replace(data, values=data.values[np.arange(N)])

    def two():
        net = eprop()
        net.population("more", LIF(v_th=0.3), n=4)
        net.connect("hidden", "more", Dense(), EProp(lr=0.1))
        net.connect("more", "readout", Dense(), EProp(lr=0.1))
        return net

    held, made = (task(sample=6 * ms).run(two(), seed=2, test=True) for task in (Held, Noise))
    assert_equal(held, made)
