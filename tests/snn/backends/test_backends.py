"""What every backend promises, on one network for each neuron, rule, connection and readout."""

import dataclasses

import numpy as np
import pytest
from brian2 import ms

from snn import LIF, Dense, LeakyReadout, Network, Neuron, SpikeReadout, SpikeTrains
from snn.backends.options import RunOptions
from snn.backends.program import Candidate, check_finite
from snn.backends.registry import load_program
from snn.connectivity.weights import Constant
from snn.errors import NotFinite
from tests.support.choices import BACKENDS, slow_but
from tests.support.networks import NETWORKS, spec_of, stream_for
from tests.support.runs import CLASSES, INPUTS, assert_same, part_of, run, stream

QUICK = ("eprop_lif", "reward_stdp")
TELLING = ("eprop_alif", "reward_stdp_step", "modulated", "local_rules", "own_neuron", "turns")
"""Networks that are much unlike one another, for what takes long."""
IN_SINGLE_PRECISION = {"eprop_alif", "local_rules", "own_neuron", "adex"}


@pytest.fixture(params=slow_but(NETWORKS, QUICK))
def name(request):
    return request.param


def test_standalone_equals_runtime(name):
    """Same spikes, weights and scores to 1e-9 in float64 (the spike trains agree throughout so short a run)."""
    spec, samples = spec_of(name), stream_for(name)
    slow, fast = (run(spec, samples, backend, record=("spikes",)) for backend in ("runtime", "standalone"))
    assert sum(len(spikes) for spikes in slow.recordings.values()) > 50
    assert_same(slow, fast, 1e-9)


def test_the_network_learns_something(name):
    spec, samples = spec_of(name), stream_for(name)
    before, after = (
        run(spec, dataclasses.replace(samples, learn=flag), "standalone")
        for flag in (np.zeros(len(samples), bool), samples.learn)
    )
    moved = [
        k
        for k in before.state.arrays
        if k.endswith(".weight") and not np.array_equal(before.state.arrays[k], after.state.arrays[k])
    ]
    assert moved
    assert sum(t.sum() for n, t in before.totals.items() if n.endswith("_writes")) == 0
    assert sum(t.sum() for n, t in after.totals.items() if n.endswith("_writes")) > 0


@pytest.mark.parametrize("reset", [True, False])
def test_a_run_in_pieces_is_the_run(name, reset):
    """State carries everything: pending spikes, refractoriness, eligibilities, random numbers, the step."""
    assert_pieces_are_the_whole(name, "standalone", reset)


@pytest.mark.parametrize("name", slow_but((*QUICK, *TELLING), QUICK[:1], nightly=QUICK[1:]))
def test_a_run_in_pieces_is_the_run_in_this_process(name):
    """Without resets, between which there is more to carry."""
    assert_pieces_are_the_whole(name, "runtime", reset=False)


def assert_pieces_are_the_whole(name, backend, reset):
    spec = spec_of(name)
    samples = stream_for(name, reset=np.full(6, reset))
    whole = run(spec, samples, backend, record=("spikes",))
    pieces, state = [], None
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):
        pieces.append(run(spec, part_of(samples, part), backend, state=state, record=("spikes",)))
        state = pieces[-1].state
    for array, value in whole.state.arrays.items():
        if "lastspike" not in array:
            np.testing.assert_array_equal(value, state.arrays[array], err_msg=array)
    for track in whole.recordings:
        np.testing.assert_array_equal(whole.recordings[track], np.concatenate([p.recordings[track] for p in pieces]))
    assert whole.state.step == state.step


@pytest.mark.slow
def test_a_preview_leaves_no_trace(name):
    """Each sample shown twice, first as a preview: the second showings are as if there had been no first."""
    spec, samples = spec_of(name), stream_for(name, reset=np.zeros(6, bool))
    twice = np.repeat(np.arange(6), 2)
    second = np.arange(12) % 2 == 1
    shown = dataclasses.replace(
        samples,
        signals={k: v[twice] for k, v in samples.signals.items()},
        learn=second,
        teach=second,
        reset=np.zeros(12, bool),
        preview=~second,
        record=second,
    )
    for backend in ("standalone", "runtime"):
        once, again = (run(spec, s, backend, record=("spikes",)) for s in (samples, shown))
        again = dataclasses.replace(again, outputs={k: v[1::2] for k, v in again.outputs.items()})
        assert_same(once, again, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(NETWORKS, QUICK[:1], nightly={*NETWORKS} - IN_SINGLE_PRECISION))
