"""What a chip writes: laws of rounding, and both backends against an independent program."""

from __future__ import annotations

import dataclasses
import json
from itertools import product

import numpy as np
import pytest
from brian2 import ms
from hypothesis import given
from hypothesis import strategies as st

from snn import Chip, Dense, FromArray, Network, PairSTDP, RewardSTDP, Signal, SpikeReadout, SpikeTrains, structure_hash
from snn.backends.program import Candidate, Samples
from snn.chip import Grid
from snn.errors import NetworkError
from snn.lowering.memory import memory_bits
from snn.network.spec import NetworkSpec
from snn.random import uniform
from tests.support.chip_reference import Cells, pair_proposals
from tests.support.chips import FIRED, HIGH, LOW, N_POST, N_PRE, STEPS, N, on_backends, told, told_stream
from tests.support.choices import slow_but
from tests.support.networks import NETWORKS, spec_of, stream_for
from tests.support.runs import part_of, run

# ---- levels ------------------------------------------------------------------------------------------------------

GRIDS = st.builds(
    Grid,
    low=st.floats(-10, 10),
    high=st.floats(10.5, 30),
    bits=st.integers(1, 20),
)
NUMBERS = st.lists(st.floats(-50, 50), min_size=2, max_size=20).map(np.array)


@given(GRIDS, NUMBERS)
def test_rounding_to_levels_is_idempotent_and_monotone(grid, weights):
    rounded = grid.nearest(weights)
    np.testing.assert_array_equal(grid.nearest(rounded), rounded)
    assert np.all(np.diff(grid.nearest(np.sort(weights))) >= 0)
    assert np.all((grid.low <= rounded) & (rounded <= grid.high))


@given(GRIDS, NUMBERS)
def test_no_level_is_nearer(grid, weights):
    """Within the range; at most half a step away, but for a rounding error of numbers up to 50."""
    weights = np.clip(weights, grid.low, grid.high)
    assert np.all(np.abs(grid.nearest(weights) - weights) <= grid.step / 2 + 50 * 2**-50)


@given(GRIDS, st.floats(-9, 10), st.floats(10.5, 30))
def test_narrower_bounds_are_kept_by_levels(grid, w_min, w_max):
    narrow = dataclasses.replace(grid, w_min=w_min, w_max=w_max)
    first, last = narrow.levels
    if first <= last:
        levels = narrow.nearest(np.linspace(-50, 50, 31))
        assert levels.min() >= w_min and levels.max() <= w_max
        np.testing.assert_allclose(grid.nearest(levels), levels, atol=2e-4 * grid.step)


# ---- writes ------------------------------------------------------------------------------------------------------

CHIPS = {
    "nearest": Chip(weight_bits=5),
    "stochastic": Chip(weight_bits=5, rounding="stochastic"),
    "sample": Chip(weight_bits=5, write="sample", rounding="stochastic"),
    "event": Chip(weight_bits=5, write="event", rounding="stochastic"),
    "accumulator": Chip(weight_bits=4, accumulator_bits=5),
    "accumulator, sample": Chip(weight_bits=4, accumulator_bits=3, write="sample", rounding="stochastic"),
    "accumulator, event": Chip(weight_bits=4, accumulator_bits=3, write="event", rounding="stochastic"),
    "real numbers, sample": Chip(write="sample"),
    "real numbers, event": Chip(write="event"),
}
CHIPS = {name: dataclasses.replace(chip, w_range=(LOW, HIGH)) for name, chip in CHIPS.items()}


def reference(chip: Chip, samples: Samples, a_plus, a_minus, weights, seed=3) -> Cells:
    """Pair STDP of 10 ms on a chip; the first stream of random numbers belongs to the inputs."""
    element = np.arange(N_PRE * N_POST)
    bits = chip.weight_bits
    cells = Cells(
        np.array(weights, float).reshape(N_PRE, N_POST),
        draw=lambda stream, t: uniform(seed, stream, t, element).reshape(N_PRE, N_POST),
        low=LOW,
        step=None if bits is None else (HIGH - LOW) / (2**bits - 1),
        levels=0 if bits is None else 2**bits,
        stochastic=chip.rounding == "stochastic",
        accumulator=chip.accumulator_bits,
    )
    spikes = (samples.signals[name].reshape(-1, n) for name, n in (("values", N_PRE), ("fire", N_POST)))
    streams = {"pre": 2, "post": 3}
    everywhere = np.ones_like(cells.w, bool)
    flush = 4 if chip.accumulator_bits is not None else 2
    for t, proposals in enumerate(pair_proposals(*spikes, a_plus, a_minus, np.exp(-1 / 10))):
        for event, dw, where in proposals:
            cells.propose(dw, where, streams[event], t, at_once=chip.write == "step")
        if chip.write == "event":
            for event, _, where in proposals:
                cells.flush(where, flush + (event == "post"), t)
        if chip.write == "sample" and (t + 1) % STEPS == 0:
            cells.flush(everywhere, flush, t)
    return cells


