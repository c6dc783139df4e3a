"""The key of an entry: a hash of everything that makes its program."""

from __future__ import annotations

import hashlib
import platform
import shlex
from functools import cache
from pathlib import Path

from snn.backends.standalone.compiler import FLAGS, compiler, compiler_version
from snn.system.versions import installed


def program_key(structure: str, dtype: str) -> str:
    """The name of an entry: everything that decides what a program does, and nothing else.

    Raises
    ------
    BuildError
        If there is no compiler, whose version is a part of it.
    """
    parts = [
        structure,
        dtype,
        own_source(),
        installed("brian2"),
        installed("numpy"),
        installed("sympy"),
        platform.machine(),
        _processor(),
        _compiler(shlex.join(compiler())),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@cache
def own_source(package: Path = Path(__file__).parents[3]) -> str:
    """Return a hash of the files that turn a plan into a program."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in program_sources(package))).hexdigest()


def program_sources(package: Path) -> list[Path]:
    """Return the files that turn a plan into a program.

    A plan's own text is a part of the key already, so the files that fill a plan are not among them. The order of slots
    and the types of variables are no part of that text, so the files that define a plan are. Files that run a finished
    program, check the machine or keep the cache are not: editing them discards no program.

    Parameters
    ----------
    package : Path
        The folder ``snn``.
    """
    standalone = package / "backends" / "standalone"
    own = [standalone / f"{name}.py" for name in ("build", "compiler", "device", "generator", "loops", "source")]
    own.append(package / "equations" / "statements.py")
    folders = [(standalone / "templates", "*"), (standalone / "engine", "*")]
    folders += [(package / "backends" / "brian", "*.py"), (package / "lowering" / "plan", "*.py")]
    return sorted([*own, *(file for folder, pattern in folders for file in folder.glob(pattern) if file.is_file())])


@cache
def _processor() -> str:
    """The processor's abilities: a program compiled for this one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


@cache
def _compiler(command: str) -> str:
    """The command that compiles, its version and flags, once for each command."""
    return " ".join([command, compiler_version(), *FLAGS])
