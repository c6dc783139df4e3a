"""Imperfect devices, drift, traces of few bits and limited fan-in, against an independent program and by their laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    Chip,
    Dense,
    FixedFanIn,
    FromArray,
    LeakyReadout,
    Network,
    OneToOne,
    PairSTDP,
    Poisson,
    RewardSTDP,
    Sparse,
    structure_hash,
)
from snn.backends.program import Candidate
from snn.errors import NetworkError
from snn.lowering.memory import memory_bits
from snn.random import normal, uniform
from tests.support.chip_reference import Cells, pair_proposals
from tests.support.chips import HIGH, LOW, N_POST, N_PRE, STEPS, N, on_backends, told, told_stream
from tests.support.choices import BACKENDS, slow_but
from tests.support.networks import spec_of, stream_for
from tests.support.runs import part_of, run, stream

FEW = dict(weight_bits=5, w_range=(LOW, HIGH), rounding="stochastic")
DEVICES = dict(stuck_fraction=0.2, write_noise=0.3, asymmetry=0.2, variability=0.4, drift=4 * Hz)
A_PLUS, A_MINUS = 0.08, 0.05
RULE = PairSTDP(a_plus=A_PLUS, a_minus=A_MINUS, tau_plus=10 * ms, tau_minus=10 * ms)
CHIPS = {
    "real numbers": Chip(**DEVICES),
    "few bits": Chip(**FEW, **DEVICES),
    "accumulator": Chip(**FEW, **DEVICES, accumulator_bits=3),
    "at a sample's end": Chip(**FEW, **DEVICES, write="sample"),
}


def gains_of(spec, seed=3):
    return Candidate(spec, seed).plan.synapses["inputs_to_out"].variables["chip_gain"].value


def reference(chip: Chip, samples, weights, gains, seed=3) -> Cells:
    """Pair STDP on imperfect devices, drawing in the order noise, rounding; drift comes last."""
    element = np.arange(N_PRE * N_POST)
    few, waits, accumulates = chip.weight_bits is not None, chip.write == "sample", chip.accumulator_bits is not None

    def draws(kind, scale=1.0):
        return lambda stream, t: scale * kind(seed, stream, t, element).reshape(N_PRE, N_POST)

    cells = Cells(
        np.array(weights, float).reshape(N_PRE, N_POST),
        draw=draws(uniform),
        low=LOW,
        step=(HIGH - LOW) / 31 if few else None,
        levels=32,
        stochastic=few,
        accumulator=chip.accumulator_bits,
        gain=gains.reshape(N_PRE, N_POST),
        up=1.2,
        down=0.8,
        noise=draws(normal, 0.3),
    )
    # With an accumulator each of the two proposals draws three numbers; else noise and, on a grid, rounding draw one.
    each = 1 + few + accumulates
    streams = {"pre": 2, "post": 2 + each}
    drift = 2 + each * (1 if waits else 2)
    spikes = (samples.signals[name].reshape(-1, n) for name, n in (("values", N_PRE), ("fire", N_POST)))
    for t, proposals in enumerate(pair_proposals(*spikes, A_PLUS, A_MINUS, np.exp(-1 / 10))):
        for event, dw, where in proposals:
            cells.propose(dw, where, streams[event], t, at_once=not waits, then=streams[event] + 1)
        if (t + 1) % STEPS == 0:
            if waits:
                cells.flush(np.ones_like(cells.w, bool), 2, t)
            cells.drift(0.0, np.exp(-4 * STEPS * 1e-3), drift, t)
    return cells


@pytest.mark.parametrize(("name", "backend"), on_backends(CHIPS, quick=("accumulator", "at a sample's end")))
def test_devices_against_numpy(name, backend):
    chip, samples = CHIPS[name], told_stream()
    first = np.random.default_rng(1).uniform(LOW, HIGH, N_PRE * N_POST)
    spec = told(RULE, chip, first)
    gains = gains_of(spec)
    assert 0 < np.count_nonzero(gains == 0) < len(gains) and gains.std() > 0.1
    outcome = run(spec, samples, backend)
    cells = reference(chip, samples, first, gains)
    np.testing.assert_allclose(outcome.state.arrays["inputs_to_out.weight"], cells.w.ravel(), rtol=1e-9, atol=1e-12)
    assert outcome.totals["out.inputs_to_out_writes"].sum() == cells.writes > 10


def test_stuck_synapses_keep_their_first_weight():
    """Whatever else the chip has: about as many as were asked for, from the seed, and no others."""
    chip = Chip(stuck_fraction=0.25, drift=5 * Hz, write_noise=0.1)
    rule = RewardSTDP(lr=0.02, on="step", factor="told")
    spec = told(rule, chip)
    samples = told_stream(n=10, p=0.5)
    last = run(spec, samples).state.arrays["inputs_to_out.weight"]
    np.testing.assert_array_equal(last == 0.25, gains_of(spec) == 0)
    assert not np.array_equal(gains_of(spec, 3), gains_of(spec, 4))
    many = np.concatenate([gains_of(spec, seed) == 0 for seed in range(100)])
    assert abs(many.mean() - 0.25) < 3 * np.sqrt(0.25 * 0.75 / len(many))
    everything = run(told(rule, Chip(stuck_fraction=1.0)), samples)
    assert np.all(everything.state.arrays["inputs_to_out.weight"] == 0.25)
    assert everything.totals["out.inputs_to_out_writes"].sum() == 0


def test_faults_of_no_strength_are_none():
    """Exactly, in real numbers: factors of 1."""
    chip = Chip(stuck_fraction=0.0, write_noise=0.0, asymmetry=0.0, variability=0.0, drift=0 * Hz)
    plain, even = run(told(RULE), told_stream()), run(told(RULE, chip), told_stream())
    np.testing.assert_array_equal(plain.state.arrays["inputs_to_out.weight"], even.state.arrays["inputs_to_out.weight"])


def test_variability_has_its_mean_and_deviation():
    """Of 3,000 synapses, within 3 standard errors; 0.1 never comes near 0."""
    chip = Chip(variability=0.1)
    gains = chip.gains(np.random.default_rng(0), 3000)
    assert abs(gains.mean() - 1) < 3 * 0.1 / np.sqrt(3000)
    assert abs(gains.std() - 0.1) < 3 * 0.1 / np.sqrt(2 * 3000)
    np.testing.assert_array_equal(chip.gains(np.random.default_rng(0), 9)[:2] > 0, True)
    both = dataclasses.replace(chip, stuck_fraction=0.3).gains(np.random.default_rng(0), 3000)
    np.testing.assert_array_equal(both[both > 0], gains[both > 0])


def test_drift_is_exponential():
    """Towards zero or the end of the range next to it, for the time that was learned in, gap included."""
    for w_range, rest in ((None, 0.0), ((-1.0, -0.5), -0.5), ((0.1, 1.0), 0.1)):
        spec = told(PairSTDP(a_plus=0, a_minus=0), Chip(w_range=w_range, drift=2 * Hz))
        samples = dataclasses.replace(told_stream(n=4), gap=8, learn=np.array([True, False, True, True]))
        outcome = run(spec, samples)
        expected = rest + (0.25 - rest) * np.exp(-2 * 3 * (STEPS + 8) * 1e-3)
        np.testing.assert_allclose(outcome.state.arrays["inputs_to_out.weight"], expected, rtol=1e-12)
        assert outcome.totals["out.inputs_to_out_writes"].sum() == 0
    fixed = run(spec_of("explicit_spikes").on_chip(Chip(drift=2 * Hz)), stream_for("explicit_spikes"))
    first = Candidate(spec_of("explicit_spikes"), 3).plan.synapses["inputs_to_hidden"].variables["weight"].value
    np.testing.assert_array_equal(fixed.state.arrays["inputs_to_hidden.weight"], first)


# ---- traces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rounding", "backend"), on_backends(("nearest", "stochastic"), quick=("stochastic",)))
def test_traces_against_numpy(rounding, backend):
    """Four bits up to 1.5, which two spikes exceed. Streams: the inputs', then decay and jump of either side."""
    samples = told_stream(p=0.4)
    outcome = run(told(RULE, Chip(trace_bits=4, trace_max=1.5, rounding=rounding)), samples, backend)

    def kept(side, x, spiked, t):
        stream = {"pre": 2, "post": 4}[side] + spiked
        draw = uniform(3, stream, t, np.arange(x.size)).reshape(x.shape) if rounding == "stochastic" else 0.5
        return 0.1 * np.clip(np.floor(x / 0.1 + draw), 0, 15)

    w = np.full((N_PRE, N_POST), 0.25)
    spikes = (samples.signals[name].reshape(-1, n) for name, n in (("values", N_PRE), ("fire", N_POST)))
    for proposals in pair_proposals(*spikes, A_PLUS, A_MINUS, np.exp(-1 / 10), kept):
        for _, dw, where in proposals:
            w = w + np.where(where, dw, 0)
    np.testing.assert_allclose(outcome.state.arrays["inputs_to_out.weight"], w.ravel(), rtol=1e-9)
    for name, n in (("inputs.inputs_to_out_x", N_PRE), ("out.inputs_to_out_y", N_POST)):
        levels = outcome.state.arrays[name] / 0.1
        assert len(levels) == n and levels.max() <= 15 + 1e-9
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-9)