@pytest.mark.parametrize(("name", "backend"), on_backends(CHIPS, quick=("nearest", "sample", "accumulator, event")))
def test_writes_against_numpy(name, backend):
    chip, samples = CHIPS[name], told_stream()
    rule = PairSTDP(a_plus=0.08, a_minus=0.05, tau_plus=10 * ms, tau_minus=10 * ms)
    first = np.random.default_rng(1).uniform(LOW, HIGH, N_PRE * N_POST)
    outcome = run(told(rule, chip, first), samples, backend)
    cells = reference(chip, samples, 0.08, 0.05, first)
    np.testing.assert_allclose(outcome.state.arrays["inputs_to_out.weight"], cells.w.ravel(), rtol=1e-9, atol=1e-12)
    assert outcome.totals["out.inputs_to_out_writes"].sum() == cells.writes > 10
    waiting = outcome.state.arrays.get("inputs_to_out.chip_waiting")
    if waiting is not None:
        np.testing.assert_allclose(waiting, cells.waiting.ravel(), rtol=1e-9, atol=1e-12)


def test_changes_below_half_a_step_vanish_under_nearest():
    step = (HIGH - LOW) / 15
    chip = Chip(weight_bits=4, w_range=(LOW, HIGH))
    for share, moved in ((0.499, False), (0.501, True)):  # the nearest pair is a step apart: a trace of exp(-1/20)
        rule = PairSTDP(a_plus=share * step * np.exp(1 / 20), a_minus=0)
        samples = told_stream(n=1)
        samples.signals["values"][:], samples.signals["fire"][:] = 0, 0
        samples.signals["values"][0, 0, :], samples.signals["fire"][0, 1, :] = 1, 1
        outcome = run(told(rule, chip), samples)
        assert (outcome.totals["out.inputs_to_out_writes"].sum() > 0) == moved


SINGLE = pytest.param("standalone", "float32", marks=pytest.mark.slow)


@pytest.mark.parametrize(("backend", "dtype"), [("runtime", "float64"), SINGLE])
def test_stochastic_rounding_is_right_on_average(backend, dtype):
    """4,000 synapses propose 0.3 steps, twice, one up and one down: a mean within 3 standard errors of each."""
    step = (HIGH - LOW) / 255
    for a_plus, a_minus in ((0.3, 0), (0, 0.3)):
        net = Network(inputs=SpikeTrains(1000), dt=1 * ms, chip=Chip(8, "stochastic", (LOW, HIGH)))
        net.population("out", FIRED, n=4, signals={"fire": Signal("fire", per="step")})
        net.readout(SpikeReadout("out"))
        rule = PairSTDP(a_plus=a_plus * step * np.exp(1 / 20), a_minus=a_minus * step * np.exp(1 / 20))
        net.connect("inputs", "out", Dense(FromArray(np.full(4000, 0.25))), rule)
        spec = net.freeze()
        samples = told_stream(n=1)
        values, fire = np.zeros((1, STEPS, 1000)), np.zeros((1, STEPS, 4))
        first, second = (values, fire) if a_plus else (fire, values)
        first[0, 0], second[0, 1] = 1, 1
        samples = dataclasses.replace(samples, signals={"values": values, "fire": fire})
        before = Candidate(spec, 3).plan.synapses["inputs_to_out"].variables["weight"].value
        moved = (run(spec, samples, backend, dtype).state.arrays["inputs_to_out.weight"] - before) / step
        assert set(np.round(moved, 3)) <= {-1, 0, 1}
        error = np.sqrt(0.3 * 0.7 / 4000)
        assert abs(moved.mean() - (a_plus - a_minus)) < 3 * error


