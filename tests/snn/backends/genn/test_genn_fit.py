"""Plans fitted into what Brian2GeNN can do: rehearsed on NumPy, and on GeNN where it is installed."""

import dataclasses
import os
import re
import subprocess

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import Chip, Constant, Dense, Network, Neuron, Poisson, SpikeReadout
from snn.backends.genn.engine.functions import OF_BRIAN2, OF_BRIAN2GENN
from snn.backends.genn.engine.simulate import rehearse
from snn.backends.genn.fitting.actions import actions
from snn.backends.genn.fitting.fit import fit
from snn.backends.genn.fitting.forward_only import MIRROR, one_sided
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.equations.parse import FUNCTIONS
from snn.lowering.planner import plan
from tests.support.choices import slow_but
from tests.support.networks import NETWORKS, eprop_lif, spec_of, stream_for
from tests.support.programs import ROOT
from tests.support.runs import assert_same
from tests.support.variants import FURTHER

pytestmark = pytest.mark.genn


SHORT = ("pair_stdp", "reward_stdp")
SPIKES = RunOptions(record=("spikes",))


def run(name, samples, state=None, options=SPIKES):
    """A run on the backend that others are compared with."""
    candidate = Candidate(spec_of(name), 3)
    return load_program(candidate, "runtime", "float64").advance([candidate], [samples], [state], options)[0]


@pytest.mark.parametrize("name", slow_but(NETWORKS, SHORT))
def test_round_by_round_it_is_the_same_network(name):
    """GeNN's order, on NumPy: equal to 1e-12 in float64, since only sums over synapses may differ in their order."""
    samples = stream_for(name, n=2)
    assert_same(run(name, samples), rehearse(Candidate(spec_of(name), 3), samples, None, np.float64, SPIKES), 1e-12)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FURTHER)
def test_round_by_round_it_is_the_same_of_all_variants(name):
    test_round_by_round_it_is_the_same_network(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(("pair_stdp", "eprop_lif"), ("pair_stdp",)))
def test_previews_gaps_and_runs_that_go_on(name):
    """A preview leaves nothing, a sample that is not reset goes on, a gap is silent, and a state is taken up."""
    yes, no = True, False
    candidate = Candidate(spec_of(name), 3)
    flags = {"preview": [no, yes, no, yes], "reset": [yes, no, no, no], "learn": [yes, no, yes, yes]}
    samples = stream_for(name, n=4, gap=3, record=np.array([yes, yes, no, yes]), **_arrays(flags))
    expected = run(name, samples)
    given = rehearse(candidate, samples, None, np.float64, SPIKES)
    assert_same(expected, given, 1e-12)
    more = stream_for(name, n=2, **_arrays({"reset": [no, yes], "teach": [no, yes]}))
    assert_same(run(name, more, expected.state), rehearse(candidate, more, given.state, np.float64, SPIKES), 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_but(("pair_stdp", "eprop_lif", "local_rules"), ("pair_stdp",)))
def test_where_nothing_learns_the_rules_are_left_out(name):
    off = np.zeros(2, bool)
    samples = stream_for(name, n=2, learn=off, teach=off)
    given = rehearse(Candidate(spec_of(name), 3), samples, None, np.float64, SPIKES)
    assert_same(run(name, samples), given, 1e-12)
    whole, frozen = (fit(plan(spec_of(name), 3), learn=learn) for learn in (True, False))
    assert sum(map(programs, frozen.plan.blocks())) < sum(map(programs, whole.plan.blocks()))


def programs(block):
    return len(block.program)


@pytest.mark.slow
def test_states_and_weights_are_recorded_as_on_other_backends():
    names = ("out.v", "inputs_to_out.weight")
    samples = stream_for("pair_stdp", n=2, record=np.array([False, True]))
    expected = run("pair_stdp", samples, None, RunOptions(record=names))
    given = rehearse(Candidate(spec_of("pair_stdp"), 3), samples, None, np.float64, RunOptions(record=names))
    assert given.recordings["out.v"].shape == (samples.steps, 4)
    assert_same(expected, given, 1e-12)


@pytest.mark.slow
def test_names_and_records_of_a_users_neuron():
    """A parameter with the name of a function of other packages, and the refractory state in every step."""
    net = Network(inputs=Poisson(4, rate=400 * Hz), dt=1 * ms)
    model = "dv/dt = -v*chosen/(10*ms) : 1 (unless refractory)"
    neuron = Neuron(model, threshold="v > 1", reset="v = 0", input="v", refractory=2 * ms, parameters={"chosen": 0.5})
    net.population("out", neuron, n=4)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(Constant(0.6)))
    candidate, samples = Candidate(net.freeze(), 3), stream_for("pair_stdp", n=2)
    samples = dataclasses.replace(samples, signals={"values": np.ones((2, 4))})
    options = RunOptions(record=("out.not_refractory", "spikes"))
    program = load_program(candidate, "runtime", "float64")
    (expected,) = program.advance([candidate], [samples], [None], options)
    given = rehearse(candidate, samples, None, np.float64, options)
    assert not expected.recordings["out.not_refractory"].all()
    assert_same(expected, given, 1e-12)


def _arrays(flags):
    return {name: np.array(values) for name, values in flags.items()}


