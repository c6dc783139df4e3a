"""The build of one program, in a process of its own: ``ENTRY`` with the arguments ``NETWORK.json DTYPE FOLDER``.

Brian2 keeps global state, which ends with this process; a failure here harms nobody and has an exit status.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn.backends.process import AT_FAULT
from snn.backends.spawn import NOT_STARTED
from snn.backends.standalone.compiler import CXX, SOURCE, compile_source, compiler
from snn.errors import BuildError, MachineError, SNNError

if TYPE_CHECKING:
    from snn.backends.brian.objects import Lowered
    from snn.backends.standalone.device import EngineDevice
    from snn.backends.standalone.loops import Note
    from snn.lowering.plan.plan import Plan

# Brian2 imports pylab where there is one: half a second, for plots that nobody draws here.
ENTRY = (
    "import sys; sys.modules['pylab'] = None; "
    "from snn.backends.standalone import build; sys.exit(build.main(sys.argv[1:]))"
)

PROBLEM = "snnsearch cannot build: "  # what comes after it on standard error is for the user


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

    from snn.backends.brian.functions import brian_functions
    from snn.backends.brian.objects import lower
    from snn.backends.brian.preferences import set_own_preferences
    from snn.backends.program import DTYPES
    from snn.backends.standalone.device import EngineDevice
    from snn.lowering.planner import plan
    from snn.network.spec import NetworkSpec

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
    from snn.backends.standalone.disk import unusable
    from snn.backends.standalone.manifest import write_manifest
    from snn.network.spec import NetworkSpec

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
