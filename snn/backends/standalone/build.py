"""Builds one program, in a process of its own: ``ENTRY`` with the arguments ``NETWORK.json DTYPE FOLDER``.

Brian2 keeps global state, which ends with this process; a failure here harms nobody and has an exit status.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn.backends.process import AT_FAULT
from snn.backends.spawn import NOT_STARTED
from snn.errors import BuildError, MachineError, SNNError

if TYPE_CHECKING:
    from snn.backends.device import EngineDevice
    from snn.backends.loops import Note
    from snn.backends.lower import Lowered
    from snn.backends.plan import Plan

# None of these changes a result: no contraction, no reordering; errno and traps are what nobody looks at.
FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-threadsafe-statics",
    "-w",
)

# Brian2 imports pylab where there is one: half a second, for plots that nobody draws here.
ENTRY = "import sys; sys.modules['pylab'] = None; from snn.backends import build; sys.exit(build.main(sys.argv[1:]))"

SOURCE, BINARY = "program.cpp", "program"
PROBLEM = "snnsearch cannot build: "  # what comes after it on standard error is for the user
KILLED = ("signal terminated program", "terminated with signal")  # one of the compiler's own programs
FULL = ("No space left on device", "Disk quota exceeded")
CXX = "CXX"


def compiler() -> list[str]:
    """The words of the command that compiles C++: ``CXX`` of the environment, such as ``ccache g++``, or g++ or c++.

    Raises
    ------
    BuildError
        If there is none.
    """
    given = os.environ.get(CXX, "").strip()
    if given:
        return _chosen_compiler(given)
    found = next((name for name in ("g++", "c++") if shutil.which(name)), None)
    if found is None:
        raise BuildError("A C++ compiler is needed, but g++ was not found; install it (Debian: apt install g++).")
    return [found]


def _chosen_compiler(given: str) -> list[str]:
    rule = f"{CXX} must be a command that compiles C++, such as 'g++' or 'ccache g++', but is {given!r}"
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise BuildError(f"{rule}, which cannot be split into words ({error}); correct or unset it.") from error
    if shutil.which(words[0]) is None:
        raise BuildError(f"{rule}, and there is no command {words[0]!r}; install it, or correct or unset {CXX}.")
    return words


def generate(network: str, dtype: str) -> tuple[EngineDevice, Lowered, Plan]:
    """Lower the network of a JSON text and make its code; for processes of their own, as it sets Brian2's device.

    Raises
    ------
    BuildError
        If Brian2 refuses it.
    """
    from brian2 import all_devices, second, set_device
    from brian2.core.base import BrianObjectException
    from brian2.core.functions import Function

    from snn.backends.device import EngineDevice
    from snn.backends.functions import brian_functions
    from snn.backends.lower import lower
    from snn.backends.planner import plan
    from snn.backends.preferences import set_own_preferences
    from snn.backends.program import DTYPES
    from snn.network import NetworkSpec

    device = all_devices["snnsearch"] = EngineDevice()
    set_device("snnsearch", build_on_run=False)
    set_own_preferences(DTYPES[dtype])
    planned = plan(NetworkSpec.from_json(network))
    _forget_sizes(planned)
    functions = brian_functions()
    for source, use in planned.signals.items():
        functions[f"signal_{source}"] = _declared(Function, f"signal_{source}", "integer" if use.phases else "float")
    try:
        lowered = lower(planned, DTYPES[dtype], functions)
        lowered.network.run(0 * second, namespace={})
    except BrianObjectException as error:
        about = error.__cause__ or error
        raise BuildError(f"Brian2 refuses the network's equations: {type(about).__name__}: {about}") from error
    return device, lowered, planned


def _forget_sizes(planned: Plan) -> None:
    """Two of everything, since Brian2 treats arrays of one as scalars: a program's text must not depend on sizes."""
    import numpy as np

    for group in planned.groups.values():
        group.n = 2
    for block in planned.synapses.values():
        block.pre = block.post = np.arange(2, dtype=np.int32)