@pytest.mark.parametrize("name", slow_but([*NETWORKS, *FURTHER], ("eprop_alif", "modulated", "local_rules", "turns")))
def test_what_is_fitted_is_what_brian2genn_takes(name):
    """No phases, no events, no pathways, one summed variable onto the postsynaptic side, nothing written elsewhere."""
    original = plan(spec_of(name), 3)
    fitted = fit(original, preview=True)
    for group in fitted.plan.groups.values():
        assert not (group.codes or group.events or group.on_events) and group.refractory is None and group.program
    for block in fitted.plan.synapses.values():
        assert not (block.codes or block.on_events) and block.program and len(block.summed) <= 1
        assert all(variable.endswith("_post") for variable in block.summed)
    assert all(a.writes <= {f"{a.block}.{w.split('.')[1]}" for w in a.writes} for a in actions(one_sided(original)))


def test_feedback_comes_from_mirrored_synapses_that_learn_alike():
    sided = one_sided(plan(spec_of("eprop_lif"), 3))
    block, mirror = (sided.synapses[f"{prefix}hidden_to_readout"] for prefix in ("", MIRROR))
    assert (mirror.source, mirror.target) == ("readout", "hidden")
    np.testing.assert_array_equal(mirror.pre, block.post)
    np.testing.assert_array_equal(mirror.variables["weight"].value, block.variables["weight"].value)
    assert "error_pre*hidden_to_readout_z_filtered_post" in mirror.codes[0].text


def test_random_feedback_is_mirrored_without_the_rule():
    mirror = one_sided(plan(spec_of("eprop_random"), 3)).synapses[f"{MIRROR}hidden_to_readout"]
    assert not mirror.codes and set(mirror.variables) == {"feedback_weight"}


def test_constants_of_a_projection_are_numbers_in_its_code():
    block = fit(plan(spec_of("eprop_lif"), 3)).plan.synapses["of_inputs_to_hidden"]
    assert "exp(" not in block.program and f"{float(np.exp(-0.1))!r}*e_filtered" in block.program
    assert "-(0.02)*genn_" in block.program and not {"lr", "tau_out"} & block.variables.keys()


CHIP = Chip(
    **{"weight_bits": 6, "w_range": (-2, 2), "accumulator_bits": 8, "trace_bits": 8, "trace_max": 4.0},
    **{"write": "step", "rounding": "stochastic", "write_noise": 0.1, "asymmetry": 0.1},
)


@pytest.mark.slow
def test_a_chip_rounds_with_the_same_random_numbers():
    """Random numbers of every synapse and step, in the mirrored synapses too."""
    spec = dataclasses.replace(eprop_lif(lr=0.5).freeze(), chip=CHIP)
    candidate, samples = Candidate(spec, 3), stream_for("eprop_lif", n=2)
    expected = load_program(candidate, "runtime", "float64").advance([candidate], [samples], [None], SPIKES)[0]
    assert expected.totals["hidden.inputs_to_hidden_writes"].sum() > 0
    assert_same(expected, rehearse(candidate, samples, None, np.float64, SPIKES), 1e-12)


def test_the_plan_is_left_as_it_was():
    original, again = (plan(spec_of("eprop_alif"), 3) for _ in range(2))
    fit(original, preview=True)
    assert original.structure() == again.structure()


def test_genn_has_every_function_that_equations_may_call():
    assert not FUNCTIONS - OF_BRIAN2.keys() - OF_BRIAN2GENN


KINDS = re.compile(r"^class (\w+?)(NEURON|WEIGHTUPDATE|POSTSYN) (.*?)^};", re.MULTILINE | re.DOTALL)
GENN_OWN = {"addToInSyn", "inSyn", "Isyn"}


GENERATE = """
import sys
from pathlib import Path
from snn.backends.genn.engine.simulate import generate
from snn.backends.program import Candidate
from tests.support.networks import spec_of, stream_for
for name in sys.argv[2:]:
    folder = Path(sys.argv[1]) / name
    folder.mkdir()
    generate(Candidate(spec_of(name), 3), stream_for(name, n=2), folder)
"""


TELLING = ("eprop_alif", "reward_stdp", "modulated", "local_rules", "own_neuron", "turns", "everything", "shapes")
"""Networks that are much unlike one another."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "names", [TELLING, pytest.param((*NETWORKS, *FURTHER), marks=pytest.mark.nightly)], ids=["a few", "all"]
)
def test_generated_code_names_only_what_is_declared(genn_python, tmp_path, names):
    """In the code that GeNN would be given, which Brian2GeNN writes without it."""
    command = [genn_python, "-c", GENERATE, str(tmp_path), *names]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in names:
        assert_declared(name, (tmp_path / name / "magicnetwork_model.cpp").read_text())


def assert_declared(name, written):
    """That the model code of a network reads nothing that it does not declare."""
    kinds = {owner + kind: body for owner, kind, body in KINDS.findall(written)}
    fitted = fit(plan(spec_of(name), 3)).plan
    assert {f"{block.name}WEIGHTUPDATE" for block in fitted.synapses.values()} < kinds.keys()
    for block in fitted.blocks():
        body = kinds[f"{block.name}{'NEURON' if block.name in fitted.groups else 'WEIGHTUPDATE'}"]
        code, _, lists = body.partition("SET_PARAM_NAMES")
        declared = set(re.findall(r'"(\w+)"', lists)) | GENN_OWN
        if block.name in fitted.synapses:
            for side, end in (("pre", block.source), ("post", block.target)):
                declared |= {f"{variable}_{side}" for variable in fitted.groups[end].variables}
        else:
            assert "addToInSyn" not in code
        assert "$(" in code and not set(re.findall(r"\$\((\w+)", code)) - declared, name
