"""Candidates side by side in one simulation do what they do alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import prefs
from brian2.codegen.translation import make_statements

from snn.backends.batch import Population, together
from snn.backends.options import RunOptions
from snn.backends.program import Candidate, check_finite
from snn.backends.registry import load_program
from snn.errors import NotFinite
from snn.lowering.plan.blocks import Code
from snn.lowering.planner import plan
from tests.support.batches import alone, among, candidates, differences
from tests.support.choices import slow_but
from tests.support.networks import NETWORKS, eprop_lif, spec_of, stream_for
from tests.support.runs import INPUTS
from tests.support.variants import FURTHER

SPIKES = RunOptions(record=("spikes",))
ALL = RunOptions(record=("spikes", "hidden.v", "inputs_to_hidden.weight"))
QUICK = ("eprop_lif", "reward_stdp")
TELLING = ("eprop_alif", "pair_stdp", "modulated", "local_rules", "turns", "everything", "own_neuron", "adex")
"""Networks that are much unlike one another: the others are compared at night."""
LAST_BITS = {"local_rules": {"inputs_to_out_6.weight": 2.0**-52}}
"""By network: numbers that differ in their last bit, where NumPy takes the square root for a power that is one number,
but not for powers that are an array; weights are below 2."""


@pytest.fixture
def as_written(monkeypatch):
    """Code in the order in which the plan has it: Brian2 puts factors that are one number together, ahead of the loop,
    which rounds them otherwise than factors of each neuron. A run sets Brian2's default, so the default is changed."""
    registered = prefs.pref_register["codegen"][0]
    monkeypatch.setattr(registered["loop_invariant_optimisations"], "default", False)
    make_statements._cache.clear()  # which heeds no preferences
    yield
    make_statements._cache.clear()


@pytest.mark.parametrize("name", slow_but([*NETWORKS, *FURTHER], QUICK, nightly={*NETWORKS, *FURTHER} - {*TELLING}))
def test_a_candidate_does_to_the_last_bit_what_it_does_alone(name, as_written):
    """With other numbers, sizes, seeds and sample orders than its neighbours."""
    runs = candidates(name)
    for run, part in zip(runs, among(runs, SPIKES), strict=True):
        expected = alone(run, SPIKES)
        found = {k: d for k, d in differences(expected, part).items() if d > LAST_BITS.get(name, {}).get(k, 0)}
        assert not found
        assert sum(map(len, expected.recordings.values())) > 20 and expected.not_finite is None


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(("eprop_lif", "eprop_alif", "modulated", "turns"), QUICK[:1]))
def test_with_factors_put_together_the_spikes_are_the_same(name):
    """And numbers within 1e-12 of the larger of 1 and the largest: some 10 products a step, rounded to 1e-16, for 50
    steps, and a divisor of up to 100 in pseudo-derivatives."""
    runs = candidates(name)
    for run, part in zip(runs, among(runs, SPIKES), strict=True):
        expected = alone(run, SPIKES)
        arrays = expected.outputs | expected.state.arrays
        for array, difference in differences(expected, part).items():
            assert array in arrays and difference <= 1e-12 * max(1, np.abs(arrays[array]).max()), array


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(("eprop_lif", "modulated", "everything"), ("eprop_lif",)))
def test_neighbours_that_change_or_become_infinite_change_nothing(name):
    runs, others = candidates(name), candidates(name, k=5)[2:]
    for block in others[2].plan.synapses.values():
        if "weight" in block.variables:
            block.variables["weight"].value = np.full(len(block.pre), np.inf)
    with np.errstate(all="ignore"):
        before, after = among(runs, SPIKES)[1], among([others[0], runs[1], others[2]], SPIKES)
    assert not differences(before, after[1])
    assert [part.not_finite is None for part in after] == [True, True, False]
    check_finite(after[1])
    with pytest.raises(NotFinite, match="became infinite or not a number"):
        check_finite(after[2])


def backend_outcomes(runs, samples, states, options=ALL):
    program = load_program(runs[0], "runtime", "float64")
    whole = program.advance(runs, samples, states, options)
    return whole, [program.advance([r], [s], [b], options)[0] for r, s, b in zip(runs, samples, states, strict=True)]


@pytest.mark.slow
def test_previews_gaps_recordings_and_runs_that_go_on():
    """Candidates that differ in their seeds alone, through `advance`: exactly equal."""
    runs = [Candidate(spec_of("eprop_lif"), seed) for seed in (3, 2**31 - 1, 5)]
    flags = {"preview": np.array([0, 1, 0], bool), "reset": np.array([1, 0, 0], bool), "record": np.arange(3) != 1}
    pieces = [stream_for("eprop_lif", n=3, gap=2, seed=seed, **flags) for seed in range(3)]
    first, expected = backend_outcomes(runs, pieces, [None] * 3)
    second, further = backend_outcomes(runs, pieces, [outcome.state for outcome in first])
    for ours, theirs in zip([*first, *second], [*expected, *further], strict=True):
        assert not differences(ours, theirs)
        assert ours.recordings["hidden.v"].shape == (2 * 27, 15)
        assert ours.recordings["inputs_to_hidden.weight"].shape == (2, 12 * 15)


