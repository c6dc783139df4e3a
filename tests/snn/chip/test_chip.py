"""Energy and memory: closed forms, and laws."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms
from hypothesis import given
from hypothesis import strategies as st

from snn import LIF, Dense, EProp, FixedFanIn, LeakyReadout, Network, OneToOne, Poisson, Result, SNNError, Sparse
from snn.backends.program import Candidate
from snn.chip import CMOS_45NM, LOIHI, EnergyTable
from snn.lowering.memory import memory_bits
from snn.lowering.plan.blocks import Group, SynapseBlock, Variable
from snn.lowering.plan.plan import Plan
from tests.support.networks import NETWORKS, spec_of
from tests.support.results import STREAM, TASK, result_of

KINDS = ("synaptic_operations", "neuron_updates", "spikes", "weight_writes")
COUNTS = st.fixed_dictionaries({kind: st.integers(0, 10**12) for kind in KINDS})


# ---- energy ------------------------------------------------------------------------------------------------------


def test_published_energies():
    """Davies et al. 2018, table 2; Horowitz 2014: a word is half of the 64 bits that 10 pJ read."""
    kinds = ("synaptic_operation", "neuron_update", "spike", "weight_write")
    assert [getattr(LOIHI, f"{kind}_pj") for kind in kinds] == [23.6, 81, 1.7, 120]
    assert CMOS_45NM.synaptic_operation_pj == pytest.approx(5 + 0.9)
    assert CMOS_45NM.neuron_update_pj == pytest.approx(5 + 5 + 3.7 + 0.9 + 0.9)
    assert CMOS_45NM.weight_write_pj == pytest.approx(5 + 5 + 3.7 + 0.9)
    assert CMOS_45NM.spike_pj == 10


def test_energy_is_counts_times_energies():
    table = EnergyTable("t", "none", 1, 10, 100, 1000)
    counts = {"synaptic_operations": 4, "neuron_updates": 3, "spikes": 2, "weight_writes": 1, "samples": 7}
    assert table.joules(counts) == pytest.approx(1234e-12, rel=1e-15)


@given(COUNTS, st.sampled_from(KINDS), st.integers(1, 10**9), st.sampled_from([LOIHI, CMOS_45NM]))
def test_more_of_anything_never_costs_less(counts, kind, more, table):
    assert table.joules(counts | {kind: counts[kind] + more}) >= table.joules(counts) >= 0


@given(COUNTS, COUNTS)
def test_energies_of_two_pieces_add_up(first, second):
    """So that a run in rungs costs what it costs in one; sums of eight products are rounded eight times."""
    both = {kind: first[kind] + second[kind] for kind in KINDS}
    assert LOIHI.joules(both) == pytest.approx(LOIHI.joules(first) + LOIHI.joules(second), rel=8 * 2**-52)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_energies_that_cannot_be(value):
    with pytest.raises(SNNError, match=r"0 <= spike_pj < inf"):
        EnergyTable("t", "none", 1, 1, value, 1)


@pytest.mark.parametrize("name", ["eprop_lif", "reward_stdp"])
def test_neurons_are_updated_in_every_step(name):
    """Of all populations, without inputs and readouts; and the energy is that of what was counted."""
    spec = spec_of(name)
    result = TASK.run(spec, seed=3, dtype="float64")
    neurons = {"eprop_lif": 15, "reward_stdp": 12 + 4}[name]
    assert result.counts["neuron_updates"] == neurons * STREAM * 25
    by_hand = 81 * result.counts["neuron_updates"] + 1.7 * result.counts["spikes"]
    by_hand += 23.6 * result.counts["synaptic_operations"] + 120 * result.counts["weight_writes"]
    assert result.energy_j == pytest.approx(by_hand * 1e-12 / STREAM, rel=1e-14)
    assert f"{result.energy_j * 1e9:,.1f} nJ" in result.summary()


def test_a_result_of_an_older_version_has_no_energy():
    assert "neuron_updates" not in result_of([0], [0]).counts
    assert result_of([0], [0]).energy_j is None and "energy" not in result_of([0], [0]).summary()


# ---- memory ------------------------------------------------------------------------------------------------------


def small(connection=None, recurrent=None, rule=None, n=4):
    """Three inputs, n neurons, two readout units."""
    net = Network(inputs=Poisson(3, rate=100 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=n)
    net.readout(LeakyReadout(2, loss="squared_error"))
    net.connect("inputs", "hidden", connection or Dense(), *([rule] if rule else []))
    net.connect("hidden", "readout", Dense())
    if recurrent:
        net.connect("hidden", "hidden", recurrent)
    return net.freeze()


def bits(spec, dtype="float32", seed=3):
    return memory_bits(Candidate(spec, seed).plan, dtype)


@pytest.mark.parametrize(("dtype", "number"), [("float32", 32), ("float64", 64)])
def test_a_network_by_hand(dtype, number):
    inputs = 3 * number  # the value
    hidden = 4 * (2 * number + 2 + 2 * 32 + 1)  # v, I; spikes of this step and the last; two counters; at rest or not
    readout = 2 * 6 * number  # y, I, target, error, loss, score
    weights = (3 * 4 + 4 * 2) * number
    names = {f"{b.name}.{n}" for b in Candidate(small(), 3).plan.blocks() for n, v in b.variables.items()
             if v.role in ("state", "lasting")}  # fmt: skip
    assert names == {
        "inputs.value", "hidden.v", "hidden.I", "hidden.spike_history", "hidden.sample_spikes",
        "hidden.refractory_left", "hidden.not_refractory",
        *(f"readout.{name}" for name in ("y", "I", "target", "error", "loss", "score")),
        "inputs_to_hidden.weight", "hidden_to_readout.weight",
    }  # fmt: skip
    assert bits(small(), dtype) == inputs + hidden + readout + weights


def test_a_rules_traces_and_eligibilities_count():
    """What e-prop adds to a synapse, times synapses, and to the neurons on both of its sides."""
    plain, learning = Candidate(small(), 3).plan, Candidate(small(rule=EProp()), 3).plan
    added = 0
    for block in learning.blocks():
        known = plain.groups.get(block.name) or plain.synapses.get(block.name)
        new = [v for n, v in block.variables.items() if v.role in ("state", "lasting") and n not in known.variables]
        assert all(variable.kind == "float" for variable in new)
        added += 32 * len(new) * (len(block.pre) if isinstance(block, SynapseBlock) else block.n)
    assert added > 32 * 12  # one eligibility a synapse at least
    assert memory_bits(learning, "float32") - memory_bits(plain, "float32") == added


def test_targets_of_sparse_synapses_need_an_index():
    """None where they follow from the sizes: dense, without autapses, one to one, sparse with p = 1."""
    with_all = bits(small(n=5))
    assert bits(small(Sparse(p=1.0), n=5)) == with_all
    few = bits(small(FixedFanIn(k=2), n=5))  # 10 of 15 synapses, each with the index of one of 5 neurons: 3 bits
    assert few == with_all - 5 * 32 + 10 * 3
    assert bits(small(OneToOne(), n=3)) == bits(small(n=3)) - 6 * 32
    assert bits(small(recurrent=Dense(), n=5)) == with_all + 20 * 32
    assert bits(small(recurrent=FixedFanIn(k=1), n=5)) == with_all + 5 * (32 + 3)


def test_delays_lengthen_the_history_by_a_bit_a_step():
    def delayed(steps):
        net = Network(inputs=Poisson(3, rate=100 * Hz), dt=1 * ms)
        net.population("hidden", LIF(), n=4)
        net.readout(LeakyReadout(2))
        net.connect("inputs", "hidden", Dense())
        net.connect("hidden", "hidden", Dense(), delay=steps * ms)
        net.connect("hidden", "readout", Dense())
        return net.freeze()

    assert bits(delayed(9)) - bits(delayed(4)) == 4 * 5


def test_shared_numbers_are_free_and_individual_ones_are_not():
    plan = Plan(dt=1e-3)
    group = plan.groups["a"] = Group("a", n=5)
    group.declare("tau", 0.02, "constant", shared=True)
    assert memory_bits(plan, "float32") == 0
    group.declare("v_th", np.arange(5.0), "constant")
    group.declare("gain", 1.0, "state", shared=True)
    group.declare("count", 0, "total", wide=True)
    group.variables["resting"] = Variable(True, kind="boolean")
    group.declare("left", 0, integer=True)
    assert memory_bits(plan, "float32") == 5 * 32 + 32 + 5 * 1 + 5 * 32
    assert memory_bits(plan, "float64") == 5 * 64 + 64 + 5 * 1 + 5 * 32


@pytest.mark.parametrize("name", NETWORKS)
def test_laws_of_memory(name):
    """Between once and twice as much in float64; no less than the weights; nothing for the environment's numbers."""
    spec = spec_of(name)
    plan = Candidate(spec, 3).plan
    single, double = memory_bits(plan, "float32"), memory_bits(plan, "float64")
    weights = sum(len(block.pre) for block in plan.synapses.values() if block.transmits)
    assert 32 * weights < single < double <= 2 * single
    if spec.environment is not None:
        plan.groups["environment"].declare("more")
        assert memory_bits(plan, "float32") == single


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "dtype"), [
    ("runtime", "float32"), pytest.param("standalone", "float64", marks=pytest.mark.slow)
])  # fmt: skip
def test_a_result_keeps_its_memory(backend, dtype, tmp_path):
    spec = spec_of("eprop_lif")
    result = TASK.run(spec, seed=3, dtype=dtype, backend=backend)
    assert result.memory_bits == bits(spec, dtype)
    result.save(tmp_path / "result.npz")
    again = Result.load(tmp_path / "result.npz")
    assert (again.memory_bits, again.energy_j, again.counts) == (result.memory_bits, result.energy_j, result.counts)
    assert f"{result.memory_bits:,} bits" in again.summary()


def test_a_file_without_memory_can_be_read(tmp_path, monkeypatch):
    """As an older version wrote it."""
    from snn.results import files

    fields = tuple(name for name in files.PLAIN if name != "memory_bits")
    monkeypatch.setattr(files, "PLAIN", fields)
    dataclasses.replace(result_of([0, 1], [0, 1]), memory_bits=7).save(tmp_path / "old.npz")
    monkeypatch.undo()
    old = Result.load(tmp_path / "old.npz")
    assert old.memory_bits is None and old.accuracy == 1 and "bits" not in old.summary()
