"""What hardware costs: the energies of the operations that a run counts.

These are estimates for comparing networks, not measurements of a chip that runs them. They price what is counted
(`Result.counts`) and nothing else: no leakage, no clock, no host, no routing between distant cores, and no eligibility
traces. An energy does not depend on the precision that a run was simulated in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from snn.errors import SNNError

PICO = 1e-12


@dataclass(frozen=True)
class EnergyTable:
    """Energies of single operations, in picojoules.

    Parameters
    ----------
    name : str
        What they belong to.
    source : str
        Where they were published, and how they were found.
    synaptic_operation_pj : float, >= 0
        A spike that crosses a synapse.
    neuron_update_pj : float, >= 0
        One neuron in one time step.
    spike_pj : float, >= 0
        A spike sent, the inputs' included.
    weight_write_pj : float, >= 0
        A weight that is computed anew and written.

    Raises
    ------
    SNNError
        If an energy is negative or not finite.
    """

    name: str
    source: str
    synaptic_operation_pj: float
    neuron_update_pj: float
    spike_pj: float
    weight_write_pj: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_pj") and not (math.isfinite(value) and value >= 0):
                raise SNNError(f"`0 <= {field.name} < inf` must hold, but {self.name!r} has {field.name} = {value}.")

    def joules(self, counts: Mapping[str, float]) -> float:
        r"""Energy of a run: :math:`\sum_k n_k E_k` over the four kinds of operations.

        Parameters
        ----------
        counts : mapping of str to float
            ``synaptic_operations``, ``neuron_updates``, ``spikes`` and ``weight_writes``, as in `Result.counts`.
        """
        return PICO * (
            counts["synaptic_operations"] * self.synaptic_operation_pj
            + counts["neuron_updates"] * self.neuron_update_pj
            + counts["spikes"] * self.spike_pj
            + counts["weight_writes"] * self.weight_write_pj
        )


LOIHI = EnergyTable(
    name="Loihi",
    source="Davies et al. 2018, IEEE Micro 38(1), table 2: simulated before there was silicon, at 0.75 V",
    synaptic_operation_pj=23.6,
    neuron_update_pj=81,
    spike_pj=1.7,
    weight_write_pj=120,
)
"""Intel's Loihi, 14 nm: the table's synaptic spike operation (a minimum), neuron update, spike within a tile, and
synaptic update by pairwise STDP.

What is assumed: every neuron update costs what the table gives for an active neuron (an inactive one: 52 pJ), so the
share of the neurons is an upper bound; no spike leaves its tile (another 3 to 4 pJ a hop); every write costs what
pairwise STDP does, whatever the rule; and an update that leaves a weight as it was costs nothing, as only changes are
counted.
"""

ADD_PJ, MULTIPLY_PJ, SRAM_64_BITS_PJ = 0.9, 3.7, 10.0
"""Floating point numbers of 32 bits, and an access to 8 kB of SRAM, at 45 nm and 0.9 V (Horowitz, ISSCC 2014, table of
energies). Whole numbers of 32 bits: 0.1 to add, 3.1 to multiply."""
_WORD_PJ = SRAM_64_BITS_PJ / 2  # 32 of the 64 bits

CMOS_45NM = EnergyTable(
    name="45 nm CMOS",
    source="operations: Horowitz 2014, ISSCC, doi:10.1109/ISSCC.2014.6757323; their composition is an estimate of ours",
    synaptic_operation_pj=_WORD_PJ + ADD_PJ,
    neuron_update_pj=2 * _WORD_PJ + MULTIPLY_PJ + 2 * ADD_PJ,
    spike_pj=SRAM_64_BITS_PJ,
    weight_write_pj=2 * _WORD_PJ + MULTIPLY_PJ + ADD_PJ,
)
"""A digital circuit with 32-bit floats and small memories beside its arithmetic.

What is assumed: a synaptic operation reads a weight and adds it to a sum in a register; a neuron update reads and
writes one state, multiplies it by its decay, adds the input and compares with the threshold; a spike is one event of 64
bits in a queue; a weight write reads the weight, multiplies a change by a rate, adds it and writes the weight.
"""
