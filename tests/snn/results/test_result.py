"""What a run gives back: files, scores, costs against a count by hand, weights put back, pictures."""

from __future__ import annotations

import dataclasses
import json
import zipfile

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn import Environment, LeakyReadout, Result, SNNError, SpikeReadout, structure_hash
from snn.backends.program import Candidate
from snn.results.part import Part
from tasks.running.run import decide
from tests.support.networks import eprop_lif, spec_of
from tests.support.results import STREAM, losses_of, result_of, run
from tests.support.runs import CLASSES

matplotlib.use("Agg")


# ---- files -------------------------------------------------------------------------------------------------------


def assert_same(a, b):
    for field in dataclasses.fields(Result):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, Part):
            left, right = vars(left), vars(right)
        if isinstance(left, dict) and any(isinstance(item, np.ndarray) for item in left.values()):
            assert list(left) == list(right)
            for key, item in left.items():
                if item is None:
                    assert right[key] is None
                    continue
                assert item.dtype == right[key].dtype and item.shape == right[key].shape
                assert item.tobytes() == right[key].tobytes(), key
        else:
            assert left == right, field.name


def test_save_and_load_are_exact(eprop, rewarded, tmp_path):
    for result in (eprop, rewarded):
        result.save(tmp_path / "result.npz")
        again = Result.load(tmp_path / "result.npz")
        assert_same(result, again)
        assert again.summary() == result.summary()
    assert rewarded.test is None and np.isnan(rewarded.loss)


def test_results_without_labels_are_saved_and_loaded(tmp_path):
    for result in (losses_of([3.0, 2.0]), losses_of([3.0, 2.0], test=Part(None, None, np.ones(2)))):
        result.save(tmp_path / "result.npz")
        again = Result.load(tmp_path / "result.npz")
        assert again.stream.labels is None and again.stream.predictions is None
        assert (again.test is None) == (result.test is None)
        assert_same(result, again)
        assert again.summary() == result.summary()


def test_a_file_holds_no_pickle(eprop, tmp_path):
    eprop.save(tmp_path / "result.npz")
    with np.load(tmp_path / "result.npz", allow_pickle=False) as data:
        assert all(data[name].dtype.kind in "fiubU" for name in data.files)
        assert json.loads(str(data["plain"]))["seed"] == 3


def test_a_pickle_is_refused_and_not_executed(tmp_path):
    class Mine:
        def __reduce__(self):
            return (tmp_path.joinpath("executed").touch, ())

    np.savez(tmp_path / "bad.npz", plain=np.array([Mine()], dtype=object))
    with pytest.raises(SNNError, match=r"bad.npz is not a result that can be read"):
        Result.load(tmp_path / "bad.npz")
    assert not (tmp_path / "executed").exists()


def test_damaged_files_are_refused(eprop, tmp_path):
    """Cut anywhere, bytes changed anywhere, members missing: an SNNError, or what was changed did not matter."""
    path, bad = tmp_path / "result.npz", tmp_path / "bad.npz"
    eprop.save(path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        bad.write_bytes(data[: rng.integers(0, len(data) - 1)])
        with pytest.raises(SNNError):
            Result.load(bad)
        changed = bytearray(data)
        begin = rng.integers(0, len(data))
        changed[begin : begin + 8] = rng.bytes(8)
        bad.write_bytes(changed)
        try:
            Result.load(bad)
        except SNNError as error:
            assert "bad.npz" in str(error)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert len(names) > 12
    for missing in ("plain.npy", "stream:labels.npy", "validation:predictions.npy"):
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bad, "w") as other:
            for name in set(names) - {missing}:
                other.writestr(name, archive.read(name))
        with pytest.raises(SNNError):
            Result.load(bad)


@pytest.mark.parametrize("content", [b"", b"SNN1 3\n", b"\x93NUMPY", b"PK\x03\x04", b'{"task": 1}', None])
def test_what_is_no_result(content, tmp_path):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SNNError, match=r"x\.npz"):
        Result.load(path)
    with pytest.raises(SNNError):
        Result.load(tmp_path)