def test_an_accumulator_writes_on_overflow_what_was_proposed():
    """In sum within a step; proposals are far below half of one, and 16 bits leave next to no rounding."""
    rule = PairSTDP(a_plus=0.004, a_minus=0.003)
    samples = told_stream(n=20)
    exact = run(told(rule), samples).state.arrays["inputs_to_out.weight"] - 0.25
    chip = Chip(weight_bits=4, w_range=(LOW, HIGH), accumulator_bits=16)
    spec = told(rule, chip)
    first = Candidate(spec, 3).plan.synapses["inputs_to_out"].variables["weight"].value
    outcome = run(spec, samples)
    step, unit = 0.1, 0.1 / 2**16
    written = outcome.state.arrays["inputs_to_out.weight"] - first
    proposals = 20 * STEPS * 2  # at most, and each is rounded by half a unit at most
    waiting = outcome.state.arrays["inputs_to_out.chip_waiting"] * unit
    assert np.all(np.abs(waiting) < step) and outcome.totals["out.inputs_to_out_writes"].sum() > 0
    assert np.abs(exact).max() > step
    np.testing.assert_allclose(written + waiting, exact, atol=proposals * unit / 2)
    nothing = run(told(rule, dataclasses.replace(chip, accumulator_bits=None)), samples)
    assert nothing.totals["out.inputs_to_out_writes"].sum() == 0


def test_a_sample_writes_once():
    """Every synapse at most once a sample, and without a grid what is written in steps, at other times."""
    rule = RewardSTDP(lr=0.02, on="step", factor="told")
    samples = told_stream()
    each, once = run(told(rule), samples), run(told(rule, Chip(write="sample")), samples)
    writes = "out.inputs_to_out_writes"
    assert each.totals[writes].sum() > once.totals[writes].sum() > 0
    assert once.totals[writes].sum() <= N * N_PRE * N_POST
    np.testing.assert_allclose(
        each.state.arrays["inputs_to_out.weight"], once.state.arrays["inputs_to_out.weight"], rtol=1e-12
    )


def test_a_rule_that_proposes_at_a_samples_end_need_not_wait():
    rule = RewardSTDP(lr=0.02, factor="told")
    chips = [dataclasses.replace(CHIPS["stochastic"], write=write) for write in ("step", "sample")]
    plans = [Candidate(told(rule, chip), 3).plan for chip in chips]
    assert plans[0].structure() == plans[1].structure()


def test_levels_hold_within_bounds_of_a_projection():
    chip = Chip(weight_bits=6, w_range=(LOW, HIGH))
    rule = PairSTDP(a_plus=0.1, a_minus=0.08)
    outcome = run(told(rule, chip, w_min=0.01, w_max=0.8), told_stream())
    weights = outcome.state.arrays["inputs_to_out.weight"]
    k = (weights - LOW) / ((HIGH - LOW) / 63)
    np.testing.assert_allclose(k, np.round(k), atol=1e-9)
    assert weights.min() >= 0.01 and weights.max() <= 0.8 and len(set(weights)) > 2


# ---- whole networks ----------------------------------------------------------------------------------------------

FINE = ["pair_stdp", "reward_stdp_step", "eprop_lif", "eprop_online"]


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(FINE, ["pair_stdp", "eprop_online"]))
def test_32_bits_are_no_chip(name):
    """To the precision of float32 of the range, after the writes of a few samples."""
    spec, samples = spec_of(name), stream_for(name, n=3)
    width = 25.0
    fine = spec.on_chip(Chip(weight_bits=32, w_range=(-width, width), rounding="stochastic"))
    plain, chip = run(spec, samples), run(fine, samples)
    for key, array in plain.state.arrays.items():
        if key.endswith(".weight"):
            np.testing.assert_allclose(chip.state.arrays[key], array, atol=2 * width * 2**-24)
    assert plain.totals.keys() == chip.totals.keys()


NAMES, KINDS = ("pair_stdp", "eprop_online", "turns"), ("stochastic", "sample", "accumulator, event")
ONCE = list(zip(NAMES, KINDS, strict=True))


@pytest.mark.parametrize(
    ("name", "kind"),
    [pytest.param(*p, marks=pytest.mark.slow if p in ONCE else pytest.mark.nightly) for p in product(NAMES, KINDS)],
)
def test_backends_agree(name, kind):
    chip = dataclasses.replace(CHIPS[kind], weight_bits=10, w_range=(-3, 20))
    spec, samples = spec_of(name).on_chip(chip), stream_for(name, n=3)
    here, there = (run(spec, samples, backend) for backend in ("runtime", "standalone"))
    for key, array in here.state.arrays.items():
        np.testing.assert_allclose(1.0 * there.state.arrays[key], 1.0 * array, rtol=1e-9, atol=1e-12, err_msg=key)
    assert {k: v.sum() for k, v in here.totals.items()} == {k: v.sum() for k, v in there.totals.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "backend"), on_backends(("stochastic", "event", "accumulator, sample"), quick=("accumulator, sample",))
)
def test_pieces_are_the_whole(name, backend):
    spec, samples = told(PairSTDP(a_plus=0.05, a_minus=0.04), CHIPS[name]), told_stream(n=6)
    whole = run(spec, samples, backend)
    state = None
    for k in range(3):
        piece = part_of(samples, slice(2 * k, 2 * k + 2))
        state = run(spec, piece, backend, state=state).state
    assert state.step == whole.state.step
    for key, array in whole.state.arrays.items():
        np.testing.assert_array_equal(state.arrays[key], array)


