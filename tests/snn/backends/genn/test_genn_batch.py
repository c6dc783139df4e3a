"""Populations on GeNN: rehearsed on NumPy, and on GeNN's code for the CPU where it is installed."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from snn.backends.batch import Population
from snn.backends.genn.engine.compiler_output import first_error
from snn.backends.genn.engine.simulate import rehearse
from snn.backends.genn.fitting.batch_names import plain
from snn.backends.genn.fitting.fit import fit
from snn.backends.genn.program import GennProgram
from snn.backends.genn.requirements import PYTHON
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.errors import BuildError, NetworkError
from tests.support.batches import alone, candidates, differences
from tests.support.networks import eprop_lif, reward_stdp, spec_of, stream_for
from tests.support.runs import run
from tests.support.variants import everything

pytestmark = pytest.mark.genn

SPIKES = RunOptions(record=("spikes",))
HERE = GennProgram(sys.executable, "float64", "runtime", gpu=False)


@pytest.fixture
def genn(monkeypatch):
    """GeNN for the CPU, in the environment that is named."""
    if PYTHON not in os.environ or "GENN_PATH" not in os.environ:
        pytest.skip(f"genn: {PYTHON} and GENN_PATH must name an environment with Brian2GeNN and GeNN")
    return GennProgram.load("genn:cpu", "float64")


def assert_close(expected, given, tolerance):
    """Spikes and counters equal, numbers within a tolerance of the larger of 1 and the largest."""
    arrays = expected.outputs | expected.state.arrays
    for name, difference in differences(expected, given).items():
        assert name in arrays and difference <= tolerance * max(1, np.abs(arrays[name]).max()), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reward_stdp", "everything"])
def test_a_population_round_by_round(name):
    """In GeNN's order, on NumPy: equal to 1e-12, for sums over synapses may be in another order."""
    runs = candidates(name, k=2)
    population = Population([run.plan for run in runs])
    samples = population.samples([run.samples for run in runs])
    with np.errstate(all="ignore"):
        parts = population.split(rehearse(population, samples, None, np.float64, SPIKES))
    for run_, part in zip(runs, parts, strict=True):
        assert_close(alone(run_, SPIKES), part, 1e-12)


def test_decays_that_differ_are_numbers_of_neurons():
    population = Population([run.plan for run in candidates("eprop_lif")])
    fitted = fit(plain(population.plan)).plan
    assert not any("exp(-dt" in block.program for block in fitted.synapses.values())
    decays = fitted.groups["of_inputs"].variables["genn_decay_of_inputs_to_hidden_tau_out"]
    tau = population.plan.groups["inputs"].variables["of_inputs_to_hidden_tau_out"]
    np.testing.assert_array_equal(decays.value, np.exp(-population.plan.dt / tau.value))


def test_a_plan_of_one_candidate_stays_as_it_is():
    plan = Candidate(spec_of("eprop_alif"), 3).plan
    assert plain(plan).structure() == plan.structure()


def different(network, k=3):
    """Candidates that differ in sizes, seeds and samples."""
    runs = [Candidate(network(number).freeze(), 5 + number) for number in range(k)]
    pieces = [stream_for("eprop_lif", n=3, seed=number, gap=1, preview=np.arange(3) == 1) for number in range(k)]
    return runs, pieces


def learning(number):
    return eprop_lif(n=10 + number, lr=0.01 * (number + 1), rate_strength=0.1 * number)


@pytest.mark.slow
def test_a_population_behind_the_boundary_is_that_of_this_process():
    """To the last bit, through files and another process; numbers that are none are one candidate's own."""
    runs, pieces = different(learning)
    there = HERE.advance(runs, pieces, [None] * 3, SPIKES)
    weights = {name: np.full_like(array, np.inf) for name, array in there[1].state.arrays.items() if "weight" in name}
    infinite = dataclasses.replace(there[1].state, arrays={**there[1].state.arrays, **weights})
    begun = [there[0].state, infinite, there[2].state]
    further = HERE.advance(runs, pieces, begun, SPIKES)
    assert [outcome.not_finite is None for outcome in further] == [True, False, True]
    for k, candidate in enumerate(runs):
        expected = run(candidate.spec, pieces[k], seed=candidate.seed, record=("spikes",))
        assert_close(expected, there[k], 1e-12)
    expected = run(runs[2].spec, pieces[2], seed=runs[2].seed, state=there[2].state, record=("spikes",))
    assert_close(expected, further[2], 1e-12)