# ---- scores ------------------------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 80))
def test_prequential_curve_is_a_sliding_mean(right, window):
    labels = np.zeros(len(right), int)
    curve = result_of(np.where(right, 0, 1), labels).prequential_curve(window)
    expected = [np.mean(right[max(0, k + 1 - window) : k + 1]) for k in range(len(right))]
    np.testing.assert_allclose(curve, expected, rtol=1e-12)
    assert curve[-1] == pytest.approx(np.mean(right)) or window < len(right)


def test_scores_and_summary():
    test = Part(np.array([0, 1]), np.array([1, 1]), np.array([0.5, 1.5]))
    result = result_of([0, 1, 2, 3], [0, 1, 2, 0], test=test, seconds=2.0)
    assert result.accuracy == result.prequential_accuracy == 0.75
    assert result.test_accuracy == 0.5 and result.test.loss == 1.0 and result.loss == 1.0
    assert (result.spikes, result.synaptic_operations, result.weight_writes) == (2.5, 12.5, 1.25)
    summary = result.summary()
    for text in ("4 samples streamed, seed 1", "0.7500", "0.5000", "standalone, float32, 2.0 s", "weights  50"):
        assert text in summary
    assert "not scored" in result_of([0], [0]).summary()


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.integers(1, 80))
def test_loss_curve_is_a_sliding_mean(losses, window):
    curve = losses_of(losses).loss_curve(window)
    expected = [np.mean(losses[max(0, k + 1 - window) : k + 1]) for k in range(len(losses))]
    np.testing.assert_allclose(curve, expected, atol=1e-12)  # sums to 600, rounded 60 times: below 60 * 600 * 2^-53


def test_without_labels_there_are_losses():
    result = losses_of([4, 3, 2, 1], test=Part(None, None, np.array([0.5, 1.5])))
    assert not result.labelled and result_of([0], [0]).labelled
    for accuracy in (result.accuracy, result.prequential_accuracy, result.test_accuracy, result.test.accuracy):
        assert isinstance(accuracy, float) and np.isnan(accuracy)
    assert result.prequential_loss == result.loss == 2.5 and result.test_loss == 1.0
    assert np.isnan(result.prequential_curve()).all() and len(result.prequential_curve()) == 4
    lines = [line.strip() for line in result.summary().splitlines()]
    assert lines[0].endswith("T, 4 samples streamed, seed 1")
    assert lines[1:4] == ["prequential loss  2.5000", "validation loss  2.5000", "test loss  1.0000"]
    assert "accuracy" not in result.summary()
    unscored = losses_of([4.0])
    assert unscored.test_loss is None and unscored.test_accuracy is None
    assert "test loss  not scored" in unscored.summary()


def test_a_result_says_where_it_comes_from(eprop):
    spec = spec_of("eprop_lif")
    assert eprop.hashes["network"] == spec.hash() and eprop.hashes["structure"] == structure_hash(spec)
    assert eprop.hashes.keys() == {"network", "structure", "task", "data"}
    assert {"python", "brian2", "numpy", "snnsearch"} <= set(eprop.versions)
    assert (eprop.task, eprop.seed, eprop.backend, eprop.dtype, eprop.period) == (
        "Patches",
        3,
        "standalone",
        "float64",
        25,
    )
    assert eprop.builds in (0, 1) and 0 < eprop.run_seconds <= eprop.seconds


# ---- costs, counted by hand --------------------------------------------------------------------------------------


def assert_costs(result, spec):
    planned = Candidate(spec, 3).plan
    rasters = {name.removesuffix(".spikes"): s for name, s in result.recordings.items() if name.endswith(".spikes")}
    assert set(rasters) == {"inputs", *(p.name for p in spec.populations)}
    assert result.counts["spikes"] == sum(len(spikes) for spikes in rasters.values()) > 100
    operations = 0
    for projection in spec.projections:
        pre = planned.synapses[f"{projection.source}_to_{projection.target}"].pre
        operations += sum(np.count_nonzero(pre == neuron) for _, neuron in rasters[projection.source])
    assert result.counts["synaptic_operations"] == operations
    assert result.counts["samples"] == STREAM and result.counts["steps"] == STREAM * 25


