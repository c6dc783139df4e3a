"""A chip's limits, as numbers that a network carries with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, hertz

from snn import fields
from snn.chip.energy import TABLES, EnergyTable
from snn.chip.grid import Grid
from snn.fields import choice, is_number, number
from snn.serial import serialisable


@serialisable
@dataclass(frozen=True)
class Chip:
    r"""Limits of a chip on weights and on the changes that rules propose. Each is off unless it is given.

    Weights lie on a grid of :math:`2^b` levels from l to h, :math:`w_k = l + k s`, :math:`s = (h-l)/(2^b-1)`. First
    weights are rounded to the nearest level. A write rounds the **change**, so that a proposal of 0 changes nothing:

    .. math:: k \leftarrow \text{clip}\big(k + \lfloor \Delta w/s + r \rfloor,\ 0,\ 2^b - 1\big)

    with r = 1/2 (nearest: changes below half a step vanish) or r uniform in [0, 1) (stochastic: right on average;
    Gupta et al. 2015). A projection's own bounds hold as well.

    Parameters
    ----------
    weight_bits : int, 1 to 32, default None
        Bits b of a weight, in all projections; None: real numbers. In float32, more than about 22 bits are no finer
        than float32 is.
    rounding : {"nearest", "stochastic"}, default "nearest"
        How changes, and what accumulators and traces keep, are rounded.
    w_range : (float, float), default None
        Lowest and highest level (l, h), in units of the weight; None: each projection's own (w_min, w_max). Zero is a
        level of a symmetric range if one end is left out, :math:`h = -l (1 - 2^{1-b})`, as in two's complement.
    write : {"step", "sample", "event"}, default "step"
        When a change is written. ``"step"``: when it is proposed. ``"sample"``: changes add up and are written together
        at the end of the sample, in its last step, after the proposals that are made there. ``"event"``: they add up
        until a presynaptic spike arrives or the postsynaptic neuron spikes, and are written in that step (readouts do
        not spike: at arrivals); what has not been written at a sample's end is kept for the next.
    accumulator_bits : int, 1 to 16, default None
        Every synapse adds changes up in units of :math:`s/2^a`, to which each proposal is rounded. What is written is
        whole steps, towards zero, and taken off: small changes are written on overflow. Its state lasts from sample to
        sample. It has a bits and a sign; between two writes (``write="sample"`` or ``"event"``) it may hold any number
        of whole steps. Needs `weight_bits`.
    stuck_fraction : float, 0 to 1, default None
        Share of synapses, drawn one by one from the seed, that keep their first weight for ever.
    write_noise : float, >= 0, default None
        A written change is multiplied by :math:`1 + \sigma N(0, 1)`, anew each time.
    asymmetry : float, -1 to 1, default None
        Changes upwards are multiplied by 1 + a, those downwards by 1 - a (Gokmen & Vlasov 2016 call their ratio the
        imbalance between up and down).
    variability : float, >= 0, default None
        From device to device: a synapse's changes are multiplied by :math:`\max(0, 1 + \sigma N(0, 1))`, drawn once,
        from the seed (ibid.). Where that is 0 the synapse is stuck.
    drift : Quantity in Hz, >= 0, default None
        Weights that a rule changes relax towards zero, or the end of the range that is next to it,
        :math:`w \leftarrow w_0 + (w - w_0) e^{-\lambda T}`, at the end of every sample in which they learn, T long
        with the gap after it: a cell whose charge leaks (Rasch et al. 2021 call :math:`1/\lambda` its lifetime).
        Rounded like any change, so that with `weight_bits` and nearest rounding what is below half a step stays. It is
        nobody's write: neither counted nor subject to the devices' faults; stuck synapses do not drift.
    fan_in : int, >= 1, default None
        At most so many synapses onto a neuron or readout unit, over all projections.
    over_fan_in : {"refuse", "prune"}, default "refuse"
        What becomes of more. ``"refuse"``: an error (of sparse connections, whose number is drawn: before the run).
        ``"prune"``: at random, from the seed, each as likely as any other, until they are as many; weights are drawn
        for those that are left.
    trace_bits : int, 1 to 32, default None
        Bits c of every trace of a rule, in levels :math:`k\,m/(2^c - 1)` from 0 to m, to which it is rounded whenever
        it decays or a spike adds to it, which must not be less than 0; it saturates. Under nearest rounding a trace
        stops to decay where that would be less than half a level, which is why chips round them stochastically (Davies
        et al. 2018). What only says whether a spike came in this step is no trace, and a factor's own is not on the
        chip.
    trace_max : float, > 0, default 4
        The largest trace m: all-to-all traces of unit jumps with 20 ms stay below 4 at up to 200 Hz.
    energy : {"Loihi", "45 nm CMOS", "ODIN"}, default "Loihi"
        Whose energies price what a run counts (`snn.chip.energy`).

    The devices' faults act on what is written, that is, with an accumulator on whole steps, before it is rounded (in
    the order asymmetry, variability, noise); a change of 0 stays 0. They do not need `weight_bits`.

    Place in the time step: part 5, in the order proposals of this step, then writes that wait for the step's events,
    then the traces' later spikes; and in a sample's last step, proposals of the sample, then writes that wait for it,
    then what a rule makes of the new weights (a normalisation, say), which waits for nothing, then drift. A rule reads
    the weight as it is written. Feedback weights that a rule adapts and optimizers' moments are not on the chip: they
    stay real numbers, written at once.

    Random numbers are functions of the run's seed, the absolute step and the synapse (`snn.random`). A number that is
    given, 0 included, makes a chip that has that limit: all its values share one compiled program.

    Sources: Gupta, Agrawal, Gopalakrishnan & Narayanan 2015, ICML (stochastic rounding); Gokmen & Vlasov 2016, Front.
    Neurosci. 10:333 (devices); Rasch et al. 2021, AICAS (decay); Davies et al. 2018, IEEE Micro 38(1) (Loihi).

    Examples
    --------
    >>> from snn import Chip
    >>> chip = Chip(weight_bits=8, rounding="stochastic", w_range=(-1, 127/128))
    >>> round(chip.grid(None, None).step * 128, 9)
    1.0
    """

    weight_bits: int | None = number(None, at_least=1, at_most=32, optional=True, integer=True)
    rounding: str = choice("nearest", "nearest", "stochastic")
    w_range: tuple[float, float] | None = None
    write: str = choice("step", "step", "sample", "event")
    accumulator_bits: int | None = number(None, at_least=1, at_most=16, optional=True, integer=True)
    stuck_fraction: float | None = number(None, at_least=0, at_most=1, optional=True)
    write_noise: float | None = number(None, at_least=0, optional=True)
    asymmetry: float | None = number(None, at_least=-1, at_most=1, optional=True)
    variability: float | None = number(None, at_least=0, optional=True)
    drift: Quantity | None = number(None, hertz, at_least=0, optional=True)
    fan_in: int | None = number(None, at_least=1, optional=True, integer=True)
    over_fan_in: str = choice("refuse", "refuse", "prune")
    trace_bits: int | None = number(None, at_least=1, at_most=32, optional=True, integer=True)
    trace_max: float = number(4.0, above=0)
    energy: str = choice("Loihi", *TABLES)

    def problems(self) -> list[str]:
        """Return all problems of the chip's own numbers, one sentence each."""
        return [*fields.problems(self, "the chip"), *_range_problems(self.w_range), *self._needs()]

    def _needs(self) -> Iterator[str]:
        if self.accumulator_bits is not None and self.weight_bits is None:
            yield "`accumulator_bits` are parts of a step between two levels, but the chip has no weight_bits; give it."

    def grid(self, w_min: float | None, w_max: float | None) -> Grid | None:
        """The levels of a projection with these bounds; None without `weight_bits`, or without a range."""
        low, high = self.w_range or (w_min, w_max)
        if self.weight_bits is None or low is None or high is None:
            return None
        return Grid(float(low), float(high), int(self.weight_bits), w_min, w_max)

    @property
    def uneven(self) -> bool:
        """Whether its devices make something else of a change than was asked for."""
        return any(x is not None for x in (self.stuck_fraction, self.write_noise, self.asymmetry, self.variability))

    def gains(self, rng: np.random.Generator, n: int) -> np.ndarray | None:
        """Return the factors by which n synapses' devices multiply their changes, 0 where they are stuck. None if all
        are alike.

        Either kind of fault is drawn from the same numbers whether or not there is the other.
        """
        if self.stuck_fraction is None and self.variability is None:
            return None
        stuck = rng.random(n) < (self.stuck_fraction or 0)
        return np.where(stuck, 0.0, np.maximum(0, 1 + (self.variability or 0) * rng.standard_normal(n)))

    def energy_table(self) -> EnergyTable:
        """The energies of its operations."""
        return TABLES[self.energy](None if self.weight_bits is None else int(self.weight_bits))


def _range_problems(w_range: Any) -> list[str]:
    if w_range is None:
        return []
    if not isinstance(w_range, tuple) or len(w_range) != 2 or not all(map(is_number, w_range)):
        return [f"`w_range` of the chip must be two plain numbers (low, high), but is {w_range!r}."]
    low, high = map(float, w_range)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return [f"`low < high` must hold, both finite, but the chip has w_range = {w_range!r}."]
    return []
