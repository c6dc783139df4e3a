"""The engine equals Brian2's own C++ standalone device, array by array, and does so whatever its sizes."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from snn.backends.options import RunOptions
from snn.backends.program import DTYPES, Candidate, Outcome, Samples
from snn.backends.recording import SPIKES
from snn.backends.registry import load_program
from snn.backends.standalone.build import write_source
from snn.backends.standalone.program import StandaloneProgram
from snn.backends.state import State
from tests.support.choices import slow_but
from tests.support.networks import NETWORKS, eprop_lif, spec_of, stream_for
from tests.support.runs import part_of, run
from tests.support.stock import StockProgram, arrays_of, differences
from tests.support.stock_device import FLAGS, StockOutcome
from tests.support.variants import FURTHER, everything

SEED = 3
SINGLE = 1e-6  # of an array's scale: what float32 may differ by, as literals and sums may be rounded elsewhere


def flags(text):
    return np.array([letter == "1" for letter in text])


def all_of(candidate) -> tuple[str, ...]:
    """Names of all that can be recorded."""
    states = ("state", "lasting")
    blocks = candidate.plan.blocks()
    return (SPIKES, *(f"{b.name}.{n}" for b in blocks for n, v in b.variables.items() if v.role in states))


def both(candidate, samples, dtype="float64", state=None, stock=None) -> tuple[Outcome, StockOutcome]:
    """The engine's outcome and stock Brian2's, everything recorded; the two compile side by side."""
    given = [candidate], [samples], [state], RunOptions(all_of(candidate))
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit((stock or StockProgram(dtype)).advance, *given)
        ours = load_program(candidate, "standalone", dtype).advance(*given)[0]
        return ours, theirs.result()[0]


def assert_equal(ours, stock):
    """Bit for bit."""
    assert {name: value for name, value in differences(ours, stock).items() if value} == {}
    theirs = arrays_of(stock)
    for name, array in arrays_of(ours).items():
        assert array.dtype == theirs[name].dtype or array.dtype.kind != "f", name
    assert ours.state.step == stock.state.step


def agreement(ours, stock) -> float:
    """The first step in which the spike trains differ."""
    first = np.inf
    for name in (name for name in ours.recordings if name.endswith(f".{SPIKES}")):
        a, b = ours.recordings[name], stock.recordings[name]
        n = min(len(a), len(b))
        apart = np.flatnonzero((a[:n] != b[:n]).any(1))
        steps = np.concatenate([a[apart[:1]], b[apart[:1]], a[n:][:1], b[n:][:1]])[:, 0]
        first = min([first, *steps.tolist()])
    return first


def while_spikes_agree(ours, stock, samples) -> dict[str, float]:
    """The differences of all recordings until the spike trains part, which they must not do in two samples.

    They tell all there is, and an array's scale is that of its whole course, rather than of its last step's.
    """
    until = min(agreement(ours, stock), len(samples) * samples.period)
    assert until >= 2 * samples.period

    def cut(name, rows):
        if name.endswith(f".{SPIKES}"):
            return rows[rows[:, 0] < until]
        return rows[: until if len(rows) == len(samples) * samples.period else until // samples.period]

    def before(outcome):
        recordings = {name: cut(name, rows) for name, rows in outcome.recordings.items()}
        return dataclasses.replace(outcome, outputs={}, totals={}, recordings=recordings, state=State(0, {}))

    return differences(before(ours), before(stock))


def assert_close(ours, stock, candidate, samples):
    """As long as the spike trains agree: within `SINGLE` of every array's scale, or as near to float64 as stock Brian2.

    Rounding errors grow in the upswing of a spike, and in differences such as the distance to a threshold. There the
    engine may be four times as far from its float64, which is that of stock Brian2 to the last bit, as stock is.
    """
    beyond = {n: value for n, value in while_spikes_agree(ours, stock, samples).items() if value > SINGLE}
    if beyond:
        exact = run(candidate.spec, samples, "standalone", seed=candidate.seed, record=all_of(candidate))
        error, of_stock = (while_spikes_agree(outcome, exact, samples) for outcome in (ours, stock))
        assert {n: (error[n], of_stock[n]) for n in beyond if error[n] > 4 * of_stock[n]} == {}


# ---- everything at once ---------------------------------------------------------------------------------------------

DELAYED = {
    "hidden.previous": 1,
    "hidden.hidden_to_hidden_delayed": 1 + 3,
    "hidden.hidden_to_readout_delayed": 1,  # spikes reach readouts in their own step
    "hidden.hidden_to_out_delayed": 1 + 7,
    "out.previous": 1,
    "out.out_to_mean_delayed": 1 + 2,
}
"""Steps from a spike to the event by which it arrives."""


def mixed() -> Samples:
    """Samples with gaps, of which some are learned from, taught, shown twice, recorded, or begin afresh."""
    return stream_for(
        "everything",
        n=7,
        gap=3,
        learn=flags("1110111"),
        teach=flags("1101101"),
        reset=flags("1010010"),
        preview=flags("0001000"),
        record=flags("1110101"),
    )


@pytest.mark.slow
def test_everything_at_once():
    """From a state in the middle of a stream, all arrays and all monitors of Brian2, to the last bit."""
    candidate, samples = Candidate(spec_of("everything"), SEED), mixed()
    begun = run(candidate.spec, part_of(samples, slice(0, 1)), "standalone", seed=SEED).state
    rest = part_of(samples, slice(1, 7))
    ours, stock = both(candidate, rest, state=begun, stock=StockProgram(monitors=True))
    assert len(differences(ours, stock)) > 150
    assert_equal(ours, stock)
    assert sum(total.sum() for name, total in ours.totals.items() if name.endswith("_writes")) > 1000
    assert_monitors_agree(candidate.plan, rest, begun.step, ours.recordings, stock.monitors)


def assert_monitors_agree(plan, samples, start, recordings, monitors):
    """Rates are those of the spikes, and delayed events are the spikes, later."""
    first = samples.first_steps(start)
    counts = np.arange(len(samples) * samples.period).reshape(len(samples), -1)[samples.record]
    steps = (first[:, None] + np.arange(samples.period))[samples.record].ravel()
    step_of = dict(zip(counts.ravel(), steps, strict=True))
    assert {name for name in monitors if not name.endswith(".rate")} == set(DELAYED)
    for name, values in monitors.items():
        group = name.partition(".")[0]
        spikes = recordings[f"{group}.{SPIKES}"]
        if name.endswith(".rate"):
            spiking = np.bincount(spikes[:, 0], minlength=steps.max() + 1)[steps]
            np.testing.assert_array_equal(values, spiking / plan.dt / plan.groups[group].n)
            continue
        lag = DELAYED[name]
        arrived = np.array([(step_of[count], neuron) for count, neuron in values])
        expected = spikes[(spikes[:, 0] - start) % samples.period + lag < samples.period] + [lag, 0]
        early = (arrived[:, 0] - start) % samples.period < lag  # came from the sample before, if it left any
        np.testing.assert_array_equal(arrived[~early], expected, err_msg=name)
        assert len(expected) > 10


@pytest.mark.nightly
def test_everything_at_once_in_single_precision():
    candidate = Candidate(spec_of("everything"), SEED)
    samples = dataclasses.replace(mixed(), preview=flags("0000000"), record=flags("1111111"))
    assert_close(*both(candidate, samples, "float32"), candidate, samples)


@pytest.mark.nightly
def test_how_stock_brian2_is_compiled_changes_no_bit():
    """By its own makefile, file by file, with our flags; or all files in one and with fewer optimisations."""
    candidate, samples = Candidate(spec_of("pair_stdp"), SEED), stream_for("pair_stdp")
    optimised = tuple(flag.replace("-O1", "-O3") for flag in FLAGS)
    assert "-O3" in optimised
    given = [candidate], [samples], [None], RunOptions(all_of(candidate))
    joined, made = (
        program.advance(*given)[0] for program in (StockProgram(), StockProgram("float64", False, optimised, True))
    )
    assert_equal(joined, made)


# ---- every rule, neuron, connection, encoder and readout ------------------------------------------------------------


DIVIDING = "of_conditions"
EVERY = [name for name in (*NETWORKS, *FURTHER) if name != DIVIDING]
TELLING = ("eprop_alif", "modulated", "local_rules", "own_neuron", "turns", "adex")
"""Networks that are much unlike one another, and unlike the one with everything."""


@pytest.mark.parametrize("name", slow_but(EVERY, [], nightly={*EVERY} - {*TELLING}))
def test_equals_stock_brian2(name):
    candidate, samples = Candidate(spec_of(name), SEED), stream_for(name)
    ours, stock = both(candidate, samples)
    assert sum(len(spikes) for track, spikes in ours.recordings.items() if track.endswith(f".{SPIKES}")) > 50
    assert_equal(ours, stock)


@pytest.mark.slow
def test_whole_numbers_are_divided_as_reals_everywhere():
    """Stock Brian2 divides whole numbers in 32 bits, so it is handed reals."""
    candidate, samples = Candidate(spec_of(DIVIDING), SEED), stream_for(DIVIDING)
    ours, stock = both(candidate, samples)
    runtime = run(candidate.spec, samples, "runtime", seed=SEED, record=all_of(candidate))
    assert max(differences(ours, stock).values()) == 0
    assert max(differences(ours, runtime).values()) < 1e-12


@pytest.mark.nightly
@pytest.mark.parametrize("name", [*NETWORKS, *FURTHER])
def test_equals_stock_brian2_in_single_precision(name):
    candidate, samples = Candidate(spec_of(name), SEED), stream_for(name)
    assert_close(*both(candidate, samples, "float32"), candidate, samples)


# ---- sizes ----------------------------------------------------------------------------------------------------------

SIZES = [
    *(pytest.param(*size, marks=pytest.mark.slow) for size in ((1, 0.0), (1, 1.0), (9, 0.3))),
    *(pytest.param(*size, marks=pytest.mark.nightly) for size in ((2, 0.5), (8, 1.0), (23, 0.1))),
]
"""Neurons of a population, and the probability of its synapses, of which there may be none."""


def sized(n, p):
    return Candidate(everything(n, p).freeze(), SEED)


@pytest.mark.parametrize("n", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_one_program_runs_another_size(n):
    built, candidate = (Candidate(eprop_lif(n=size).freeze(), SEED) for size in (15, n))
    assert_one_program(built, candidate, stream_for("eprop_lif", n=2))


@pytest.mark.parametrize("n, p", SIZES)
def test_one_program_runs_every_size(n, p):
    assert_one_program(sized(13, 0.6), sized(n, p), stream_for("everything", n=2))


def assert_one_program(built, candidate, samples):
    """Without a second build, and with the results of Brian2's runtime."""
    first, program = (StandaloneProgram.load(c, "float64") for c in (built, candidate))
    assert program.binary == first.binary and not program.built
    given = [candidate], [samples], [None], RunOptions((SPIKES,))
    ours, theirs = program.advance(*given)[0], load_program(candidate, "runtime", "float64").advance(*given)[0]
    assert agreement(ours, theirs) == np.inf
    assert max(differences(ours, theirs).values()) < 1e-12
    assert len(ours.state.arrays["inputs_to_hidden.weight"]) == len(candidate.plan.synapses["inputs_to_hidden"].pre)