def test_traces_have_the_bits_of_the_chip():
    spec = told(RULE)
    bits = [memory_bits(Candidate(spec.on_chip(chip), 3).plan, "float32") for chip in (Chip(), Chip(trace_bits=7))]
    assert bits[0] - bits[1] == (N_PRE + N_POST) * (32 - 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(("eprop_alif", "eprop_average", "resonate_and_fire"), ["eprop_alif"]))
def test_fine_traces_are_no_chip(name):
    """32 bits up to 64: every trace is off by half of 2**-26 at most, each step anew."""
    spec, samples = spec_of(name), stream_for(name, n=2)
    fine = run(spec.on_chip(Chip(trace_bits=32, trace_max=64)), samples)
    plain = run(spec, samples)
    for key, array in plain.state.arrays.items():
        if key.endswith("weight"):
            np.testing.assert_allclose(fine.state.arrays[key], array, atol=1e-6)


# ---- fan-in ------------------------------------------------------------------------------------------------------


def crowded(chip=None, connection=None, weights=None):
    """20 neurons with 12 inputs each and up to 20 of their own; a readout of 4 units with 20."""
    net = Network(inputs=Poisson(12, rate=150 * Hz), dt=1 * ms, chip=chip)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.8), n=20)
    net.readout(LeakyReadout(4))
    net.connect("inputs", "hidden", Dense() if weights is None else Dense(FromArray(weights)), PairSTDP())
    net.connect("hidden", "hidden", connection or Dense())
    net.connect("hidden", "readout", Dense())
    return net.freeze()