def write_source(network: str, dtype: str, folder: Path) -> Path:
    """Write the C++ file of a network."""
    device, lowered, planned = generate(network, dtype)
    path = folder / SOURCE
    device.write_program(lowered, planned, path)
    return path


def loops(network: str, dtype: str) -> list[Note]:
    """The loops of a network's program, in the order of a time step."""
    device, lowered, _ = generate(network, dtype)
    return device.loops(lowered)


def _declared(make: type, name: str, returns: str) -> Any:
    """A function that the program's own source defines."""
    from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

    function = make(
        lambda row, i: 0.0,
        arg_units=[1, 1],
        return_unit=1,
        arg_types=["integer"] * 2,
        return_type=returns,
        arg_names=["row", "element"],
    )
    function.implementations.add_implementation(CPPStandaloneCodeObject, "", name=name)
    return function


def run_compiler(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the C++ compiler, which speaks English here, to its end.

    Raises
    ------
    BuildError
        If there is none, or it cannot be started.
    MachineError
        If it cannot be started now: there are no more processes or files to be had.
    """
    command = [*compiler(), *arguments]
    environment = os.environ | {"LC_ALL": "C"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False, env=environment
        )
    except OSError as error:
        about = f"The C++ compiler {shutil.which(command[0])} cannot be started: {error.strerror}"
        if error.errno not in NOT_STARTED:
            raise MachineError(f"{about}.") from error
        raise BuildError(f"{about}; install it again, or put another one on the PATH or in {CXX}.") from error


def compile_source(source: Path) -> Path:
    """Compile a program.

    Raises
    ------
    BuildError
        With the compiler's words.
    MachineError
        If the disk is full, or something else than the compiler has ended it.
    """
    from snn.backends.cache.folder import no_space
    from snn.backends.device import ENGINE

    binary = source.with_name(BINARY)
    done = run_compiler(*FLAGS, f"-I{ENGINE}", str(source), "-o", str(binary))
    words = done.stderr.strip()[-2000:]
    if done.returncode and any(text in words for text in FULL):
        raise no_space(source.parent)
    if done.returncode < 0 or any(text in words for text in KILLED):
        how = words or f"killed by {signal.Signals(-done.returncode).name}"
        raise MachineError(
            f"The compiler did not end by itself ({how}): if memory is short, run fewer workers; if the disk is full, "
            "free some space."
        )
    if done.returncode:
        raise BuildError(f"The compiler refused the program: {words or f'exit status {done.returncode}'}")
    return binary


def check_starts(binary: Path) -> None:
    """Raise a `BuildError` if the system does not start a program: a compiler may be for another kind of machine."""
    try:
        subprocess.run([binary], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        if error.errno not in NOT_STARTED:
            raise
        raise BuildError(
            f"The program that {shlex.join(compiler())} has compiled cannot be started ({error.strerror}): set "
            f"SNNSEARCH_CACHE, now {binary.parent.parent}, to a folder where programs may be run, or {CXX} to a "
            "compiler for this machine."
        ) from error


def main(arguments: list[str]) -> int:
    """Build a program and its manifest; what goes wrong is said on standard error, since a disk may be full."""
    from snn.backends.cache.folder import unusable
    from snn.backends.cache.manifest import write_manifest
    from snn.network import NetworkSpec

    network, dtype, folder = Path(arguments[0]), arguments[1], Path(arguments[2])
    try:
        compiler()
        binary = compile_source(write_source(network.read_text(encoding="utf-8"), dtype, folder))
        check_starts(binary)
        write_manifest(binary, NetworkSpec.from_json(network.read_text(encoding="utf-8")), dtype)
    except (SNNError, OSError) as error:
        problem = unusable(folder.parent, error) if isinstance(error, OSError) else error
        print(f"{PROBLEM}{problem}", file=sys.stderr)
        return AT_FAULT if isinstance(problem, MachineError) else 2
    return 0
