"""The networks on brian2 2.5.4, in an environment that has what Brian2GeNN needs, but for GeNN itself."""

from __future__ import annotations

import numpy as np
import pytest

from snn.backends.genn.environment import examine
from snn.backends.genn.program import GennProgram
from snn.backends.genn.requirements import PYTHON, REQUIREMENTS, problems
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.errors import BuildError
from tests.support.networks import NETWORKS, spec_of, stream_for
from tests.support.runs import assert_same, part_of, run
from tests.support.variants import FURTHER

pytestmark = [pytest.mark.genn, pytest.mark.slow]

TELLING = ("eprop_alif", "reward_stdp", "modulated", "local_rules", "own_neuron", "turns", "everything", "shapes")
"""Networks that are much unlike one another."""
RECORD = ("spikes",)
OPTIONS = RunOptions(RECORD, timeout=300)


@pytest.fixture(scope="module")
def program(genn_python):
    return GennProgram(genn_python, "float64", "runtime", gpu=False)


@pytest.mark.parametrize(
    "names", [TELLING, pytest.param((*NETWORKS, *FURTHER), marks=pytest.mark.nightly)], ids=["a few", "all"]
)
def test_networks_do_the_same_there(program, names):
    """Same synapses, spikes, weights and scores to 1e-12 in float64: sympy orders sums as the process has it."""
    candidates = [Candidate(spec_of(name), 3) for name in names]
    streams = [stream_for(name, n=3) for name in names]
    outcomes = program.advance(candidates, streams, [None] * len(names), OPTIONS)  # one process for all
    different = {}
    for name, samples, there in zip(names, streams, outcomes, strict=True):
        here = run(spec_of(name), samples, "runtime", record=RECORD)
        assert sum(len(spikes) for spikes in here.recordings.values()) > 10
        try:
            assert_same(here, there, 1e-12)
        except AssertionError as error:
            different[name] = str(error)
    assert not different


def test_a_run_goes_on_there_from_a_state_of_here(program):
    spec, samples = spec_of("eprop_alif"), stream_for("eprop_alif", n=4, reset=np.zeros(4, bool))

    whole = run(spec, samples, "runtime", record=RECORD)
    first = run(spec, part_of(samples, slice(0, 2)), "runtime", record=RECORD)
    second = program.advance([Candidate(spec, 3)], [part_of(samples, slice(2, 4))], [first.state], OPTIONS)[0]
    for array, value in whole.state.arrays.items():
        if "lastspike" not in array:
            np.testing.assert_allclose(second.state.arrays[array], value, rtol=1e-12, atol=1e-12, err_msg=array)
    assert second.state.step == whole.state.step


def test_what_the_documented_commands_install(genn_python):
    found = examine(genn_python)
    wanted = dict(word.split("==") for word in REQUIREMENTS if "==" in word)
    assert {name: found[name] for name in wanted} == wanted and found["numpy"].startswith("1.")


def test_without_genn_it_says_what_to_do(genn_python, monkeypatch):
    monkeypatch.setenv(PYTHON, genn_python)
    monkeypatch.setenv("GENN_PATH", "/nowhere")
    monkeypatch.delenv("CUDA_PATH", raising=False)
    found = examine(genn_python)
    assert [text.partition(" ")[0] for text in problems(found, gpu=False)] == ["GENN_PATH"]
    assert [text.partition(" ")[0] for text in problems(found)][:2] == ["GENN_PATH", "CUDA_PATH"]
    candidate = Candidate(spec_of("eprop_lif"), 0)
    with pytest.raises(BuildError, match=r"GENN_PATH must be the folder of GeNN 4\.9, .* but is '/nowhere'"):
        load_program(candidate, "genn:cpu").advance([candidate], [stream_for("eprop_lif", n=1)], [None])