def test_too_many_synapses_are_refused_all_at_once():
    with pytest.raises(NetworkError) as raised:
        crowded(Chip(fan_in=19))
    text = str(raised.value)
    assert "'hidden' receives 31 (12 by 'inputs->hidden', 19 by 'hidden->hidden')" in text
    assert "'readout' receives 20 (20 by 'hidden->readout')" in text and "over_fan_in='prune'" in text
    assert crowded(Chip(fan_in=31)).chip.fan_in == 31
    for connection, n in ((FixedFanIn(k=3), 15), (OneToOne(), 13), (Dense(autapses=True), 32), (Sparse(p=0.5), 21.5)):
        crowded(Chip(fan_in=max(20, int(np.ceil(n)))), connection)
        with pytest.raises(NetworkError, match=rf"'hidden' receives {n} "):
            crowded(Chip(fan_in=int(n - 0.1)), connection)


def test_sparse_synapses_are_counted_when_they_are_drawn():
    """31 are just enough on average, 12 + 0.95 * 20, and not for everybody; the hash of structures asks nobody."""
    spec = crowded(Chip(fan_in=31), Sparse(p=0.95, autapses=True))
    with pytest.raises(NetworkError, match=r"\d+ of 'hidden' receive more, up to 32, from 'inputs->hidden', "):
        run(spec, stream())
    assert structure_hash(spec) == structure_hash(crowded(None, Sparse(p=0.95, autapses=True)))


