"""One run of a network on GeNN, in the environment of Brian2GeNN."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    Function,
    Network,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    defaultclock,
    get_device,
    prefs,
    second,
    set_device,
)
from brian2.devices.device import reset_device

from snn.backends.genn.actions import ALLOWED
from snn.backends.genn.capability import check
from snn.backends.genn.exchange import EngineOptions
from snn.backends.genn.fit import KEPT, OF, PREVIEW, RESET, RESTORE, Fitted, fit
from snn.backends.genn.functions import fitted_functions, genn_functions
from snn.backends.genn.onesided import MIRROR, counters
from snn.backends.lower import Lowered, lower
from snn.backends.plan import INTEGERS, Plan
from snn.backends.process import PLAIN, RunOptions
from snn.backends.program import Candidate, Outcome, Samples, check_finite
from snn.backends.recording import SPIKES, Track, resolve
from snn.backends.signals import signal_rows
from snn.errors import BuildError
from snn.state import State

SCHEDULE = ["start", "synapses", "groups", "thresholds", "resets", "end"]
"""Brian2GeNN's: what the host does, all synapses, all neurons."""

OPTIMISED = """
#ifdef DECLARE_MODEL
GENN_PREFERENCES.userCxxFlagsGNU = "-O3";
#endif
"""
"""GeNN compiles for the CPU without optimising if nobody says otherwise; this is read where the model is defined."""


def simulate(
    candidate: Candidate,
    samples: Samples,
    state: State | None = None,
    dtype: type = np.float64,
    options: RunOptions = PLAIN,
) -> Outcome:
    """Run a network through its samples on GeNN.

    Parameters
    ----------
    candidate, samples, state
        As for `snn.backends.program.Program.advance`.
    dtype : numpy.float32 or numpy.float64
        Precision of all state.
    options : RunOptions
        What to record. With `EngineOptions.gpu`, GeNN writes CUDA code; otherwise it writes C++ for one core.

    Returns
    -------
    Outcome
        The same as from any other backend: every step has its parts in the same order (`snn.backends.genn.order`).
        Sums over synapses are in GeNN's order, and its compiler flags reorder sums, so that last digits differ.

    Raises
    ------
    NetworkError
        With everything about the network that GeNN cannot do (`snn.backends.genn.capability`).
    BuildError
        If GeNN's code could not be built, or stopped.
    """
    directory = tempfile.mkdtemp(prefix="snnsearch-genn-")
    try:
        gpu = isinstance(options, EngineOptions) and options.gpu
        with _genn(candidate.plan, dtype, directory=directory, use_GPU=gpu) as functions:
            return _Run(candidate.plan, samples, state, dtype, options).outcome(functions, get_device().defaultclock)
    except RuntimeError as error:  # what Brian2GeNN raises; the compiler's words are on the standard error stream
        raise BuildError(f"Brian2GeNN could not build or run the network: {error}") from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def generate(candidate: Candidate, samples: Samples, folder: Path, dtype: type = np.float64) -> None:
    """Write the code that `simulate` would build, into a folder: it needs Brian2GeNN, but no GeNN."""
    with _genn(candidate.plan, dtype, directory=str(folder), compile=False, run=False, use_GPU=False) as functions:
        _Run(candidate.plan, samples, None, dtype, PLAIN).run(functions, get_device().defaultclock)


@contextmanager
def _genn(plan: Plan, dtype: type, **build: Any) -> Iterator[dict[str, Function]]:
    """Brian2's device for GeNN, and the functions that it knows; one run after another in one process."""
    check(plan)
    functions = genn_functions()  # which brings the device
    before = prefs.core.default_float_dtype
    prefs.core.default_float_dtype = dtype
    try:
        set_device("genn", with_output=False, **build)
        get_device().reinit()
        get_device().activate(with_output=False, **build)
        get_device().insert_code("before_start", OPTIMISED)
        defaultclock.dt = plan.dt * second
        yield functions
    finally:
        prefs.core.default_float_dtype = before
        reset_device()


