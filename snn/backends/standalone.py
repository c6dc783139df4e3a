"""Compiled programs: built once for a structure, run many times with other numbers, in processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn.backends.arrays import read_arrays, write_arrays
from snn.backends.cache import find_or_build, program_key
from snn.backends.lower import MARK
from snn.backends.plan import INTEGERS, PHASES, SPIKES_EVENT, Plan
from snn.backends.process import PLAIN, RunOptions, run_process
from snn.backends.program import DTYPES, Candidate, Outcome, Program, Samples, State, check_finite
from snn.backends.recording import SPIKES, Track, resolve
from snn.backends.signals import signal_rows
from snn.errors import RunError


@dataclass(frozen=True)
class StandaloneProgram(Program):
    """A binary that takes sizes, synapses, numbers, samples and a state, and gives back an outcome."""

    binary: Path
    dtype: type
    built: bool = False

    @staticmethod
    def load(candidate: Candidate, dtype: str, options: RunOptions = PLAIN) -> StandaloneProgram:
        """Find the network's program in the cache, or build it."""
        key = program_key(candidate.plan.structure(), dtype)
        binary, built = find_or_build(key, candidate.spec.skeleton().to_json(), dtype, options)
        return StandaloneProgram(binary, DTYPES[dtype], built)

    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """See `Program.advance`. Thread-safe: each candidate is a process."""
        return [
            self._advance(candidate.plan, piece, state, options)
            for candidate, piece, state in zip(candidates, samples, states, strict=True)
        ]

    def _advance(self, planned: Plan, samples: Samples, state: State | None, options: RunOptions) -> Outcome:
        tracks = resolve(planned, options.record)
        arrays = self._input(planned, samples, state, tracks)
        with tempfile.TemporaryDirectory(prefix="snnsearch-") as folder:
            given, result = Path(folder) / "input", Path(folder) / "output"
            write_arrays(given, arrays)
            run_process([str(self.binary), str(given), str(result)], options)
            try:
                output = read_arrays(result)
            except (OSError, ValueError) as error:
                raise RunError(f"The run's result cannot be read: {error}.") from error
        return _outcome(output, planned, samples, state, tracks)

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
            rows = signal_rows(samples, source, use).astype(self.dtype).astype(np.float64)
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
    output: dict[str, np.ndarray], planned: Plan, samples: Samples, state: State | None, tracks: list[Track]
) -> Outcome:
    def part(prefix: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(prefix): array for name, array in output.items() if name.startswith(prefix)}

    if int(output["run:samples"][0]) != len(samples):
        raise RunError("The run ended before its last sample.")
    flags = {f"{b.name}.{n}" for b in planned.blocks() for n, v in b.variables.items() if v.kind == "boolean"}
    arrays = {name: array.astype(bool) if name in flags else array for name, array in part("state:").items()}
    last = (state.step if state else 0) + samples.period * int(np.count_nonzero(~samples.preview))
    outcome = Outcome(
        outputs={name: array.reshape(len(samples), -1) for name, array in part("output:").items()},
        totals=part("total:"),
        recordings={track.name: _shape(output[f"record:{track.name}"], track, planned) for track in tracks},
        state=State(last, arrays),
    )
    check_finite(outcome)
    return outcome


def _shape(array: np.ndarray, track: Track, planned: Plan) -> np.ndarray:
    if track.variable == SPIKES:
        return array.reshape(-1, 2)
    if track.block in planned.groups:
        return array.reshape(-1, planned.groups[track.block].n)
    return array.reshape(-1, len(planned.synapses[track.block].pre))
