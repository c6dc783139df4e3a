"""The C++ compiler: its choice, flags and version, and how it is run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from snn.backends.spawn import NOT_STARTED
from snn.errors import BuildError, MachineError

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
ENGINE = Path(__file__).parent / "engine"
SOURCE, BINARY = "program.cpp", "program"
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
    from snn.backends.standalone.compiler import ENGINE
    from snn.backends.standalone.disk import no_space

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


def compiler_version() -> str:
    """Return the first line of the compiler's ``--version``."""
    return run_compiler("--version").stdout.partition("\n")[0]
