"""Compiled programs: built once for a structure, run many times with other numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn.backends.brian.objects import MARK
from snn.backends.options import PLAIN, RunOptions
from snn.backends.process import run_process
from snn.backends.program import DTYPES, Candidate, Outcome, Program, Samples, finished
from snn.backends.recording import SPIKES, Track, resolve
from snn.backends.sample_arrays import signal_rows
from snn.backends.scratch import scratch
from snn.backends.standalone.arrays import read_arrays, write_arrays
from snn.backends.standalone.cache.entry import intact
from snn.backends.standalone.cache.key import program_key
from snn.backends.standalone.cache.store import find_or_build
from snn.backends.state import State
from snn.errors import MachineError, NotStarted
from snn.lowering.plan.blocks import INTEGERS, Group
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import PHASES, SPIKES_EVENT
from snn.profile import stage

NOT_FINITE = "run:not_finite:"
"""Before the names of arrays that the program found to hold infinities, where their state is not given back."""
PEAK = "run:peak_memory"
"""In bytes, from the program itself: what the system says of a child that has ended begins with its parent's peak."""


@dataclass(frozen=True)
class StandaloneProgram(Program):
    """A binary that takes sizes, synapses, numbers, samples and a state, and gives back an outcome."""

    binary: Path
    dtype: type
    built: bool = False

    @staticmethod
    def load(candidate: Candidate, dtype: str, options: RunOptions = PLAIN, broken: bool = False) -> StandaloneProgram:
        """Find the network's program in the cache, or build it; if the one in the cache is `broken`, build it again."""
        key = program_key(candidate.plan.structure(), dtype)
        binary, built = find_or_build(key, candidate.spec.skeleton().to_json(), dtype, options, broken)
        return StandaloneProgram(binary, DTYPES[dtype], built)

    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """See `Program.advance`. Thread-safe: each candidate is a process.

        Candidates run one after the other, not as blocks of one simulation: the program's loops are over dense synapses
        that are in the cache, which blocks would make sparse and large.
        """
        return [
            self._advance(candidate, piece, state, options)
            for candidate, piece, state in zip(candidates, samples, states, strict=True)
        ]

    def _advance(self, candidate: Candidate, samples: Samples, state: State | None, options: RunOptions) -> Outcome:
        planned, profile = candidate.plan, options.profile
        tracks = resolve(planned, options.record)
        with stage(profile, "write"), scratch() as folder:
            given, result = folder / "input", folder / "output"
            wanted = {"run:state": _whole(options.state)}
            write_arrays(given, self._input(planned, samples, state, tracks) | wanted)
            with stage(profile, "run"):
                limit = [] if options.memory is None else [str(options.memory)]
                self._run(candidate, [str(given), str(result), *limit], options)
            with stage(profile, "read"):
                try:
                    output = read_arrays(result)
                except (OSError, ValueError, MemoryError) as error:
                    raise MachineError(f"The run's result cannot be read: {error}.") from error
                return _outcome(output, planned, samples, state, tracks, options)

    def _run(self, candidate: Candidate, arguments: list[str], options: RunOptions) -> None:
        """Run the binary. If it does not start (somebody has emptied the cache, say), it is built again, once."""
        try:
            return run_process([str(self.binary), *arguments], options)
        except NotStarted:
            whole = intact(self.binary.parent) is not None
        with stage(options.profile, "build"):
            again = StandaloneProgram.load(candidate, np.dtype(self.dtype).name, options, broken=whole)
        run_process([str(again.binary), *arguments], options)

    def _input(
        self, planned: Plan, samples: Samples, state: State | None, tracks: list[Track]
    ) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for group in planned.groups.values():
            arrays[f"size:{group.name}"] = _whole(group.n)
        for block in planned.synapses.values():
            arrays[f"size:{block.name}"] = _whole(len(block.pre))
            arrays[f"set:{block.name}._synaptic_pre"] = block.pre.astype(np.int32)
            arrays[f"set:{block.name}._synaptic_post"] = block.post.astype(np.int32)
        types = {"float": self.dtype} | INTEGERS
        for owner in planned.blocks():
            for name, variable in owner.variables.items():
                if variable.role != "clock":
                    arrays[f"set:{owner.name}.{name}"] = np.atleast_1d(np.asarray(variable.value, types[variable.kind]))
        for phase in PHASES:
            arrays[f"set:_array_{MARK}{phase}_dt"] = np.array([planned.dt])
        if state is not None:
            arrays |= {f"state:{name}": value for name, value in state.arrays.items()}
        for source, use in planned.signals.items():
            rows = signal_rows(samples, source, use, self.dtype)
            arrays |= {f"signal:{source}": rows, f"signal:{source}:width": _whole(rows.shape[1])}
        for names in planned.outputs.values():
            arrays |= {f"output:{name}": np.empty(0) for name in names}
        arrays |= {f"record:{_kind(track)}:{track.name}": np.empty(0) for track in tracks}
        return arrays | _run_arrays(samples, state)


def _whole(value: int) -> np.ndarray:
    return np.array([value], np.int64)


def _kind(track: Track) -> str:
    if track.variable == SPIKES:
        return SPIKES_EVENT
    return "s" if track.per == "step" else "n"


def _run_arrays(samples: Samples, state: State | None) -> dict[str, np.ndarray]:
    numbers = {
        "samples": len(samples),
        "steps": samples.steps,
        "gap": samples.gap,
        "first_step": state.step if state else 0,
    }
    flags = ("learn", "teach", "reset", "preview", "record")
    return {f"run:{name}": _whole(value) for name, value in numbers.items()} | {
        f"run:{name}": np.asarray(getattr(samples, name), bool) for name in flags
    }


def _outcome(
    output: dict[str, np.ndarray],
    planned: Plan,
    samples: Samples,
    state: State | None,
    tracks: list[Track],
    options: RunOptions,
) -> Outcome:
    def part(prefix: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(prefix): array for name, array in output.items() if name.startswith(prefix)}

    if "run:samples" not in output or int(output["run:samples"][0]) != len(samples):
        raise MachineError("The run ended before its last sample.")
    flags = {f"{b.name}.{n}" for b in planned.blocks() for n, v in b.variables.items() if v.kind == "boolean"}
    left = part("state:") if options.state else {}
    arrays = {name: array.astype(bool) if name in flags else array for name, array in left.items()}
    last = (state.step if state else 0) + samples.period * int(np.count_nonzero(~samples.preview))
    units = {name: planned.groups[name.partition(".")[0]].n for names in planned.outputs.values() for name in names}
    outcome = Outcome(
        outputs={name: array.reshape(len(samples), units[name]) for name, array in part("output:").items()},
        totals=part("total:"),
        recordings={track.name: _recording(output, track, planned, samples) for track in tracks},
        state=State(last, arrays),
        peak_memory_bytes=int(output[PEAK][0]) if PEAK in output else None,
        not_finite=next(iter(part(NOT_FINITE)), None),
    )
    return finished(outcome, options)


def _recording(output: Mapping[str, np.ndarray], track: Track, planned: Plan, samples: Samples) -> np.ndarray:
    array = output[f"record:{track.name}"]
    if track.variable == SPIKES:
        return array.reshape(-1, 2)
    block = planned.groups.get(track.block) or planned.synapses[track.block]
    if block.variables[track.variable].kind == "boolean":
        array = array.astype(bool)
    rows = int(np.count_nonzero(samples.record)) * (samples.period if track.per == "step" else 1)
    return array.reshape(rows, block.n if isinstance(block, Group) else len(block.pre))
