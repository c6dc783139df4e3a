"""Brian2's own C++ standalone device, with a loop of samples in its main function."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snn.backends.program import DTYPES, Outcome, Program, Samples
from snn.backends.recording import SPIKES, Track, resolve
from snn.backends.sample_arrays import signal_rows
from snn.backends.standalone.compiler import compiler
from snn.backends.state import State
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import CLOCK, LAST, STEP

ENGINE = Path(__file__).parents[2] / "snn" / "backends" / "standalone" / "engine"
FLAGS = ("-std=c++17", "-O1", "-march=native", "-ffp-contract=off", "-w")
"""No more changes a bit (a test says so of -O3) but takes longer. Without any optimisation x**2 would be the library's
pow, with another last bit."""
FLUSH = "__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);"
"""As in our engine. Brian2's preference for it, flush_denormals, does nothing in a standalone program."""


@dataclass(frozen=True)
class StockOutcome(Outcome):
    """An outcome with what monitors of other kinds say.

    Attributes
    ----------
    monitors : dict of str to array
        ``"hidden.rate"``, a `PopulationRateMonitor`'s rate in hertz, one a recorded step; ``"hidden.previous"`` and
        other events, an `EventMonitor`'s steps of the run and neurons as (k, 2) integers.
    """

    monitors: Mapping[str, np.ndarray] = field(default_factory=dict)