def test_what_genn_cannot_do_of_any_candidate_is_said_before_it_starts():
    twice = Candidate(everything(hidden=5).freeze(), 1)
    block = twice.plan.synapses["inputs_to_hidden"]
    block.pre[1], block.post[1] = block.pre[0], block.post[0]
    runs = [Candidate(everything(hidden=5).freeze(), 0), twice]
    program = GennProgram("/nowhere/python", "float64", gpu=False)
    with pytest.raises(NetworkError, match="one synapse between two neurons"):
        program.advance(runs, [stream_for("everything", n=1)] * 2, [None] * 2)


# On GeNN


@pytest.mark.slow
@pytest.mark.parametrize("network", [learning, lambda number: reward_stdp()], ids=["eprop_lif", "reward_stdp"])
def test_genn_gives_each_candidate_what_it_gives_it_alone(genn, network):
    """To 1e-12, and what the runtime backend gives to 1e-9; the candidates' own spikes, scores, weights and state."""
    runs, pieces = different(network)
    whole = genn.advance(runs, pieces, [None] * 3, SPIKES)
    for candidate, piece, outcome in zip(runs, pieces, whole, strict=True):
        assert_close(run(candidate.spec, piece, seed=candidate.seed, record=("spikes",)), outcome, 1e-9)
        assert outcome.outputs.keys() and sum(map(len, outcome.recordings.values())) > 20
    assert_close(genn.advance(runs[1:2], pieces[1:2], [None], SPIKES)[0], whole[1], 1e-12)
    further = genn.advance(runs, pieces, [outcome.state for outcome in whole], SPIKES)
    expected = run(runs[2].spec, pieces[2], seed=runs[2].seed, state=whole[2].state, record=("spikes",))
    assert_close(expected, further[2], 1e-9)


@pytest.mark.slow
def test_genn_keeps_infinite_neighbours_apart(genn):
    runs, pieces = different(learning)
    runs[0] = Candidate(eprop_lif(n=9, lr=1e308, rate_strength=0.5).freeze(), 9)
    before = genn.advance([Candidate(learning(3).freeze(), 9), *runs[1:]], pieces, [None] * 3, SPIKES)
    after = genn.advance(runs, pieces, [None] * 3, SPIKES)
    assert [outcome.not_finite is None for outcome in after] == [False, True, True]
    for ours, theirs in zip(after[1:], before[1:], strict=True):
        assert not differences(ours, theirs)


@pytest.mark.slow
def test_a_broken_compiler_is_one_sentence_with_its_words(genn, tmp_path, monkeypatch):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho 'model.cc:7:1: error: the moon is in the way' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CXX", str(compiler))
    runs, pieces = different(learning, 1)
    with pytest.raises(BuildError) as error:
        genn.advance(runs, pieces, [None])
    assert str(error.value) == (
        "GeNN's code for the network could not be built or run: model.cc:7:1: error: the moon is in the way"
    )


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("['a command']\ng++ -c x.cc\nx.cc:1: error: y\nx.cc:2: error: z\nmake: *** Error 1\n", "x.cc:1: error: y"),
        ("make: *** [Makefile:3: all] Error 2\n", "make: *** [Makefile:3: all] Error 2"),
        ("starting\nSegmentation fault\n\n", "Segmentation fault"),
        ("ld: in function `main': undefined reference to `f'\n", "ld: in function `main': undefined reference to `f'"),
        ("", "nothing"),
    ],
)  # fmt: skip
def test_the_first_error_of_what_compilers_say(tmp_path, said, first):
    file = Path(tmp_path) / "words"
    file.write_text(said)
    assert first_error(file) == first
