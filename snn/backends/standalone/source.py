"""The C++ source text of a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import NeuronGroup, Synapses, prefs
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, Constant, Variable
from brian2.parsing.rendering import CPPNodeRenderer

from snn.backends.brian.objects import Lowered
from snn.backends.standalone.loops import NO_LOOP
from snn.equations.statements import written_names
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import CLOCK, STEP

ROLES = {"state": "s", "lasting": "l", "total": "t", "constant": "c", "clock": "i"}
LETTERS = {"double": "d", "float": "f", "int64_t": "l", "int32_t": "i", "char": "b"}


class Source:
    """The text of a program."""

    def __init__(self, arrays: Mapping[Variable, str], lowered: Lowered, plan: Plan):
        self.arrays, self.lowered, self.plan = arrays, lowered, plan
        self.renderer = CPPNodeRenderer()

    def text(self) -> str:
        calls, code = self._steps()
        parts = [
            f"#define SNN_REAL {c_data_type(prefs.core.default_float_dtype)}",
            '#include "engine.h"',
            *(f"#undef {name}" for name in sorted(self._variables())),
            *(f"static int64_t size_{name} = 0;" for name in self.lowered.objects),
            "static const int64_t one = 1;",
            *(f"static snn::Connectivity connectivity_{name};" for name in self.plan.synapses),
            *(self._array(variable) for variable in self._arrays()),
            *(self._signal(source) for source in self.plan.signals),
            *code,
            self._tables(),
            self._clock(),
            "void snn::run_step(unsigned phases)\n{\n" + "\n".join(calls) + "\n}",
            "int main(int argc, char** argv) { return snn::run(argc, argv); }",
        ]
        return "\n".join(parts) + "\n"

    def _variables(self) -> set[str]:
        """The names that code gives to variables: a header may have macros of these names."""
        blocks = list(self.plan.blocks())
        return {name for block in blocks for name in block.variables} | {
            name for block in blocks for text in block.texts() for name in written_names(text)
        }

    def _arrays(self) -> list[Any]:
        """Every array that generated code may name, in an order that does not depend on the process."""
        return sorted(self.arrays, key=lambda variable: str(self.arrays[variable]))

    def _array(self, variable: Any) -> str:
        kind = c_data_type(variable.dtype)
        return f"static {kind}* {self.arrays[variable]} = nullptr;"

    def _block(self, variable: Any) -> str | None:
        """The name of the block that a variable belongs to."""
        owner = getattr(variable, "owner", None)
        name = getattr(owner, "name", None)
        return name if name in self.lowered.objects else None

    def _length(self, variable: Any) -> tuple[str, int]:
        """The size that a variable's length is, and what comes on top."""
        block = self._block(variable)
        if variable.scalar or block is None:
            return "one", 0
        if variable.name.startswith("_") and variable.name.endswith("space"):
            return f"size_{block}", 1
        if block in self.plan.synapses and variable.name in ("N_incoming", "N_outgoing"):
            return (
                f"size_{getattr(self.plan.synapses[block], 'target' if variable.name == 'N_incoming' else 'source')}",
                0,
            )
        return f"size_{block}", 0

    def _signal(self, source: str) -> str:
        kind = "int64_t" if self.plan.signals[source].phases else "snn::real"
        return (
            f"static const {kind}* row_{source} = nullptr;\nstatic int64_t width_{source} = 1;\n"
            f"static inline {kind} signal_{source}(int64_t, int64_t i)\n"
            f"{{ return row_{source}[width_{source} > 1 ? i : 0]; }}"
        )

    def _steps(self) -> tuple[list[str], list[str]]:
        """Calls of the step's functions, in order, and the functions."""
        calls, code = [], []
        for item in self.lowered.network.sorted_objects:
            phase = self.lowered.phase(item)
            for codeobj in item._code_objects:
                if codeobj.template_name in NO_LOOP:
                    continue
                condition = "" if phase == STEP else f"if (phases & {phase.upper()}) "
                calls.append(f"    {condition}_run_{codeobj.name}();")
                code.append(codeobj.code.cpp_file.replace("%CONSTANTS%", self._constants(codeobj)))
        return calls, code

    def _constants(self, codeobj: Any) -> str:
        lines: dict[str, None] = {}
        for name, variable in sorted(codeobj.variables.items()):
            if isinstance(variable, ArrayVariable):
                size, extra = self._length(variable)
                lines[f"const int64_t _num{name} = {size} + {extra}; (void)_num{name};"] = None
            elif isinstance(variable, Constant):
                kind = c_data_type(variable.dtype)
                lines[f"const {kind} {name} = {self._constant(variable)}; (void){name};"] = None
        return "\n".join(lines)

    def _constant(self, variable: Constant) -> str:
        block = self._block(variable)
        if block is not None and variable.name == "N":
            return f"size_{block}"
        return str(self.renderer.render_expr(repr(variable.value)))

    def _tables(self) -> str:
        entries = []
        for variable in self._arrays():
            block, kind = self._block(variable), c_data_type(variable.dtype)
            if block is None:
                continue
            described = (self.plan.groups.get(block) or self.plan.synapses[block]).variables.get(variable.name)
            role = ROLES[described.role] if described else "i"
            size, extra = self._length(variable)
            entries.append(
                f'    {{"{block}.{variable.name}", (void**)&{self.arrays[variable]}, sizeof({kind}), '
                f"'{LETTERS[kind]}', '{role}', &{size}, {extra}}},"
            )
        # Arrays of clocks have no block but are needed all the same.
        for variable in self._arrays():
            if self._block(variable) is None:
                name, kind = self.arrays[variable], c_data_type(variable.dtype)
                entries.append(f"    {{\"{name}\", (void**)&{name}, sizeof({kind}), '{LETTERS[kind]}', 'i', &one, 0}},")
        sizes = [f'    {{"{name}", &size_{name}}},' for name in self.lowered.objects]
        real = LETTERS[c_data_type(prefs.core.default_float_dtype)]
        types = {source: "l" if use.phases else real for source, use in self.plan.signals.items()}
        signals = [f"    {{\"{s}\", (const void**)&row_{s}, &width_{s}, '{types[s]}'}}," for s in types]
        return "\n".join(
            [
                "const snn::Entry snn::entries[] = {",
                *entries,
                "    {}};",
                "const snn::Size snn::sizes[] = {",
                *sizes,
                "    {}};",
                "const snn::SynapseEntry snn::synapses[] = {",
                *map(self._synapse, self.plan.synapses),
                "    {}};",
                "const snn::Signal snn::signals[] = {",
                *signals,
                "    {}};",
            ]
        )

    def _synapse(self, name: str) -> str:
        variables = self.lowered.objects[name].variables
        pre, post = (self.arrays[variables[side]] for side in ("_synaptic_pre", "_synaptic_post"))
        block = self.plan.synapses[name]
        return (
            f'    {{"{name}", &size_{name}, &size_{block.source}, &size_{block.target}, &{pre}, &{post}, '
            f"&connectivity_{name}}},"
        )

    def _clock(self) -> str:
        start, step = [], []
        for name, item in self.lowered.objects.items():
            variables = item.variables
            if isinstance(item, NeuronGroup):
                start.append(f"for (int64_t k = 0; k < size_{name}; k++) {self.arrays[variables['i']]}[k] = k;")
                if "lastspike" in variables:
                    array = self.arrays[variables["lastspike"]]
                    start.append(f"for (int64_t k = 0; k < size_{name}; k++) {array}[k] = -1e4;")
            elif isinstance(item, Synapses):
                start.append(f"{self.arrays[variables['N']]}[0] = size_{name};")
            block = self.plan.groups.get(name) or self.plan.synapses[name]
            step += [f"{self.arrays[variables[c]]}[0] = clock.{c};" for c in CLOCK if c in block.variables]
        for clock in self.lowered.clocks.values():
            arrays = {v: self.arrays[clock.variables[v]] for v in ("t", "dt", "timestep")}
            step.append(f"{arrays['timestep']}[0] = run_step; {arrays['t']}[0] = run_step*{arrays['dt']}[0];")
        return (
            "void snn::initialise()\n{\n    " + "\n    ".join(start) + "\n}\n"
            "void snn::set_clock(const Clock& clock, int64_t run_step)\n{\n    " + "\n    ".join(step) + "\n}"
        )
