"""Builds one program, in a process of its own: ``python -m snn.backends.build NETWORK.json DTYPE FOLDER``.

Brian2 keeps global state, which ends with this process; a failure here harms nobody and has an exit status.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from snn.backends.process import end_with_caller
from snn.errors import BuildError, SNNError

FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-w")
SOURCE, BINARY, PROBLEM = "program.cpp", "program", "problem"


def compiler() -> str:
    """The C++ compiler.

    Raises
    ------
    BuildError
        If there is none.
    """
    found = shutil.which("g++") or shutil.which("c++")
    if not found:
        raise BuildError("A C++ compiler is needed, but g++ was not found; install it (Debian: apt install g++).")
    return found


def write_source(network: str, dtype: str, folder: Path) -> Path:
    """Lower the network of a JSON text and write its C++ file."""
    from brian2 import all_devices, prefs, second, set_device
    from brian2.core.base import BrianObjectException
    from brian2.core.functions import Function

    from snn.backends.device import EngineDevice
    from snn.backends.lower import lower
    from snn.backends.planner import plan
    from snn.backends.program import DTYPES
    from snn.network import NetworkSpec
    from snn.random import brian_functions

    device = all_devices["snnsearch"] = EngineDevice()
    set_device("snnsearch", build_on_run=False)
    prefs.core.default_float_dtype = DTYPES[dtype]
    planned = plan(NetworkSpec.from_json(network))
    functions = brian_functions()
    for source in planned.signals:
        functions[f"signal_{source}"] = _declared(Function, f"signal_{source}")
    try:
        lowered = lower(planned, DTYPES[dtype], functions)
        lowered.network.run(0 * second, namespace={})
    except BrianObjectException as error:
        about = error.__cause__ or error
        raise BuildError(f"Brian2 refuses the network's equations: {type(about).__name__}: {about}") from error
    path = folder / SOURCE
    device.write_program(lowered, planned, path)
    return path


def _declared(make: type, name: str) -> Any:
    """A function that the program's own source defines."""
    from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

    function = make(
        lambda row, i: 0.0,
        arg_units=[1, 1],
        return_unit=1,
        arg_types=["integer"] * 2,
        return_type="float",
        arg_names=["row", "element"],
    )
    function.implementations.add_implementation(CPPStandaloneCodeObject, "", name=name)
    return function


def compile_source(source: Path) -> Path:
    """Compile a program.

    Raises
    ------
    BuildError
        With the compiler's words.
    """
    from snn.backends.device import ENGINE

    binary = source.with_name(BINARY)
    command = [compiler(), *FLAGS, f"-I{ENGINE}", str(source), "-o", str(binary)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"The compiler refused the program ({source}): {done.stderr.strip()[-2000:]}")
    return binary


def main(arguments: list[str]) -> int:
    """Build; what goes wrong is written into the file ``problem`` beside the source."""
    end_with_caller()
    network, dtype, folder = arguments
    try:
        compiler()
        compile_source(write_source(Path(network).read_text(), dtype, Path(folder)))
    except SNNError as error:
        (Path(folder) / PROBLEM).write_text(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
