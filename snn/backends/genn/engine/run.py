"""One run of a fitted plan on Brian2GeNN: its input arrays, its checks and its recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Clock, Function, Network, SpikeMonitor, StateMonitor, TimedArray, second

from snn.backends.brian.objects import Lowered, lower
from snn.backends.genn.fitting.action import ALLOWED, LEARNING
from snn.backends.genn.fitting.batch_names import places, plain
from snn.backends.genn.fitting.fit import FLAGS, OF, PREVIEW, RESET, RESTORE, Fed, Fitted, fit, seen_as
from snn.backends.genn.fitting.forward_only import MIRROR, counters
from snn.backends.genn.fitting.rounds import KEPT, OLD, SEEN
from snn.backends.options import RunOptions
from snn.backends.program import Outcome, Samples, finished
from snn.backends.recording import SPIKES, Track, resolve
from snn.backends.sample_arrays import signal_rows
from snn.backends.state import State
from snn.lowering.plan.blocks import INTEGERS
from snn.lowering.plan.plan import Plan

SCHEDULE = ["start", "synapses", "groups", "thresholds", "resets", "end"]
"""Brian2GeNN's: what the host does, all synapses, all neurons."""


class Run:
    """A run of a plan, of one candidate or of a population."""

    def __init__(self, plan: Plan, samples: Samples, state: State | None, dtype: type, options: RunOptions):
        self.plan, self.samples, self.options, self.dtype = plan, samples, options, dtype
        self.start = state.step if state else 0
        self.state = state
        self.tracks: list[Track] = resolve(plan, options.record)
        seen = [track.name for track in self.tracks if track.variable != SPIKES and track.per == "step"]
        preview, reset, learn = (bool(getattr(samples, flag).any()) for flag in ("preview", "reset", "learn"))
        self.fitted: Fitted = fit(plain(plan), preview, reset, seen, learn)
        self.length = self.fitted.length(samples.period)

    def run(self, functions: Mapping[str, Function], clock: Clock) -> dict[str, Any]:
        """Make everything and run it; returns what has watched."""
        self.lowered: Lowered = lower(self.fitted.plan, self.dtype, functions, clock)
        self._set_values()
        namespace = self._feed()
        monitors = self._monitors(self.lowered.network)
        self.lowered.network.schedule = SCHEDULE
        rounds = len(self.samples) * self.length
        self.lowered.network.run(rounds * self.plan.dt * second, namespace=namespace)
        return monitors

    def outcome(self, functions: Mapping[str, Function], clock: Clock) -> Outcome:
        return finished(self._read(self.run(functions, clock)), self.options)

    def _set_values(self) -> None:
        given = dict(self.state.arrays) if self.state is not None else {}
        numbers = {"genn_period": self.samples.period, "sample_steps": self.samples.steps}
        numbers |= {name: rows[0] for name, rows in self._flags().items()}
        for block in self.fitted.plan.blocks():
            for name, variable in block.variables.items():
                original = _name_of(block.name, name)
                value = given.get(original, numbers.get(name, variable.value))
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
            LEARNING: s.learn,
            "teach": s.teach,
            RESET: s.reset,
            PREVIEW: s.preview,
            RESTORE: restore,
            "genn_first_step": s.first_steps(self.start),
        }

    def _rows(self, fed: Fed) -> np.ndarray:
        """Return the rows that the host sets. The last row of a sample is set again in the gap, as everywhere."""
        flags = self._flags().get(fed.source)
        if flags is not None:
            return flags.astype(float)[:, None]
        use = self.plan.signals[fed.source]
        rows = signal_rows(self.samples, fed.source, use)
        rows = rows.astype(float if use.phases else self.dtype).astype(float)  # of phases, no bit is lost
        if fed.per == "step":
            lasting = self.samples.period + self.fitted.behind
            steps = np.clip(np.arange(lasting) - fed.lag // self.fitted.rounds, 0, self.samples.steps - 1)
            rows = rows.reshape(len(self.samples), self.samples.steps, -1)[:, steps].reshape(-1, rows.shape[1])
        return rows

    def _feed(self) -> dict[str, Any]:
        """The host's part of a run: what a sample or a step brings, copied to the neurons before their first round."""
        namespace: dict[str, Any] = {}
        every = {"sample": self.length, "step": self.fitted.rounds}
        for group, feeds in self.fitted.fed.items():
            where = places(self.plan.groups[group.removeprefix(OF)])
            for per, rounds in every.items():
                dt = rounds * self.plan.dt * second
                lines = []
                for variable, fed in feeds.items():
                    if fed.per != per:
                        continue
                    rows = self._rows(fed)
                    if fed.source in FLAGS and (rows == rows[0]).all():
                        continue  # as it was set
                    wide, index = rows.shape[1] > 1, where.get(fed.source, "i")
                    name = f"rows_{fed.source}_{per}_{fed.lag}"
                    namespace[name] = TimedArray(rows if wide else rows[:, 0], dt=dt, name=name)
                    lines.append(f"{variable} = {name}(t{f', {index}' * wide})")
                if lines:
                    self.lowered.objects[group].run_regularly("\n".join(lines), dt=dt, when="start")
        return namespace

    def _monitors(self, network: Network) -> dict[str, Any]:
        sample, step = self.length * self.plan.dt * second, self.plan.dt * second
        monitors: dict[str, Any] = {}
        for names in self.plan.outputs.values():
            for name in names:
                monitors[name] = self._state_monitor(name, sample)
        for track in self.tracks:
            if track.variable == SPIKES:
                monitors[track.name] = SpikeMonitor(self._object(track.block))
            elif track.per == "step":
                monitors[f"step {track.name}"] = self._state_monitor(_seen(track), step)
            elif track.name not in monitors:
                monitors[f"sample {track.name}"] = self._state_monitor(track.name, sample)
        network.add(*monitors.values())
        return monitors

    def _state_monitor(self, name: str, dt: Any) -> StateMonitor:
        """Reads a variable as each sample or round begins, which is as the one before has ended."""
        block, variable = name.split(".")
        return StateMonitor(self._object(block), variable, record=True, dt=dt, when="start", order=-1)

    def _ended(self, monitor: StateMonitor, name: str) -> np.ndarray:
        """One row at the end of each sample or round."""
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
        recorded = self.samples.record
        firsts = self.samples.first_steps(self.start)
        if track.variable == SPIKES:
            monitor = monitors[track.name]
            rounds = np.rint(np.asarray(monitor.t) / self.plan.dt).astype(np.int64)
            rows, within = np.divmod(rounds, self.length)
            steps = (within - self.fitted.lags[track.block]) // self.fitted.rounds
            spikes = np.column_stack([firsts[rows] + steps, np.asarray(monitor.i, np.int64)])[recorded[rows]]
            return spikes[np.lexsort((spikes[:, 1], rounds[recorded[rows]]))]
        if track.per == "sample":
            name = track.name if track.name in monitors else f"sample {track.name}"
            return self._ended(monitors[name], track.name)[recorded]
        ended = self._ended(monitors[f"step {track.name}"], _seen(track))
        if self.plan.groups[track.block].variables[track.variable].kind == "boolean":
            ended = ended.astype(bool)
        steps = np.arange(self.samples.period) * self.fitted.rounds + self.fitted.lags[track.name]
        return ended.reshape(len(self.samples), self.length, -1)[recorded][:, steps].reshape(-1, ended.shape[1])

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
        if f"{OF}{block}" not in self.lowered.objects:  # of synapses that do nothing in this run
            synapses = self.plan.synapses[block]
            kept = self.state.arrays.get(f"{block}.{name}") if self.state is not None else None
            first = synapses.variables[name].value if name in synapses.variables else 0  # a counter
            return np.broadcast_to(first if kept is None else kept, len(synapses.pre))
        variables = self._object(block).variables
        undone = self.samples.preview[-1] and f"{KEPT}{name}" in variables
        return np.array(variables[f"{KEPT}{name}" if undone else name].get_value())


def _seen(track: Track) -> str:
    """The copy of a variable that is recorded in each step."""
    block, variable = seen_as(track.name).split(".")
    return f"{block}.{SEEN}{variable}"


def _name_of(block: str, variable: str) -> str:
    """The plan's name for a variable of the fitted plan; mirrored synapses and old copies have those of the first."""
    plain = block.removeprefix(OF).removeprefix(MIRROR)
    variable = OLD.sub("", variable)
    return f"{plain}.{'not_refractory' if variable == ALLOWED else variable}"
