"""Energies by chip, what an estimate says of itself, and the limits of published chips."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from snn import Chip, PairSTDP, Result, SNNError
from snn.chip import CMOS_45NM, LOIHI, ODIN, PROFILES, EnergyTable, profile
from snn.chip.energy import TABLES, cmos_45nm
from tests.support.chips import told
from tests.support.networks import spec_of
from tests.support.results import STREAM, TASK

COUNTS = {
    "synaptic_operations": 4000,
    "neuron_updates": 300,
    "spikes": 20,
    "weight_reads": 4001,
    "weight_writes": 1,
    "samples": 2,
}


def test_a_read_weight_costs_what_a_table_says():
    table = EnergyTable("t", "none", 1, 0, 0, 0, weight_read_pj=10)
    assert table.joules(COUNTS) == pytest.approx(4000e-12 + 40010e-12)
    older = {name: n for name, n in COUNTS.items() if name != "weight_reads"}
    assert table.joules(older) == pytest.approx(4000e-12)
    with pytest.raises(SNNError, match="0 <= weight_read_pj < inf"):
        EnergyTable("t", "none", 1, 0, 0, 0, weight_read_pj=-1)


@pytest.mark.parametrize("table", [LOIHI, CMOS_45NM, ODIN, cmos_45nm(8)])
def test_an_estimate_explains_itself(table):
    """Every operation that has a price, per sample; the sum; the source; the assumptions."""
    text = table.explain(COUNTS)
    assert "estimate" in text and table.name in text and table.source in text and table.assumptions in text
    assert f"{table.joules(COUNTS) / 2 * 1e9:,.2f} nJ" in text
    assert f"2,000.0 x {table.synaptic_operation_pj:g} pJ" in text
    assert ("neuron updates" in text) == (table.neuron_update_pj > 0)


def test_fewer_bits_cost_less_at_45_nm():
    """As published for 8 and 32 bits: additions of 0.03 and 0.1 pJ, multiplications of 0.2 and 3.1, to a fifth."""
    eight, most = cmos_45nm(8), cmos_45nm(32)
    assert eight.synaptic_operation_pj == pytest.approx(10 / 8 + 0.9)
    assert eight.weight_write_pj == pytest.approx(2 * 10 / 8 + 0.2 + 0.03, rel=0.2 * 0.23 / 2.73)
    assert most.weight_write_pj == pytest.approx(10 + 3.1 + 0.1)
    prices = [cmos_45nm(bits).weight_write_pj for bits in range(1, 33)]
    assert prices == sorted(prices) and "whole numbers of 8 bits" in eight.assumptions
    assert Chip(weight_bits=8, energy="45 nm CMOS").energy_table() == eight
    assert Chip(energy="45 nm CMOS").energy_table() == CMOS_45NM
    assert {name: table(8).name for name, table in TABLES.items()} == {name: name for name in TABLES}


@pytest.mark.slow
def test_a_result_has_the_energies_of_its_chip(tmp_path):
    spec = spec_of("eprop_lif").on_chip(Chip(weight_bits=8, w_range=(-3, 3), energy="45 nm CMOS"))
    result = TASK.run(spec, seed=3, backend="runtime")
    counts = result.counts
    assert counts["weight_reads"] == counts["synaptic_operations"] + counts["weight_writes"] > 0
    assert result.energy_table == cmos_45nm(8)
    assert result.energy_j == pytest.approx(cmos_45nm(8).joules(counts) / STREAM)
    assert "nJ by 45 nm CMOS" in result.summary() and "whole numbers of 8 bits" in result.summary()
    result.save(tmp_path / "result.npz")
    again = Result.load(tmp_path / "result.npz")
    assert again.energy_table == result.energy_table and again.energy_j == result.energy_j
    levels = (np.concatenate(list(result.weights.values())) + 3) / (6 / 255)
    np.testing.assert_allclose(levels, np.round(levels), atol=255 * 2**-22)  # float32


def test_a_result_without_a_table_has_that_of_loihi(tmp_path):
    """As older versions wrote it; one whose prices are no numbers is no result."""
    from tests.support.results import result_of

    data = np.load(io.BytesIO(result_of([0, 1], [0, 1]).to_bytes()))
    plain = json.loads(str(data["plain"]))
    for change in (lambda: plain.pop("energy_table"), lambda: plain.update(energy_table={"name": "x"})):
        change()
        file = io.BytesIO()
        np.savez(file, **{name: data[name] for name in data.files if name != "plain"}, plain=json.dumps(plain))
        if "energy_table" in plain:
            with pytest.raises(SNNError, match="not a result that can be read"):
                Result.from_bytes(file.getvalue())
        else:
            assert Result.from_bytes(file.getvalue()).energy_table == LOIHI


def test_published_chips():
    loihi, odin, brainscales = (PROFILES[name] for name in ("Loihi", "ODIN", "BrainScaleS-2"))
    assert (loihi.weight_bits, loihi.trace_bits, loihi.fan_in, loihi.rounding) == (8, 7, 4096, "stochastic")
    assert (odin.weight_bits, odin.fan_in, odin.energy_table().synaptic_operation_pj) == (3, 256, 12.7)
    assert (brainscales.weight_bits, brainscales.fan_in) == (6, 256)
    for name in PROFILES:
        chip = profile(name, w_range=(0, 1))
        assert chip.problems() == [] and chip.w_range == (0, 1)
        assert told(PairSTDP(), chip).chip == chip
    with pytest.raises(SNNError, match="nearest: 'Loihi'"):
        profile("loihi2")
    with pytest.raises(SNNError, match="A chip has no 'bits'"):
        profile("Loihi", bits=3)
