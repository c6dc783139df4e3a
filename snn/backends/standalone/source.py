"""The C++ source of a program: the values that fill the template `program.cpp`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from brian2 import NeuronGroup, Synapses, prefs
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import ArrayVariable, Constant, Variable
from brian2.parsing.rendering import CPPNodeRenderer
from jinja2 import Environment, PackageLoader, StrictUndefined

from snn.backends.brian.objects import Lowered
from snn.backends.standalone.loops import NO_LOOP
from snn.equations.statements import written_names
from snn.lowering.plan.plan import Plan
from snn.lowering.plan.schedule import CLOCK, STEP

ROLES = {"state": "s", "lasting": "l", "total": "t", "constant": "c", "clock": "i"}
LETTERS = {"double": "d", "float": "f", "int64_t": "l", "int32_t": "i", "char": "b"}


@dataclass(frozen=True)
class Array:
    """One array of the program: its C++ name and type, and how the engine knows it."""

    name: str
    shown: str
    kind: str
    role: str
    size: str
    extra: int = 0

    @property
    def letter(self) -> str:
        """The letter of its type in files of arrays."""
        return LETTERS[self.kind]


@dataclass(frozen=True)
class SignalRows:
    """One signal, of which the engine sets the present row."""

    source: str
    kind: str
    letter: str


@dataclass(frozen=True)
class Block:
    """One block of synapses: the populations at its ends and the arrays of its indices."""

    name: str
    source: str
    target: str
    pre: str
    post: str


@dataclass(frozen=True)
class Step:
    """One function of a time step, and the condition under which it is called."""

    name: str
    condition: str
    code: str


class Source:
    """The text of a program."""

    def __init__(self, arrays: Mapping[Variable, str], lowered: Lowered, plan: Plan):
        self.arrays, self.lowered, self.plan = arrays, lowered, plan
        self.renderer = CPPNodeRenderer()

    def text(self) -> str:
        """Return the C++ file."""
        environment = Environment(
            loader=PackageLoader("snn.backends.standalone"),
            autoescape=False,  # it is C++
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=StrictUndefined,
        )
        return environment.get_template("program.cpp").render(
            real=self._real(),
            names=sorted(self._names()),
            sizes=list(self.lowered.objects),
            arrays=[self._array(variable) for variable in self._variables()],
            signals=list(self._signals()),
            synapses=list(self._synapses()),
            steps=list(self._steps()),
            start=list(self._start()),
            clock=list(self._clock()),
        )

    def _real(self) -> str:
        return c_data_type(prefs.core.default_float_dtype)

    def _names(self) -> set[str]:
        """The names that code gives to variables: a header may have macros of these names."""
        blocks = list(self.plan.blocks())
        return {name for block in blocks for name in block.variables} | {
            name for block in blocks for text in block.texts() for name in written_names(text)
        }

    def _variables(self) -> list[Any]:
        """Every array that generated code may name: those of blocks, then those of clocks, always in the same order."""
        return sorted(self.arrays, key=lambda variable: (self._block(variable) is None, str(self.arrays[variable])))

    def _array(self, variable: Any) -> Array:
        name, kind, block = self.arrays[variable], c_data_type(variable.dtype), self._block(variable)
        if block is None:
            return Array(name, name, kind, role="i", size="one")
        described = (self.plan.groups.get(block) or self.plan.synapses[block]).variables.get(variable.name)
        role = ROLES[described.role] if described else "i"
        return Array(name, f"{block}.{variable.name}", kind, role, *self._length(variable))

    def _block(self, variable: Any) -> str | None:
        """The name of the block that a variable belongs to."""
        owner = getattr(variable, "owner", None)
        name = getattr(owner, "name", None)
        return name if name in self.lowered.objects else None

    def _length(self, variable: Any) -> tuple[str, int]:
        """The name of the size that a variable's length is, and what comes on top."""
        block = self._block(variable)
        if variable.scalar or block is None:
            return "one", 0
        if variable.name.startswith("_") and variable.name.endswith("space"):
            return f"size_{block}", 1
        if block in self.plan.synapses and variable.name == "N_incoming":
            return f"size_{self.plan.synapses[block].target}", 0
        if block in self.plan.synapses and variable.name == "N_outgoing":
            return f"size_{self.plan.synapses[block].source}", 0
        return f"size_{block}", 0

    def _signals(self) -> Iterator[SignalRows]:
        for source, use in self.plan.signals.items():
            kind, letter = ("int64_t", "l") if use.phases else ("snn::real", LETTERS[self._real()])
            yield SignalRows(source, kind, letter)

    def _synapses(self) -> Iterator[Block]:
        for name, block in self.plan.synapses.items():
            variables = self.lowered.objects[name].variables
            pre, post = (self.arrays[variables[side]] for side in ("_synaptic_pre", "_synaptic_post"))
            yield Block(name, block.source, block.target, pre, post)

    def _steps(self) -> Iterator[Step]:
        """The functions of a step, in the order of their calls."""
        for item in self.lowered.network.sorted_objects:
            phase = self.lowered.phase(item)
            condition = "" if phase == STEP else f"if (phases & {phase.upper()}) "
            for codeobj in item._code_objects:
                if codeobj.template_name not in NO_LOOP:
                    code = codeobj.code.cpp_file.replace("%CONSTANTS%", self._constants(codeobj))
                    yield Step(codeobj.name, condition, code)

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

    def _start(self) -> Iterator[str]:
        """Statements that set indices and the times of last spikes, before the first step."""
        for name, item in self.lowered.objects.items():
            variables = item.variables
            if isinstance(item, NeuronGroup):
                loop = f"for (int64_t k = 0; k < size_{name}; k++)"
                yield f"{loop} {self.arrays[variables['i']]}[k] = k;"
                if "lastspike" in variables:
                    yield f"{loop} {self.arrays[variables['lastspike']]}[k] = -1e4;"
            elif isinstance(item, Synapses):
                yield f"{self.arrays[variables['N']]}[0] = size_{name};"

    def _clock(self) -> Iterator[str]:
        """Statements that set counters and times, before every step."""
        for name, item in self.lowered.objects.items():
            block = self.plan.groups.get(name) or self.plan.synapses[name]
            for counter in CLOCK:
                if counter in block.variables:
                    yield f"{self.arrays[item.variables[counter]]}[0] = clock.{counter};"
        for clock in self.lowered.clocks.values():
            arrays = {v: self.arrays[clock.variables[v]] for v in ("t", "dt", "timestep")}
            yield f"{arrays['timestep']}[0] = run_step; {arrays['t']}[0] = run_step*{arrays['dt']}[0];"