class StockDevice:
    """One network under the stock device."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        samples: Samples,
        state: State | None,
        record: tuple[str, ...],
        folder: Path,
    ):
        from brian2 import device, prefs, set_device

        from snn.backends.brian.functions import brian_functions
        from snn.backends.brian.objects import lower

        self.program, self.plan, self.samples, self.state, self.folder = program, plan, samples, state, folder
        self.dtype = DTYPES[program.dtype]
        self.tracks = resolve(plan, record)
        set_device("cpp_standalone", build_on_run=False)
        self.device: Any = device
        prefs.core.default_float_dtype = self.dtype
        prefs.codegen.cpp.extra_compile_args_gcc = list(program.flags)
        prefs.codegen.cpp.headers = [f'"{ENGINE / "functions.h"}"']
        prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
        device.insert_code("before_start", FLUSH)
        signals = {f"signal_{s}": self._signal(s) for s in plan.signals}
        self.lowered = lower(plan, self.dtype, brian_functions() | signals)
        self.recorders, self.watched = self._record(), self._watch() if program.monitors else {}
        self.lowered.network.add(*self.recorders.values(), *self.watched.values())

    def outcome(self) -> StockOutcome:
        from brian2 import second

        self.lowered.network.run(0 * second, namespace={})  # makes the code objects and prepares the queues
        self.device.insert_code("main", "\n".join(self._loop()))
        self._build()
        last = self._first_step() + self.samples.period * int(np.count_nonzero(~self.samples.preview))
        arrays = {name: self._result(name) for role in ("state", "lasting") for name in self._names(role)}
        return StockOutcome(
            outputs={name: self._output(name) for names in self.plan.outputs.values() for name in names},
            totals={name: self._result(name) for name in self._names("total")},
            recordings={track.name: self._recording(track) for track in self.tracks},
            state=State(last, arrays),
            monitors={name: self._monitored(name) for name in self.watched},
        )

    def _build(self) -> None:
        """Write the stock files, compile them and run the program."""
        whole = self.program.makefile
        self.device.build(directory=str(self.folder), with_output=False, compile=whole, run=whole)
        if whole:
            return
        texts = []
        for number, name in enumerate(sorted(self.device.writer.source_files)):
            text = (self.folder / name).read_text()
            if name.startswith("code_objects"):  # its helpers stand in a nameless namespace, which all would share
                text = text.replace("namespace {", f"namespace file_{number} {{")
                text = text.replace("using namespace brian;", f"using namespace brian; using namespace file_{number};")
            else:  # no arithmetic, but much to compile
                text = f'#pragma GCC push_options\n#pragma GCC optimize("O0")\n{text}\n#pragma GCC pop_options'
            texts.append(text)
        (self.folder / "joined.cpp").write_text("\n".join(texts))
        command = [*compiler(), *self.program.flags, "-I.", "-Ibrianlib", "joined.cpp", "-o", "main"]
        subprocess.run(command, cwd=self.folder, check=True)
        self.device.run(str(self.folder), "results", False, [])

    # ---- what is given ------------------------------------------------------------------------------------------

    def _signal(self, source: str) -> Any:
        """``signal_SOURCE(row, i)``, as a `TimedArray` is made: a C++ function of an array of its own."""
        from brian2 import Function
        from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

        phases = self.plan.signals[source].phases
        rows: np.ndarray = signal_rows(self.samples, source, self.plan.signals[source])
        rows = rows if phases else rows.astype(self.dtype).astype(np.float64)
        name, width = f"signal_{source}", rows.shape[1]
        code = (
            f"static inline {'int64_t' if phases else 'double'} {name}(const int64_t row, const int64_t i)\n"
            f"{{ return _namespace{name}_values[row*{width} + {'i' if width > 1 else '0'}]; }}"
        )
        function = Function(
            lambda row, i: 0.0,
            arg_units=[1, 1],
            return_unit=1,
            arg_types=["integer"] * 2,
            return_type="integer" if phases else "float",
            arg_names=["row", "element"],
        )
        values = rows.ravel()
        function.implementations.add_dynamic_implementation(
            CPPStandaloneCodeObject,
            code=lambda owner: {"support_code": code},
            namespace=lambda owner: {f"{name}_values": values},
            name=name,
        )
        return function

    def _record(self) -> dict[str, Any]:
        """Brian2's monitors for what a run is to record: one of spikes, and one of states, for each block."""
        from brian2 import SpikeMonitor, StateMonitor

        made: dict[str, Any] = {}
        for block in dict.fromkeys(track.block for track in self.tracks):
            source = self.lowered.objects[block]
            tracks = [track for track in self.tracks if track.block == block]
            states = [track.variable for track in tracks if track.variable != SPIKES]
            if len(states) < len(tracks):
                made[f"{SPIKES} {block}"] = SpikeMonitor(source, name=f"spikes_of_{block}")
            if states:
                clock = self.lowered.clocks[STEP if block in self.plan.groups else LAST]
                name = f"states_of_{block}"
                made[f"states {block}"] = StateMonitor(source, states, record=True, clock=clock, when="end", name=name)
        return made

    def _watch(self) -> dict[str, Any]:
        """Brian2's other monitors, of every group that spikes."""
        from brian2 import EventMonitor, PopulationRateMonitor

        made: dict[str, Any] = {}
        for group in self.plan.groups.values():
            if group.threshold:
                source = self.lowered.objects[group.name]
                made[f"{group.name}.rate"] = PopulationRateMonitor(source, name=f"rate_{group.name}")
                for event in group.events:
                    name = f"event_{group.name}_{event.name}"
                    made[f"{group.name}.{event.name}"] = EventMonitor(source, event.name, name=name)
        return made

    # ---- the program's main loop ----------------------------------------------------------------------------------

    def _first_step(self) -> int:
        return self.state.step if self.state else 0

    def _names(self, role: str) -> list[str]:
        return [f"{b.name}.{n}" for b in self.plan.blocks() for n, v in b.variables.items() if v.role == role]

    def _variable(self, name: str) -> Any:
        block, _, variable = name.partition(".")
        return self.lowered.objects[block].variables[variable]

    def _array(self, name: str) -> str:
        """What an array, or a dynamic one's vector, is called in C++."""
        return str(self.device.get_array_name(self._variable(name), access_data=False))

    def _piece(self, name: str) -> str:
        """An array's place in memory: where it begins, and its bytes."""
        array, variable = self._array(name), self._variable(name)
        if variable in self.device.dynamic_arrays:
            return f"{{(char*){array}.data(), {array}.size()*sizeof({array}[0])}}"
        return f"{{(char*){array}, {variable.size}*sizeof({array}[0])}}"

    def _pieces(self, *roles: str) -> str:
        return ", ".join(self._piece(name) for role in roles for name in self._names(role))

    def _set(self, name: str, value: Any) -> Iterator[str]:
        """Fill an array from one of the program's files."""
        values = np.atleast_1d(np.asarray(value, self._variable(name).dtype))
        if values.size:
            given = self.device.static_array(f"given_{name.replace('.', '_')}", values)
            index = "0" if values.size == 1 else "k"
            yield (
                f"for (size_t k = 0; k < bytes_of({self._piece(name)})/sizeof({self._array(name)}[0]); k++) "
                f"{self._array(name)}[k] = {given}[{index}];"
            )

    def _flags(self, name: str) -> str:
        return str(self.device.static_array(f"run_{name}", np.asarray(getattr(self.samples, name), np.int32)))

    def _loop(self) -> Iterator[str]:
        """C++ that runs the samples, as `snn::Run` does in our engine and `_Run` in Brian2's runtime."""
        samples = self.samples
        yield "{ struct Piece { char* data; size_t bytes; };"
        yield "auto bytes_of = [](Piece piece) { return piece.bytes; };"
        yield "auto copy = [](const std::vector<Piece>& pieces) { std::string all;"
        yield "    for (const Piece& p : pieces) all.append(p.data, p.bytes); return all; };"
        yield "auto restore = [](const std::vector<Piece>& pieces, const std::string& all) { size_t at = 0;"
        yield "    for (const Piece& p : pieces) { all.copy(p.data, p.bytes, at); at += p.bytes; } };"
        for block in self.plan.blocks():
            for name, variable in block.variables.items():
                if variable.role != "clock":
                    yield from self._set(f"{block.name}.{name}", variable.value)
        yield f"const std::vector<Piece> reset_pieces = {{{self._pieces('state')}}};"
        yield f"const std::vector<Piece> kept_pieces = {{{self._pieces('state', 'lasting', 'total')}}};"
        yield "const std::string initial = copy(reset_pieces); std::string kept;"
        for name, value in (self.state.arrays if self.state else {}).items():
            yield from self._set(name, value)
        outputs = [name for names in self.plan.outputs.values() for name in names]
        yield f"const std::vector<Piece> output_pieces = {{{', '.join(map(self._piece, outputs))}}};"
        yield "std::vector<std::string> outputs(output_pieces.size());"
        yield f"int64_t step = {self._first_step()}, count = 0;"
        yield f"const int64_t steps = {samples.steps}, period = {samples.period};"
        yield f"for (int64_t row = 0; row < {len(samples)}; row++) {{"
        yield f"    const bool learns = {self._flags('learn')}[row], previewed = {self._flags('preview')}[row];"
        yield f"    const bool recorded = {self._flags('record')}[row];"
        yield "    if (previewed) kept = copy(kept_pieces);"
        yield f"    if ({self._flags('reset')}[row]) restore(reset_pieces, initial);"
        yield "    for (int64_t k = 0; k < period; k++, count++) {"
        yield "        const bool in_step = true, in_first = k == 0, in_last = k == period - 1;"
        yield "        const bool in_learn = learns, in_learn_last = learns && in_last;"
        yield from self._set_clocks()
        yield from self._calls()
        yield "    }"
        yield "    for (size_t k = 0; k < outputs.size(); k++) outputs[k] += copy({output_pieces[k]});"
        yield "    if (previewed) restore(kept_pieces, kept); else step += period;"
        yield "}"
        for number, name in enumerate(outputs):
            yield f'std::ofstream(results_dir + "output_{name}", std::ios::binary) << outputs[{number}];'
        yield "}"

    def _set_clocks(self) -> Iterator[str]:
        last_row = "row*steps + (k < steps ? k : steps - 1)"
        numbers = ("row", "k", "steps", last_row, "step + k", f"{self._flags('teach')}[row]")
        for name, number in zip(CLOCK, numbers, strict=True):
            for block in self.plan.blocks():
                if name in block.variables:
                    yield f"        {self._array(f'{block.name}.{name}')}[0] = {number};"
        for clock in self.lowered.clocks.values():
            t, dt, timestep = (self.device.get_array_name(clock.variables[v]) for v in ("t", "dt", "timestep"))
            yield f"        {timestep}[0] = count; {t}[0] = count*{dt}[0];"

    def _calls(self) -> Iterator[str]:
        """Every stock function of a step, the queues' included, in Brian2's order."""
        monitors = {monitor.name for monitor in (*self.recorders.values(), *self.watched.values())}
        for item in self.lowered.network.sorted_objects:
            also = " && recorded" if item.name in monitors else ""
            for code in item._code_objects:
                yield f"        if (in_{self.lowered.phase(item)}{also}) _run_{code.name}();"

    # ---- what comes back --------------------------------------------------------------------------------------------

    def _result(self, name: str) -> np.ndarray:
        """An array as the program's end has written it."""
        variable = self._variable(name)
        path = self.folder / "results" / Path(self.device.get_array_filename(variable)).name
        return np.fromfile(path, variable.dtype)

    def _output(self, name: str) -> np.ndarray:
        values = np.fromfile(self.folder / "results" / f"output_{name}", self._variable(name).dtype)
        return values.reshape(len(self.samples), -1)

    def _recording(self, track: Track) -> np.ndarray:
        if track.variable == SPIKES:
            monitor = self.recorders[f"{SPIKES} {track.block}"]
            row, step = np.divmod(self._counts(monitor.t), self.samples.period)
            first = self.samples.first_steps(self._first_step())
            return np.column_stack([first[row] + step, np.array(monitor.i)]).astype(np.int64)
        monitor = self.recorders[f"states {track.block}"]
        values = np.array(getattr(monitor, f"{track.variable}_"), self._variable(track.name).dtype).T
        rows = int(np.count_nonzero(self.samples.record)) * (self.samples.period if track.per == "step" else 1)
        return values.reshape(rows, -1) if values.size else np.empty((rows, 0), values.dtype)

    def _counts(self, times: Any) -> np.ndarray:
        """Steps of the run."""
        counts: np.ndarray = np.round(np.array(times) / self.plan.dt).astype(np.int64)
        return counts

    def _monitored(self, name: str) -> np.ndarray:
        monitor = self.watched[name]
        if name.endswith(".rate"):
            return np.array(monitor.rate)
        return np.column_stack([self._counts(monitor.t), np.array(monitor.i)]).astype(np.int64)
