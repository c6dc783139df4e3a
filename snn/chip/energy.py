"""The energies of the operations that a run counts.

These are estimates for comparing networks, not measurements of a chip that runs them. They price what is counted
(`Result.counts`) and nothing else: no leakage, no clock, no host, no routing between distant cores, and no eligibility
traces. An energy does not depend on the precision that a run was simulated in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
    weight_read_pj : float, >= 0
        A weight that is read, if that is not part of a synaptic operation and of a write.
    assumptions : str
        What has to hold for the estimate to mean something.

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
    weight_read_pj: float = 0.0
    assumptions: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_pj") and not (math.isfinite(value) and value >= 0):
                raise SNNError(f"`0 <= {field.name} < inf` must hold, but {self.name!r} has {field.name} = {value}.")

    def joules(self, counts: Mapping[str, float]) -> float:
        r"""Energy of a run: :math:`\sum_k n_k E_k` over the kinds of operations.

        Parameters
        ----------
        counts : mapping of str to float
            As in `Result.counts`; ``weight_reads`` may be missing, as in files of older versions.
        """
        known = {name: counts[name] for name in self._prices() if name != "weight_reads" or name in counts}
        return PICO * sum(n * self._prices()[name] for name, n in known.items())

    def _prices(self) -> dict[str, float]:
        return {
            "synaptic_operations": self.synaptic_operation_pj,
            "neuron_updates": self.neuron_update_pj,
            "spikes": self.spike_pj,
            "weight_reads": self.weight_read_pj,
            "weight_writes": self.weight_write_pj,
        }

    def explain(self, counts: Mapping[str, float]) -> str:
        """The estimate for one sample, operation by operation, with its source and what it assumes."""
        samples = max(1, int(counts.get("samples", 1)))
        lines = [f"energy / sample, an estimate by the energies of {self.name} ({self.source}):"]
        for name, picojoules in self._prices().items():
            if picojoules and name in counts:
                n = counts[name] / samples
                words = name.replace("_", " ")
                lines.append(f"{words:>22}  {n:>14,.1f} x {picojoules:g} pJ = {n * picojoules / 1e3:,.2f} nJ")
        lines.append(f"{'sum':>22}  {self.joules(counts) / samples * 1e9:,.2f} nJ")
        return "\n".join([*lines, *([f"It is assumed that {self.assumptions}."] if self.assumptions else [])])


LOIHI = EnergyTable(
    name="Loihi",
    source="Davies et al. 2018, IEEE Micro 38(1), table 2: simulated before there was silicon, at 0.75 V",
    synaptic_operation_pj=23.6,
    neuron_update_pj=81,
    spike_pj=1.7,
    weight_write_pj=120,
    assumptions=(
        "every neuron update costs what the table gives for an active neuron (an inactive one: 52 pJ), so that the "
        "neurons' share is an upper bound; no spike leaves its tile (another 3 to 4 pJ a hop); every write costs what "
        "pairwise STDP does, whatever the rule; an update that leaves a weight as it was costs nothing; weights are "
        "read within operations and writes; and nothing leaks, waits or is routed"
    ),
)
"""Intel's Loihi, 14 nm: the table's synaptic spike operation (a minimum), neuron update, spike within a tile, and
synaptic update by pairwise STDP."""

ODIN = EnergyTable(
    name="ODIN",
    source="Frenkel, Lefebvre, Legat & Bol 2019, IEEE TBioCAS 13(1): measured, 28 nm, 0.55 V",
    synaptic_operation_pj=12.7,
    neuron_update_pj=0,
    spike_pj=0,
    weight_write_pj=0,
    assumptions=(
        "all that a spike causes at a synapse (its weight read, updated and written, the neuron updated) is in the "
        "published energy of a synaptic operation, whatever the rule and the bits; neurons without input cost nothing; "
        "and nothing leaks, which at low rates is most of a chip's power"
    ),
)
"""ODIN, 28 nm: one number, for everything that is done at a synapse."""

ADD_PJ, MULTIPLY_PJ, SRAM_64_BITS_PJ = 0.9, 3.7, 10.0
"""Floating point numbers of 32 bits, and an access to 8 kB of SRAM, at 45 nm and 0.9 V (Horowitz, ISSCC 2014, table of
energies)."""
WHOLE_ADD_PJ, WHOLE_MULTIPLY_PJ = 0.1, 3.1
"""The same of whole numbers of 32 bits. Of 8 bits: 0.03 and 0.2, about a quarter and a sixteenth."""


def cmos_45nm(bits: int | None = None) -> EnergyTable:
    """A digital circuit with small memories beside its arithmetic, at 45 nm.

    Parameters
    ----------
    bits : int or None
        Of a weight, a whole number, to which memory and additions are in proportion, and multiplications to its square
        (which Horowitz's 8 and 32 bits are, to a fifth). Neurons have 32-bit floats. None: weights are such, too.
    """
    word = SRAM_64_BITS_PJ / 2  # 32 of the 64 bits
    share = 1.0 if bits is None else bits / 32
    add = ADD_PJ if bits is None else WHOLE_ADD_PJ * share
    multiply = MULTIPLY_PJ if bits is None else WHOLE_MULTIPLY_PJ * share**2
    return EnergyTable(
        name="45 nm CMOS",
        source=(
            "operations: Horowitz 2014, ISSCC, doi:10.1109/ISSCC.2014.6757323; their composition is an estimate of ours"
        ),
        synaptic_operation_pj=word * share + ADD_PJ,
        neuron_update_pj=2 * word + MULTIPLY_PJ + 2 * ADD_PJ,
        spike_pj=SRAM_64_BITS_PJ,
        weight_write_pj=2 * word * share + multiply + add,
        assumptions=(
            f"weights are {'32-bit floats' if bits is None else f'whole numbers of {bits} bits'}; a synaptic operation "
            "reads a weight and adds it to a sum in a register; a neuron update reads and writes one state of 32 bits, "
            "multiplies it by its decay, adds the input and compares with the threshold; a spike is one event of 64 "
            "bits in a queue; a write reads the weight, multiplies a change by a rate, adds it and writes the weight; "
            "and traces, leakage, clocks and wires cost nothing"
        ),
    )


CMOS_45NM = cmos_45nm()

TABLES: Mapping[str, Callable[[int | None], EnergyTable]] = {
    "Loihi": lambda bits: LOIHI,
    "45 nm CMOS": cmos_45nm,
    "ODIN": lambda bits: ODIN,
}
"""Energies by name, of weights of so many bits."""
