"""One run in Brian2's runtime mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Function, second

from snn.backends.brian.functions import brian_functions
from snn.backends.brian.objects import Lowered, lower
from snn.backends.options import RunOptions
from snn.backends.program import Outcome, Samples
from snn.backends.recording import Recorder, resolve
from snn.backends.sample_arrays import signal_rows
from snn.backends.state import State
from snn.lowering.plan.plan import Plan, SignalUse
from snn.lowering.plan.schedule import CLOCK, FIRST, LAST, LEARN, LEARN_LAST, STEP


class Run:
    """One run: Brian2's objects in their order, with clock, phases, resets, previews and notes around each step."""

    def __init__(self, plan: Plan, samples: Samples, state: State | None, dtype: type, options: RunOptions):
        self.plan, self.samples, self.options = plan, samples, options
        self.start = state.step if state else 0
        self.first_steps = samples.first_steps(self.start)
        functions = brian_functions() | {
            f"signal_{s}": _signal(samples, s, use, dtype) for s, use in plan.signals.items()
        }
        self.lowered: Lowered = lower(plan, dtype, functions)
        self._set_values(state)
        self.initial = self._arrays("state")
        if state is not None:
            for name, value in state.arrays.items():
                self._variable(name).set_value(value)
        self.recorder = Recorder(resolve(plan, options.record), self._variable, self._spikes)
        self.outputs: dict[str, list[np.ndarray]] = {name: [] for names in plan.outputs.values() for name in names}
        self.deadline = options.deadline()

    def outcome(self) -> Outcome:
        network = self.lowered.network
        with np.errstate(over="ignore"):  # Brian2 compares state with 1e50, which no float32 can hold
            network.run(0 * second, namespace={})  # makes the code objects; the steps are ours, as phases need
        items = [(item.run, self.lowered.phase(item)) for item in network.sorted_objects]
        for count in range(len(self.samples) * self.samples.period):
            row, step = divmod(count, self.samples.period)
            phases = self._begin(row, step)
            for run, phase in items:
                if phase in phases:
                    run()
            self._end(row, step)
        return Outcome(
            outputs={name: np.array(rows) for name, rows in self.outputs.items()},
            totals=self._arrays("total"),
            recordings=self.recorder.result(),
            state=State(
                int(self.start + self.samples.period * np.count_nonzero(~self.samples.preview)),
                self._arrays("state") | self._arrays("lasting"),
            ),
        )

    def _begin(self, row: int, step: int) -> set[str]:
        """Prepare a step; returns the phases that it has."""
        if step == 0:
            if self.samples.preview[row]:
                self.kept = self._arrays("state") | self._arrays("lasting") | self._arrays("total")
            if self.samples.reset[row]:
                self._restore(self.initial)
            self.options.check(self.deadline)
        self._set_clock(row, step)
        phases = {STEP} | ({FIRST} if step == 0 else set())
        last = step == self.samples.period - 1
        if last:
            phases.add(LAST)
        if self.samples.learn[row]:
            phases |= {LEARN, LEARN_LAST} if last else {LEARN}
        return phases

    def _end(self, row: int, step: int) -> None:
        if self.samples.record[row]:
            self.recorder.step(int(self.first_steps[row]) + step)
        if step == self.samples.period - 1:
            for name, rows in self.outputs.items():
                rows.append(np.array(self._variable(name).get_value()))
            if self.samples.record[row]:
                self.recorder.sample()
            if self.samples.preview[row]:
                self._restore(self.kept)

    def _set_clock(self, row: int, phase: int) -> None:
        steps = self.samples.steps
        numbers = (
            row,
            phase,
            steps,
            row * steps + min(phase, steps - 1),
            int(self.first_steps[row]) + phase,
            int(self.samples.teach[row]),
        )
        for name, number in zip(CLOCK, numbers, strict=True):
            for block in self.plan.blocks():
                if name in block.variables:
                    self.lowered.objects[block.name].variables[name].set_value(number)

    def _set_values(self, state: State | None) -> None:
        for block in self.plan.blocks():
            for name, variable in block.variables.items():
                if name in self.lowered.objects[block.name].variables and np.size(variable.value):
                    self.lowered.objects[block.name].variables[name].set_value(variable.value)

    def _arrays(self, role: str) -> dict[str, np.ndarray]:
        return {
            f"{block.name}.{name}": np.array(self.lowered.objects[block.name].variables[name].get_value())
            for block in self.plan.blocks()
            for name, variable in block.variables.items()
            if variable.role == role
        }

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        for name, value in arrays.items():
            self._variable(name).set_value(value)

    def _variable(self, name: str) -> Any:
        block, _, variable = name.partition(".")
        return self.lowered.objects[block].variables[variable]

    def _spikes(self, group: str) -> np.ndarray:
        space = self.lowered.objects[group].variables["_spikespace"].get_value()
        return np.array(space[: space[-1]])


def _signal(samples: Samples, source: str, use: SignalUse, dtype: type) -> Function:
    """``signal_SOURCE(row, i)``: the i-th number of a row, or its only number."""
    rows: np.ndarray = signal_rows(samples, source, use)
    rows = rows if use.phases else rows.astype(dtype)
    width, kind = rows.shape[1], "long long" if use.phases else "double"

    def read(row: Any, i: Any) -> np.ndarray:
        index = np.atleast_1d(np.asarray(i)) if width > 1 else np.zeros(np.size(i), int)
        return rows[int(np.asarray(row).reshape(-1)[0]), index]

    name = f"signal_{source}"
    code = f"""
    cdef {kind} {name}(long long row, long long i):
        global _namespace_{name}_values
        return _namespace_{name}_values[row*{width} + (i if {width} > 1 else 0)]
    """
    function = Function(
        read,
        arg_units=[1, 1],
        return_unit=1,
        arg_types=["integer"] * 2,
        return_type="integer" if use.phases else "float",
        arg_names=["row", "element"],
    )
    function.implementations.add_numpy_implementation(read)
    values: Callable[[Any], dict[str, np.ndarray]] = lambda owner: {f"_{name}_values": rows.ravel()}  # noqa: E731
    function.implementations.add_dynamic_implementation("cython", lambda owner: code, namespace=values, name=name)
    return function