def rehearse(
    candidate: Candidate,
    samples: Samples,
    state: State | None = None,
    dtype: type = np.float64,
    options: RunOptions = PLAIN,
) -> Outcome:
    """The same run, round by round as on GeNN, but with Brian2's code for NumPy: it needs no Brian2GeNN."""
    check(candidate.plan)
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    try:
        with np.errstate(all="ignore"):  # NumPy computes both values of which one is chosen
            run = _Run(candidate.plan, samples, state, dtype, options)
            return run.outcome(fitted_functions(), Clock(candidate.plan.dt * second))
    finally:
        prefs.codegen.target = before


class _Run:
    def __init__(self, plan: Plan, samples: Samples, state: State | None, dtype: type, options: RunOptions):
        self.plan, self.samples, self.options, self.dtype = plan, samples, options, dtype
        self.start = state.step if state else 0
        self.state = state
        self.fitted: Fitted = fit(plan, bool(samples.preview.any()), bool(samples.reset.any()))

    def run(self, functions: Mapping[str, Function], clock: Clock) -> dict[str, Any]:
        """Make everything and run it; returns what has watched."""
        self.lowered: Lowered = lower(self.fitted.plan, self.dtype, functions, clock)
        self._set_values()
        namespace = self._feed()
        monitors = self._monitors(self.lowered.network)
        self.lowered.network.schedule = SCHEDULE
        steps = len(self.samples) * self.samples.period * self.fitted.rounds
        self.lowered.network.run(steps * self.plan.dt * second, namespace=namespace)
        return monitors

    def outcome(self, functions: Mapping[str, Function], clock: Clock) -> Outcome:
        outcome = self._read(self.run(functions, clock))
        check_finite(outcome)
        return outcome if self.options.state else replace(outcome, state=State(outcome.state.step, {}))

    def _set_values(self) -> None:
        given = dict(self.state.arrays) if self.state is not None else {}
        period = {"genn_period": self.samples.period, "sample_steps": self.samples.steps}
        for block in self.fitted.plan.blocks():
            for name, variable in block.variables.items():
                original = _name_of(block.name, name)
                value = given.get(original, period.get(name, variable.value))
                made = self.lowered.objects[block.name].variables[name]
                if np.any(value):
                    made.set_value(np.full(made.size, value) if np.size(value) == 1 and not made.scalar else value)

    def _object(self, block: str) -> Any:
        """The Brian2 object of a block of the plan."""
        return self.lowered.objects[f"{OF}{block}"]

    def _flags(self) -> dict[str, np.ndarray]:
        s = self.samples
        restore = np.concatenate([[False], s.preview[:-1]])
        return {
            "genn_learn": s.learn,
            "teach": s.teach,
            RESET: s.reset,
            PREVIEW: s.preview,
            RESTORE: restore,
            "genn_first_step": s.first_steps(self.start),
        }

    def _rows(self, source: str, rhythm: str) -> np.ndarray:
        """A signal's rows; those of steps once more in the gap, as every backend reads them."""
        rows = signal_rows(self.samples, source, self.plan.signals[source]).astype(self.dtype).astype(float)
        if rhythm == "step":
            steps = np.minimum(np.arange(self.samples.period), self.samples.steps - 1)
            rows = rows.reshape(len(self.samples), self.samples.steps, -1)[:, steps].reshape(-1, rows.shape[1])
        return rows

    def _feed(self) -> dict[str, Any]:
        """The host's part of a run: what a sample or a step brings, copied to the neurons before their first round."""
        namespace: dict[str, Any] = {}
        every = {"sample": self.samples.period * self.fitted.rounds, "step": self.fitted.rounds}
        for group, fed in self.fitted.fed.items():
            for rhythm, steps in every.items():
                dt = steps * self.plan.dt * second
                lines = []
                for variable, (source, _) in {k: v for k, v in fed.items() if v[1] == rhythm}.items():
                    rows = self._flags().get(variable)
                    rows = self._rows(source, rhythm) if rows is None else rows.astype(float)[:, None]
                    wide = rows.shape[1] > 1
                    name = f"rows_{source}_{rhythm}"
                    namespace[name] = TimedArray(rows if wide else rows[:, 0], dt=dt, name=name)
                    lines.append(f"{variable} = {name}(t{', i' * wide})")
                if lines:
                    self.lowered.objects[group].run_regularly("\n".join(lines), dt=dt, when="start")
        return namespace

    def _monitors(self, network: Network) -> dict[str, Any]:
        rounds, dt = self.fitted.rounds, self.plan.dt * second
        monitors: dict[str, Any] = {}
        for names in self.plan.outputs.values():
            for name in names:
                monitors[name] = self._state_monitor(name, rounds * self.samples.period * dt)
        self.tracks: list[Track] = resolve(self.plan, self.options.record)
        for track in self.tracks:
            if track.variable == SPIKES:
                monitors[track.name] = SpikeMonitor(self._object(track.block))
            elif track.name not in monitors or track.per == "step":
                every = rounds * dt * (1 if track.per == "step" else self.samples.period)
                monitors[f"{track.per} {track.name}"] = self._state_monitor(track.name, every)
        network.add(*monitors.values())
        return monitors

    def _state_monitor(self, name: str, dt: Any) -> StateMonitor:
        """Reads a variable as each sample or step begins, which is as the one before has ended."""
        block, variable = name.split(".")
        return StateMonitor(self._object(block), variable, record=True, dt=dt, when="start", order=-1)

    def _ended(self, monitor: StateMonitor, name: str) -> np.ndarray:
        """One row at the end of each sample or step."""
        block, variable = name.split(".")
        rows = np.asarray(getattr(monitor, variable)).T
        last = np.asarray(self._object(block).variables[variable].get_value())
        return np.concatenate([rows[1:], last[None]])

    def _read(self, monitors: Mapping[str, Any]) -> Outcome:
        outputs = {n: self._ended(monitors[n], n) for names in self.plan.outputs.values() for n in names}
        recordings = {track.name: self._recording(track, monitors) for track in self.tracks}
        end = self.start + self.samples.period * int(np.count_nonzero(~self.samples.preview))
        arrays = self._arrays(("state", "lasting"))
        return Outcome(outputs, self._arrays(("total",)), recordings, State(end, arrays))

    def _recording(self, track: Track, monitors: Mapping[str, Any]) -> np.ndarray:
        period, recorded = self.samples.period, self.samples.record
        firsts = self.samples.first_steps(self.start)
        if track.variable == SPIKES:
            monitor = monitors[track.name]
            steps = np.rint(np.asarray(monitor.t) / self.plan.dt).astype(np.int64) // self.fitted.rounds
            rows, within = np.divmod(steps, period)
            spikes = np.column_stack([firsts[rows] + within, np.asarray(monitor.i, np.int64)])[recorded[rows]]
            return spikes[np.lexsort((spikes[:, 1], rows[recorded[rows]] * period + within[recorded[rows]]))]
        rows = self._ended(monitors[f"{track.per} {track.name}"], track.name)
        return rows[np.repeat(recorded, period)] if track.per == "step" else rows[recorded]

    def _arrays(self, roles: tuple[str, ...]) -> dict[str, np.ndarray]:
        counted = counters(self.plan)
        arrays: dict[str, np.ndarray] = {}
        for block in self.plan.blocks():
            for name, variable in block.variables.items():
                if variable.role not in roles:
                    continue
                full = f"{block.name}.{name}"
                kind = INTEGERS.get(variable.kind, self.dtype)
                if full in counted:
                    synapses = self.plan.synapses[counted[full]]
                    value = np.bincount(synapses.post, self._value(synapses.name, name), self.plan.groups[block.name].n)
                else:
                    value = self._value(block.name, ALLOWED if name == "not_refractory" else name)
                arrays[full] = np.asarray(value).astype(kind)
        return arrays

    def _value(self, block: str, name: str) -> np.ndarray:
        variables = self._object(block).variables
        undone = self.samples.preview[-1] and f"{KEPT}{name}" in variables
        return np.array(variables[f"{KEPT}{name}" if undone else name].get_value())


def _name_of(block: str, variable: str) -> str:
    """The plan's name for a variable of the fitted plan; mirrored synapses have those of what they mirror."""
    plain = block.removeprefix(OF).removeprefix(MIRROR)
    return f"{plain}.{'not_refractory' if variable == ALLOWED else variable}"