def test_spikes_and_synaptic_operations(eprop, rewarded):
    assert_costs(eprop, spec_of("eprop_lif"))
    assert_costs(rewarded, spec_of("reward_stdp"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["eprop_alif", "pair_stdp"])
def test_costs_of_sparse_synapses_and_of_a_first_pass(name):
    """The first has as many synapses a neuron as the seed gave it, the second a pass that does not count."""
    assert_costs(run(spec_of(name), record=["spikes"]), spec_of(name))


def test_weight_writes_are_the_weights_that_changed(eprop):
    """With one update a sample, what differs from one sample's end to the next has been written once."""
    planned = Candidate(spec_of("eprop_lif"), 3).plan
    changed = 0
    for block in ("inputs_to_hidden", "hidden_to_hidden", "hidden_to_readout"):
        history = eprop.recordings[f"{block}.weight"]
        assert history.shape == (STREAM, len(planned.synapses[block].pre))
        first = planned.synapses[block].variables["weight"].value
        changed += np.count_nonzero(np.diff(np.vstack([first, history]), axis=0))
        np.testing.assert_array_equal(eprop.weights[block.replace("_to_", "->")], history[-1])
    assert eprop.counts["weight_writes"] == changed > 1000


# ---- weights put back --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_trained_weights_put_back_and_frozen_predict_the_same(eprop):
    """Poisson inputs too: noise is a function of the step since the stream's beginning, which is the same."""
    frozen = spec_of("eprop_lif").with_weights(eprop.weights).without_plasticity()
    again = run(frozen, test=True)
    np.testing.assert_array_equal(again.validation.predictions, eprop.validation.predictions)
    np.testing.assert_allclose(again.validation.losses, eprop.validation.losses, rtol=1e-9)
    np.testing.assert_array_equal(again.test.predictions, eprop.test.predictions)
    assert again.counts["weight_writes"] == 0
    for name, weights in eprop.weights.items():
        np.testing.assert_array_equal(again.weights[name], weights)
    untrained = run(spec_of("eprop_lif").without_plasticity())
    assert not np.allclose(untrained.validation.losses, eprop.validation.losses)


# ---- the decision ------------------------------------------------------------------------------------------------


def test_the_decision_in_the_network_is_that_of_the_score(rewarded):
    """By count, ties by v, then the lower index: silent samples tie in everything."""
    at_end = slice(24, None, 25)
    score, tie, rank = (rewarded.recordings[f"out.{name}"][at_end] for name in ("readout_score", "readout_tie", "rank"))
    action = rewarded.recordings["environment.action"][at_end, 0]
    ties = [np.unique(row).size < row.size for row in score]
    assert np.count_nonzero(ties) > 5 and np.count_nonzero((score == 0).all(1) & (tie == 0).all(1)) > 1
    assert (np.sort(rank, axis=1) == np.arange(CLASSES)).all()
    np.testing.assert_array_equal(rank.argmin(1), decide(score, tie))
    np.testing.assert_array_equal(action, decide(score, tie))
    np.testing.assert_array_equal(action, rewarded.stream.predictions)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 4, *[st.integers(0, 2)] * 4), min_size=1, max_size=20))
def test_decide_is_the_unit_that_nobody_beats(rows):
    table = np.array(rows, float)
    scores, ties = table[:, :4], table[:, 4:]
    for row, chosen in enumerate(decide(scores, ties)):
        key = [(scores[row, k], ties[row, k], -k) for k in range(4)]
        assert key[chosen] == max(key)


@pytest.mark.slow
def test_a_leaky_readouts_decision():
    net = eprop_lif()
    net.environment(Environment("reward = int(action == label) : 1"))
    spec = net.freeze()
    assert isinstance(spec.readouts[0].readout, LeakyReadout) and not isinstance(spec.readouts[0].readout, SpikeReadout)
    result = run(spec, backend="runtime", record=["environment.action"])
    action = result.recordings["environment.action"][24::25, 0]
    np.testing.assert_array_equal(action, result.stream.predictions)
    assert len(np.unique(action)) > 1