def test_one_program_for_all_numbers():
    spec = told(PairSTDP())
    hashes = {
        structure_hash(spec.on_chip(Chip(bits, rounding="stochastic", w_range=(-bits, bits), accumulator_bits=3)))
        for bits in (1, 8, 32)
    }
    assert len(hashes) == 1
    kinds = {structure_hash(spec.on_chip(chip)) for chip in CHIPS.values()} | {structure_hash(spec)}
    assert len(kinds) == len(CHIPS) + 1


@pytest.mark.parametrize("name", NETWORKS)
def test_a_chip_without_limits_changes_no_text(name):
    spec = spec_of(name)
    assert structure_hash(spec.on_chip(Chip())) == structure_hash(spec)


def test_bits_that_a_chip_keeps():
    """Weights and accumulators in their own bits; a sum that waits without one is a real number."""
    spec = told(PairSTDP())

    def bits(**chip):
        return memory_bits(Candidate(spec.on_chip(Chip(w_range=(0, 1), **chip)), 3).plan, "float32")

    n, plain = N_PRE * N_POST, bits()
    assert plain == memory_bits(Candidate(spec, 3).plan, "float32")
    assert plain - bits(weight_bits=5) == n * (32 - 5)
    assert bits(weight_bits=5, accumulator_bits=6) - bits(weight_bits=5) == n * 7
    assert bits(write="sample") - plain == n * 32


# ---- as data, and what is wrong with it --------------------------------------------------------------------------


@pytest.mark.parametrize("chip", [None, Chip(), *CHIPS.values()])
def test_json_there_and_back(chip):
    spec = told(PairSTDP()).on_chip(chip)
    again = NetworkSpec.from_json(spec.to_json())
    assert again == spec and again.hash() == spec.hash() and again.chip == chip


def test_a_network_of_an_older_version_has_no_chip():
    spec = told(PairSTDP())
    data = json.loads(spec.to_json())
    assert data.pop("chip") is None
    assert NetworkSpec.from_json(json.dumps(data)) == spec


def test_everything_wrong_is_said_at_once():
    wrong = Chip(weight_bits=0, rounding="neerest", w_range=(1, 0), write="spike", accumulator_bits=1.5)
    with pytest.raises(NetworkError) as raised:
        told(PairSTDP(a_plus=-1), wrong)
    text = str(raised.value)
    for part in (
        "`weight_bits >= 1` must hold, but the chip has weight_bits = 0",
        "nearest: 'nearest'",
        "`low < high` must hold, both finite, but the chip has w_range = (1, 0)",
        "`write` of the chip is 'spike'; choices: 'event', 'sample', 'step'",
        "`accumulator_bits` of the chip must be a whole number, but is 1.5",
        "a_plus >= 0",
    ):
        assert part in text
    for w_range in (3, (0, 1, 2), (0, float("inf")), ("a", 1)):
        with pytest.raises(NetworkError, match="w_range"):
            told(PairSTDP(), Chip(weight_bits=3, w_range=w_range))
    with pytest.raises(NetworkError, match="`accumulator_bits` are parts of a step"):
        told(PairSTDP(), Chip(accumulator_bits=3))
    with pytest.raises(NetworkError, match=r"Chip\(weight_bits=8\) or so, but is 8"):
        told(PairSTDP(), 8)


def test_projections_without_a_range_are_all_named():
    with pytest.raises(NetworkError, match="'inputs->hidden', 'hidden->hidden', 'hidden->readout'; give w_range"):
        spec_of("eprop_lif").on_chip(Chip(weight_bits=8))
    assert told(PairSTDP(), Chip(weight_bits=8), w_min=0, w_max=1).chip.w_range is None
    with pytest.raises(NetworkError, match="'inputs->out'"):
        told(PairSTDP(), Chip(weight_bits=8), w_min=0)
    with pytest.raises(NetworkError, match=r"between two levels, 0\.333 apart"):
        told(PairSTDP(), Chip(weight_bits=2, w_range=(0, 1)), w_min=0.4, w_max=0.6)
    with pytest.raises(NetworkError, match="`w_min < w_max` must hold on a chip without w_range"):
        told(PairSTDP(), Chip(weight_bits=2), w_min=0.4, w_max=0.4)
