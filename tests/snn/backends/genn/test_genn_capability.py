"""What GeNN cannot do is said at once."""

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import Constant, Dense, Network, Neuron, OneToOne, Poisson, Sparse, SpikeReadout
from snn.backends.genn.engine.simulate import rehearse, simulate
from snn.backends.genn.fitting.capability import check, problems
from snn.backends.program import Candidate
from snn.errors import NetworkError
from snn.lowering.plan.blocks import Code
from snn.lowering.planner import plan
from tests.support.networks import NETWORKS, spec_of
from tests.support.runs import stream
from tests.support.variants import FURTHER

pytestmark = pytest.mark.genn


def of(model, reset="v = 0", connection=None, threshold="v > 1", **numbers):
    net = Network(inputs=Poisson(4, rate=100 * Hz), dt=1 * ms)
    net.population("out", Neuron(model, threshold=threshold, reset=reset, input="v", parameters=numbers), n=4)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", connection or OneToOne(Constant(1.0)))
    return net.freeze()


@pytest.mark.parametrize("name", [*NETWORKS, *FURTHER])
def test_the_networks_of_the_tests_fit(name):
    assert problems(plan(spec_of(name), 3)) == []


def test_booleans():
    [sentence] = problems(plan(of("dv/dt = -v/(10*ms) : 1\non : boolean", reset="v = 0\non = True")))
    assert "`on` of out is boolean" in sentence and "integer" in sentence


@pytest.mark.parametrize("name", ["batch", "Isyn", "sT"])
def test_names_of_genn(name):
    [sentence] = problems(plan(of(f"dv/dt = (-v + {name})/(10*ms) : 1\n{name} : 1")))
    assert f"`{name}` is a reserved name of GeNN; rename" in sentence


def test_names_of_genn_among_parameters():
    [sentence] = problems(plan(of("dv/dt = -v*scalar/(10*ms) : 1", scalar=1.0)))
    assert "`scalar` is a reserved name of GeNN; rename" in sentence


def test_projections_without_synapses():
    [sentence] = problems(plan(of("dv/dt = -v/(10*ms) : 1", connection=Sparse(p=0.0))))
    assert "from inputs to out has none" in sentence


def test_two_synapses_between_two_neurons():
    whole = plan(of("dv/dt = -v/(10*ms) : 1", connection=Dense()))
    block = whole.synapses["inputs_to_out"]
    block.pre, block.post = (np.append(array, array[:3]) for array in (block.pre, block.post))
    [sentence] = problems(whole)
    assert "from inputs to out has 3 more" in sentence


@pytest.mark.parametrize(
    ("code", "variable", "owner"), [("v_post = 0", "v", "out"), ("value_pre = weight", "value", "inputs")]
)
def test_synapses_that_write_at_neurons(code, variable, owner):
    whole = plan(of("dv/dt = -v/(10*ms) : 1"))
    whole.synapses["inputs_to_out"].codes.append(Code("learning", code))
    [sentence] = problems(whole)
    assert f"sets `{variable}` of {owner}" in sentence


def test_all_at_once_and_before_anything_is_made():
    spec = of("dv/dt = (-v + batch)/(10*ms) : 1\nbatch : 1\non : boolean", "v = 0\non = True", Sparse(p=0.0))
    for call in (simulate, rehearse):
        with pytest.raises(NetworkError) as raised:
            call(Candidate(spec, 0), stream(1, inputs=4))
        assert len(raised.value.problems) == 3
    with pytest.raises(NetworkError):
        check(plan(spec))
