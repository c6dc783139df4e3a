"""Writes weights within the limits of a chip: levels, rounding, accumulators, devices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snn.chip import Chip, Grid
from snn.lowering.plan.blocks import Group
from snn.lowering.projections.writer import WAITING, Writer
from snn.plasticity.terms import WEIGHT_IN_RULES, Update
from snn.random import DEVICES, generator


@dataclass(frozen=True)
class ChipWriter(Writer):
    """Writes them within a chip's limits (`snn.chip.Chip` has the equations).

    What kind of chip it is makes the texts; its numbers are arguments.
    """

    chip: Chip
    updates: tuple[Update, ...]
    seed: int
    index: int

    @property
    def learns(self) -> bool:
        """Whether the rule changes the weight at all."""
        return any(update.of == WEIGHT_IN_RULES for update in self.updates)

    @property
    def waits(self) -> bool:
        """Whether there are writes that wait, rather than being made with the proposals."""
        at_once = {"step": {"pre", "post", "step", "sample"}, "sample": {"sample"}, "event": set()}[self.chip.write]
        return not {update.on for update in self.updates if update.of == WEIGHT_IN_RULES} <= at_once

    def proposed(self, update: Update) -> str:
        """Statements that take up a proposal: written at once, or added to what waits."""
        if update.of != WEIGHT_IN_RULES:
            return super().proposed(update)
        waits = self.waits and not update.late  # what comes last in a sample has nothing to wait for
        if self.chip.accumulator_bits is not None:
            self._declare_waiting()
            units = self._number("chip_units", 2**self.chip.accumulator_bits / self._grid.step)
            added = f"{WAITING} += {self._rounded(f'({update.dw})*{units}')}"
            return added if waits else f"{added}\n{self.waiting()}"
        if waits:
            self._declare_waiting()
            return f"{WAITING} += {update.dw}"
        return self._write(f"({update.dw})")

    def waiting(self) -> str:
        """Statements that write what has been added up."""
        if self.chip.accumulator_bits is None:
            return f"{self._write(WAITING)}\n{WAITING} = 0"
        whole = self._number("chip_whole", 2**self.chip.accumulator_bits)
        part = self._number("chip_part", 2**-self.chip.accumulator_bits)
        taken = f"chip_steps = whole_towards_zero({WAITING}*{part})\n{WAITING} -= chip_steps*{whole}"
        steps = self._rounded(self._device("chip_steps")) if self.chip.uneven else "chip_steps"
        return f"{taken}\n{self._write_steps(steps)}"

    def drifted(self) -> str:
        """Statements that let weights relax for as long as the sample was; nobody writes, so nothing is counted."""
        assert self.chip.drift is not None
        self.synapses.parameters({"chip_drift": self.chip.drift, "chip_rest": self._rest})
        change = f"(chip_rest - {WEIGHT_IN_RULES})*(1 - exp(-chip_drift*dt*(sample_step_post + 1)))"
        if self._gains is not None:
            change = f"int({self._gain()} != 0)*{change}"
        return self._write(change, written=False)

    def kept(self, group: Group, trace: str, value: str) -> str:
        """A trace's value rounded to the chip's bits of a trace, within their range."""
        bits = self.chip.trace_bits
        if bits is None:
            return value
        step = self.chip.trace_max / (2**bits - 1)
        group.parameters({"chip_trace_step": step, "chip_per_trace_step": 1 / step, "chip_trace_last": 2**bits - 1})
        group.variables[trace].bits = int(bits)
        draw = "0.5"
        if self.chip.rounding == "stochastic":
            group.declare("chip_trace_seed", self.seed, "constant", integer=True, shared=True)
            draw = f"dither(chip_trace_seed, {self.plan.stream()}, absolute_step, i)"
        return f"chip_trace_step*clip(whole_below(({value})*chip_per_trace_step + {draw}), 0, chip_trace_last)"

    def _declare_waiting(self) -> None:
        lasting = self.chip.accumulator_bits is not None or self.chip.write == "event"
        self.synapses.declare(WAITING, role="lasting" if lasting else "state")
        if self.chip.accumulator_bits is not None:
            self.synapses.variables[WAITING].bits = int(self.chip.accumulator_bits) + 1  # and a sign

    def _write(self, change: str, written: bool = True) -> str:
        """Statements that change the weight; what is not `written`, but happens, is not counted nor meets devices."""
        if written:
            change = self._device(change)
        if self.chip.weight_bits is not None:
            steps = self._rounded(f"{change}*{self._number('chip_per_step', 1 / self._grid.step)}")
            return self._write_steps(steps, written)
        value = self._within(f"{WEIGHT_IN_RULES} + {change}", self.projection.w_min, self.projection.w_max)
        return self._written(WEIGHT_IN_RULES, value, written)

    def _write_steps(self, steps: str, written: bool = True) -> str:
        """A weight that is so many steps away; one that is none away is left alone, whatever the precision."""
        grid, w = self._grid, WEIGHT_IN_RULES
        low, step = self._number("chip_low", grid.low), self._number("chip_step", grid.step)
        per_step = self._number("chip_per_step", 1 / grid.step)
        first, last = (self._number(name, k) for name, k in zip(("chip_first", "chip_last"), grid.levels, strict=True))
        new = self._within(f"{low} + {step}*clip(chip_new, {first}, {last})", *grid.bounds)
        return (
            f"chip_level = whole_below(({w} - {low})*{per_step} + 0.5)\nchip_new = chip_level + {steps}\n"
            + self._written(w, f"where(chip_new == chip_level, {w}, {new})", written)
        )

    def _rounded(self, value: str) -> str:
        return f"whole_below({value} + {self._draw('dither') if self.chip.rounding == 'stochastic' else '0.5'})"

    def _device(self, change: str) -> str:
        """Return the change that a synapse's device makes of a written one, in steps or in units of the weight."""
        chip = self.chip
        if chip.asymmetry is not None:
            up, down = self._number("chip_up", 1 + chip.asymmetry), self._number("chip_down", 1 - chip.asymmetry)
            change = f"where({change} > 0, {up}, {down})*{change}"
        if self._gains is not None:
            change = f"{self._gain()}*{change}"
        if chip.write_noise is not None:
            change = f"(1 + {self._number('chip_noise', chip.write_noise)}*{self._draw('normal')})*{change}"
        return change

    def _draw(self, kind: str) -> str:
        """A number for every synapse and step, from a stream that no other statement draws from."""
        self.synapses.declare("chip_seed", self.seed, "constant", integer=True, shared=True)
        self.synapses.declare("chip_width", self.target.n, "constant", wide=True, shared=True)
        return f"{kind}(chip_seed, {self.plan.stream()}, absolute_step_post, i*chip_width + j)"

    def _gain(self) -> str:
        self.synapses.declare("chip_gain", self._gains, "constant")
        self.synapses.variables["chip_gain"].bits = 0  # nobody keeps it: it is what the device is like
        return "chip_gain"

    @cached_property
    def _gains(self) -> np.ndarray | None:
        return self.chip.gains(generator(self.seed, DEVICES, self.index), len(self.synapses.pre))

    def _number(self, name: str, value: float) -> str:
        self.synapses.parameters({name: value})
        return name

    @property
    def _rest(self) -> float:
        low, high = self.chip.w_range or (self.projection.w_min, self.projection.w_max)
        return float(np.clip(0.0, -np.inf if low is None else low, np.inf if high is None else high))

    @cached_property
    def _grid(self) -> Grid:
        grid = self.chip.grid(self.projection.w_min, self.projection.w_max)
        assert grid is not None, "a network on a chip has been checked"
        return grid