def mixture():
    """Candidates, samples and states, of which some differ in structure, some in flags, and one in its first step."""
    alike = [Candidate(eprop_lif(n=n, lr=lr).freeze(), n) for n, lr in ((9, 0.1), (7, 0.2), (8, 0.1))]
    other = Candidate(spec_of("pair_stdp"), 3)
    runs = [alike[0], other, alike[1], alike[2], alike[0]]
    silent = {"learn": np.zeros(2, bool)}
    pieces = [stream_for("eprop_lif", n=2, seed=k, **(silent if k == 3 else {})) for k in range(5)]
    program = load_program(runs[0], "runtime", "float64")
    state = program.advance(runs[:1], pieces[:1], [None], RunOptions(state=True))[0].state
    return runs, pieces, [None, None, None, None, state]


def test_any_mixture_is_taken_apart_into_what_fits():
    assert together(*mixture()) == [[0, 2], [1], [3], [4]]


@pytest.mark.slow
def test_a_mixture_is_answered_in_the_order_given():
    options = RunOptions(record=("spikes",), state=True)
    runs, pieces, states = mixture()
    whole, expected = backend_outcomes(runs, pieces, states, options)
    for ours, theirs in zip(whole, expected, strict=True):
        assert ours.totals.keys() == theirs.totals.keys()
        for track, spikes in theirs.recordings.items():
            np.testing.assert_array_equal(ours.recordings[track], spikes)
        assert ours.state.step == theirs.state.step


def test_a_state_that_is_not_wanted_is_not_kept_but_looked_at():
    runs = candidates("eprop_lif", n=1)
    runs[2].plan.synapses["hidden_to_hidden"].variables["weight"].value[:] = np.nan
    with np.errstate(all="ignore"):
        outcomes = among(runs, RunOptions(state=False))
    assert [outcome.not_finite for outcome in outcomes] == [None, None, "hidden.v"]
    assert not any(outcome.state.arrays for outcome in outcomes)


# What the merged plan is


def test_numbers_that_are_equal_stay_one_number_and_others_are_the_neurons():
    plans = [plan(eprop_lif(n=10 + k, lr=0.01 * (k + 1)).freeze(), k) for k in range(3)]
    merged = Population(plans).plan
    block, hidden = merged.synapses["inputs_to_hidden"], merged.groups["hidden"]
    assert np.ndim(hidden.variables["v_th"].value) == 0 and "shared" in hidden.variables["v_th"].declaration
    assert np.ndim(block.variables["tau_out"].value) == 0 and "lr" not in block.variables
    lr = merged.groups["inputs"].variables["of_inputs_to_hidden_lr"]
    np.testing.assert_allclose(lr.value, np.repeat([0.01, 0.02, 0.03], INPUTS))
    assert lr.declaration == "of_inputs_to_hidden_lr : 1 (constant)"
    for variable in block.variables.values():
        assert "shared" in variable.declaration or np.size(variable.value) in (1, len(block.pre))
    assert merged.structure() == Population(plans[::-1]).plan.structure()


def test_a_name_of_the_population_gives_way_to_a_users():
    runs = candidates("own_neuron", n=1)
    for run in runs:
        group = run.plan.groups["out"]
        group.declare("own_number", 1.0)
        group.codes.append(Code("end", "own_number = own_number + i"))
    for run, part in zip(runs, among(runs), strict=True):
        expected = 1 + run.samples.period * np.arange(run.plan.groups["out"].n)
        np.testing.assert_array_equal(part.state.arrays["out.own_number"], expected)


def test_signals_of_any_width_are_put_side_by_side():
    """One number for all neurons, one a neuron, and more columns than neurons."""
    runs = candidates("everything", n=2, k=2)
    narrow = runs[0].samples.signals
    wide = dict(runs[1].samples.signals) | {"context": np.random.default_rng(0).random((2, 40))}
    pieces = [dataclasses.replace(run.samples, signals=given) for run, given in zip(runs, (narrow, wide), strict=True)]
    population = Population([run.plan for run in runs])
    rows = population.samples(pieces).signals["context"]
    hidden = [run.plan.groups["hidden"].n for run in runs]
    assert rows.shape == (2, sum(hidden))
    np.testing.assert_array_equal(rows[:, : hidden[0]], np.repeat(narrow["context"][:, None], hidden[0], axis=1))
    np.testing.assert_array_equal(rows[:, hidden[0] :], wide["context"][:, : hidden[1]])
