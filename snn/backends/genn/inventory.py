"""Finds the Brian2GeNN, GeNN and CUDA of an environment."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from snn.system.paths import variable

ROOT = Path(__file__).parents[3]
WAIT = 60.0  # seconds that an interpreter may take to say what it has: it imports brian2
Found = Mapping[str, str | None]


@cache
def fingerprint() -> str:
    """A hash of the package's code: a network is to mean the same on both sides."""
    package = ROOT / "snn"
    files = sorted(package.rglob("*.py"))
    parts = [part for file in files for part in (file.relative_to(package).as_posix().encode(), file.read_bytes())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def found() -> dict[str, str | None]:
    """Return the versions and folders that this interpreter and this machine have, None for missing ones."""
    genn, cuda = _genn_folder(), os.environ.get("CUDA_PATH") or None
    return {
        "interpreter": sys.executable,
        "python": platform.python_version(),
        "snnsearch": fingerprint(),
        **{package: package_version(package) for package in ("brian2", "numpy", "brian2genn")},
        "genn_folder": genn,
        "genn": _first_line(Path(genn) / "version.txt") if genn else None,
        "compiler": shutil.which("g++"),
        "make": shutil.which("make"),
        "cuda_folder": cuda,
        "cuda": _cuda_version(Path(cuda)) if cuda else None,
        "gpu": next((str(device) for name in ("nvidia[0-9]*", "dxg") for device in Path("/dev").glob(name)), None),
    }


def package_version(package: str) -> str | None:
    """The version of a package of this interpreter; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _genn_folder() -> str | None:
    """Return the folder in which Brian2GeNN looks for GeNN."""
    on_path = shutil.which("genn-buildmodel.sh")
    folder = variable("GENN_PATH") or (Path(on_path).absolute().parents[1] if on_path else None)
    return str(folder) if folder and (folder / "bin" / "genn-buildmodel.sh").exists() else None


def _first_line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0]
    except OSError:
        return None


def _cuda_version(folder: Path) -> str | None:
    """The version of a CUDA toolkit, as its compiler tells it."""
    try:
        command = [str(folder / "bin" / "nvcc"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=WAIT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    release = re.search(r"release ([0-9]+\.[0-9]+)", said.stdout)
    return release[1] if release else None