def test_pruning_keeps_as_many_as_fit_at_random():
    spec = crowded(Chip(fan_in=10, over_fan_in="prune"))
    shares = []
    for seed in range(60):
        plan = Candidate(spec, seed).plan
        names = ("inputs_to_hidden", "hidden_to_hidden", "hidden_to_readout")
        inputs, own, out = (plan.synapses[name] for name in names)
        counts = np.bincount(inputs.post, minlength=20) + np.bincount(own.post, minlength=20)
        assert set(counts) == {10} and set(np.bincount(out.post, minlength=4)) == {10}
        assert len(inputs.variables["weight"].value) == len(inputs.post)
        shares.append(len(inputs.post) / 200)
    error = np.sqrt(10 * 12 / 31 * 19 / 31 * 21 / 30) / 10  # hypergeometric, of one neuron
    assert abs(np.mean(shares) - 12 / 31) < 3 * error / np.sqrt(60 * 20)
    assert memory_bits(Candidate(spec, 1).plan, "float32") < memory_bits(Candidate(crowded(), 1).plan, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_a_pruned_run_fit_again(backend):
    chip = Chip(fan_in=10, over_fan_in="prune")
    spec = crowded(chip)
    candidate, samples = Candidate(spec, 3), stream()
    weights = candidate.weights(run(spec, samples, backend).state)
    assert weights["inputs->hidden"].size < 240
    again = spec.with_weights(weights)
    frozen = dataclasses.replace(samples, learn=np.zeros(len(samples), bool))
    after = Candidate(again, 3).weights(run(again, frozen, backend).state)
    for name, array in weights.items():
        np.testing.assert_array_equal(after[name], array)


def test_given_weights_of_all_synapses_are_pruned_with_them():
    full = np.arange(240.0)
    block = Candidate(crowded(Chip(fan_in=10, over_fan_in="prune"), weights=full), 3).plan.synapses["inputs_to_hidden"]
    np.testing.assert_array_equal(block.variables["weight"].value, 20.0 * block.pre + block.post)
    with pytest.raises(NetworkError, match="one number per synapse"):
        Candidate(crowded(Chip(fan_in=10, over_fan_in="prune"), weights=full[:7]), 3).plan  # noqa: B018


def test_everything_wrong_with_devices_is_said():
    wrong = Chip(
        stuck_fraction=1.5, write_noise=-1, asymmetry=2, variability=-0.1, drift=3, fan_in=0, over_fan_in="drop",
        trace_bits=33, trace_max=0, energy="Loihl",
    )  # fmt: skip
    with pytest.raises(NetworkError) as raised:
        told(RULE, wrong)
    for part in (
        "`stuck_fraction <= 1`", "`write_noise >= 0`", "`asymmetry <= 1`", "`variability >= 0`",
        "`drift` of the chip must have the unit", "`fan_in >= 1`", "choices: 'prune', 'refuse'",
        "`trace_bits <= 32`", "`trace_max > 0`", "nearest: 'Loihi'",
    ):  # fmt: skip
        assert part in str(raised.value)


@pytest.mark.parametrize("name", ["few bits", "accumulator"])
def test_json_of_devices(name):
    spec = told(RULE, CHIPS[name])
    again = type(spec).from_json(spec.to_json())
    assert again == spec and again.chip == CHIPS[name]
    other = dataclasses.replace(CHIPS[name], write_noise=0.0, variability=1.0, drift=0 * Hz, stuck_fraction=0.9)
    assert structure_hash(spec.on_chip(other)) == structure_hash(spec)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_devices_in_pieces(backend):
    spec, samples = told(RULE, dataclasses.replace(CHIPS["accumulator"], trace_bits=6)), told_stream(n=N - 1)
    whole, state = run(spec, samples, backend), None
    for k in range(N - 1):
        piece = part_of(samples, slice(k, k + 1))
        state = run(spec, piece, backend, state=state).state
    for key, array in whole.state.arrays.items():
        np.testing.assert_array_equal(state.arrays[key], array)