@pytest.mark.parametrize("n, p", [
    pytest.param(1, 0.0, marks=pytest.mark.slow), pytest.param(9, 1.0, marks=pytest.mark.nightly)
])  # fmt: skip
def test_a_size_equals_stock_brian2(n, p):
    assert_equal(*both(sized(n, p), stream_for("everything", n=2)))


@pytest.mark.parametrize("dtype", slow_but(DTYPES, (), nightly=["float64"]))
def test_the_text_of_a_program_knows_no_sizes(dtype, tmp_path):
    """What is compiled does not depend on which sizes came first."""
    texts = []
    for n, p in ((2, 0.5), (13, 1.0)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # Brian2's devices are global
            given = (everything(n, p).freeze().skeleton().to_json(), dtype, tmp_path)
            texts.append(pool.submit(write_source, *given).result().read_text())
    assert texts[0] == texts[1]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("extra", [1, 3, 64])
def test_unconnected_neurons_change_nothing(dtype, extra):
    """Sizes are numbers and nothing is padded: neurons at the end without synapses leave the others as they were."""
    few, many = (Candidate(spec_of("everything"), SEED) for _ in range(2))
    plan, samples = many.plan, stream_for("everything", n=4)
    widened = ("inputs", "hidden", "out", "mean")
    for name in widened:
        assert all(np.size(variable.value) == 1 for variable in plan.groups[name].variables.values())
        plan.groups[name].n += extra
    wide = {}
    for name, use in plan.signals.items():
        wide[name] = values = np.asarray(samples.signals[name])
        if values.ndim > 1 + (use.per == "step"):  # one number a neuron
            plan.signals[name] = dataclasses.replace(use, width=use.width + extra)
            wide[name] = np.concatenate([values, np.ones((*values.shape[:-1], extra))], -1)
    options = RunOptions((SPIKES, "hidden.v", "out.v", "mean.s"))
    program = StandaloneProgram.load(few, dtype)
    alone = program.advance([few], [samples], [None], options)[0]
    among = program.advance([many], [dataclasses.replace(samples, signals=wide)], [None], options)[0]
    for part in ("outputs", "totals", "recordings"):
        for name, array in getattr(alone, part).items():
            assert_equal_but_for(getattr(among, part)[name], array, few.plan, name)
    for name, array in alone.state.arrays.items():
        assert_equal_but_for(among.state.arrays[name], array, few.plan, name)
    assert len(among.recordings["inputs.spikes"]) > len(alone.recordings["inputs.spikes"])


def assert_equal_but_for(wide, array, plan, name):
    """The arrays of the first neurons are equal; others may follow."""
    block = name.partition(".")[0]
    if name.endswith(f".{SPIKES}"):
        wide = wide[wide[:, 1] < plan.groups[block].n]
    np.testing.assert_array_equal(wide[..., : array.shape[-1]], array, err_msg=name)