def test_float32_follows_float64(name):
    """As long as the spikes agree, which the first sample is short enough for."""
    spec, samples = spec_of(name), stream_for(name, n=1)
    exact, single = (run(spec, samples, "standalone", dtype, record=("spikes",)) for dtype in ("float64", "float32"))
    for track in exact.recordings:
        np.testing.assert_array_equal(exact.recordings[track], single.recordings[track])
    for array, value in exact.state.arrays.items():
        scale = np.abs(value).max(initial=1e-12) if value.dtype.kind == "f" else 1
        np.testing.assert_allclose(single.state.arrays[array] / scale, value / scale, atol=2e-5, err_msg=array)


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others(name):
    spec, samples = spec_of(name), stream_for(name)
    first, again, other = (run(spec, samples, "standalone", seed=seed) for seed in (3, 3, 4))
    assert_same(first, again, 0)
    weights = [k for k in first.state.arrays if k.endswith(".weight")]
    assert any(
        first.state.arrays[k].shape != other.state.arrays[k].shape
        or not np.array_equal(first.state.arrays[k], other.state.arrays[k])
        for k in weights
    )


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["pair_stdp", "eprop_alif"])
def test_cython_equals_numpy(name):
    """Cython takes two minutes to compile the code of e-prop."""
    spec, samples = spec_of(name), stream_for(name, n=2)
    assert_same(run(spec, samples, "runtime"), run(spec, samples, "runtime:cython"), 1e-9)


@pytest.mark.slow
def test_cython_equals_numpy_for_one_layer():
    """As few pieces of code as a network can have, which Cython compiles one by one."""
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("out", LIF(v_th=0.3), n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense())
    spec, samples = net.freeze(), stream(2, spikes=True)
    numpy, cython = (run(spec, samples, backend, record=("spikes",)) for backend in ("runtime", "runtime:cython"))
    assert len(numpy.recordings["out.spikes"]) > 5
    assert_same(numpy, cython, 1e-9)


def small(neuron):
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("hidden", neuron, n=3)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", "hidden", Dense(Constant(0.5)))
    net.connect("hidden", "readout", Dense())
    return net.freeze()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_guard_keeps_whole_numbers_from_being_divided_by_zero(backend):
    neuron = Neuron(
        "dv/dt = (I - v)/tau : 1\nI : 1\nperiod : integer",
        threshold="v > 0.01 and (period == 0 or i % period == 0)",
        reset="v = 0",
        parameters={"tau": 5 * ms},
    )
    outcome = run(small(neuron), stream(spikes=True), backend, record=("spikes",))
    assert len(outcome.recordings["hidden.spikes"]) > 10


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_diverges_is_refused_whether_its_state_is_wanted_or_not(backend, state):
    neuron = Neuron(
        "dx/dt = 1000*x/ms : 1\ndv/dt = (I - v)/tau : 1\nI : 1",
        threshold="v > 1",
        reset="v = 0",
        parameters={"tau": 5 * ms},
        initial={"x": 1.0},
        method="euler",
    )
    candidate = Candidate(small(neuron), 0)
    program = load_program(candidate, backend, "float64")
    samples = stream(n=8, spikes=True, reset=np.zeros(8, bool))
    with np.errstate(all="ignore"):
        outcome = program.advance([candidate], [samples], [None], RunOptions(state=state))[0]
    with pytest.raises(NotFinite, match=r"`hidden\.x` became infinite or not a number"):
        check_finite(outcome)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_empty_stream_is_a_run_without_samples(backend):
    outcome = run(spec_of("eprop_lif"), stream(n=0), backend)
    assert all(len(rows) == 0 for rows in outcome.outputs.values())
