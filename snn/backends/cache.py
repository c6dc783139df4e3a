"""Compiled programs on disk, shared by every process and user of the folder.

A program is built in a folder of its own and renamed into place, so that others see all of it or nothing. A manifest
with a checksum comes last: an entry without a right one is rebuilt, never run.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from snn.backends.process import RunOptions, run_process
from snn.errors import BuildError, Cancelled, RunError, RunTimeout
from snn.versions import installed

LOCK_TIMEOUT = 600.0
LOCK_POLL = 0.2


def cache_folder() -> Path:
    """Where programs lie: ``SNNSEARCH_CACHE``, or the user's cache folder."""
    from platformdirs import user_cache_dir

    chosen = os.environ.get("SNNSEARCH_CACHE")
    return Path(chosen) if chosen else Path(user_cache_dir("snnsearch")) / "programs"


def program_key(structure: str, dtype: str) -> str:
    """The name of an entry: everything that decides what a program does, and nothing else."""
    parts = [
        structure,
        dtype,
        own_source(),
        installed("brian2"),
        installed("numpy"),
        installed("sympy"),
        platform.machine(),
        _processor(),
        _compiler(),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@cache
def own_source() -> str:
    """A hash of the files that turn a plan into a program."""
    here = Path(__file__).parent
    files = sorted([*here.glob("templates/*"), *here.glob("engine/*"), *here.glob("*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def _processor() -> str:
    """The processor's abilities: a program compiled for this one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


@cache
def _compiler() -> str:
    from snn.backends.build import FLAGS, compiler

    said = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition("\n")[0] + " ".join(FLAGS)


def find_or_build(key: str, network: str, dtype: str, options: RunOptions) -> tuple[Path, bool]:
    """The binary of an entry, and whether this call built it. Two processes that want the same build it once.

    Raises
    ------
    BuildError
        If it cannot be built, or if another process has held the entry for too long.
    RunTimeout, Cancelled
        If the options' time was up, or their event was set, before there was one.
    """
    folder = cache_folder()
    entry = folder / key
    if (binary := intact(entry)) is not None:
        return binary, False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{key}.lock", options):
            if (binary := intact(entry)) is not None:
                return binary, False
            return _publish(entry, lambda place: _build(network, dtype, place, options)), True
    except OSError as error:
        raise BuildError(
            f"The program cache {folder} cannot be used: {error}; set SNNSEARCH_CACHE to a folder that can be written."
        ) from error


@contextmanager
def _locked(path: Path, options: RunOptions) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock, deadline = FileLock(path), options.deadline()
    give_up = time.monotonic() + LOCK_TIMEOUT
    while not lock.is_locked:
        options.check(deadline)
        try:
            lock.acquire(timeout=LOCK_POLL)
        except Timeout:
            if time.monotonic() > give_up:
                raise BuildError(
                    f"Another process has been building {path.stem} in {path.parent} for over {LOCK_TIMEOUT:g} s; "
                    f"end it, or remove {path.name} there."
                ) from None
    try:
        yield
    finally:
        lock.release()


def intact(entry: Path) -> Path | None:
    """The binary of an entry if it is whole."""
    from snn.backends.build import BINARY

    try:
        manifest = json.loads((entry / "manifest.json").read_text())
        binary = entry / BINARY
        whole = hashlib.sha256(binary.read_bytes()).hexdigest() == manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return binary if whole else None


def _publish(entry: Path, build: Callable[[Path], Path]) -> Path:
    place = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        binary = build(place)
        digest = hashlib.sha256(binary.read_bytes()).hexdigest()
        (place / "manifest.json").write_text(json.dumps({"sha256": digest}))
        if entry.exists():  # damaged, or it would have been used
            shutil.rmtree(entry)
        os.replace(place, entry)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return entry / binary.name


def _build(network: str, dtype: str, place: Path, options: RunOptions) -> Path:
    from snn.backends.build import BINARY, PROBLEM

    description = place / "network.json"
    description.write_text(network)
    command = [sys.executable, "-m", "snn.backends.build", str(description), dtype, str(place)]
    path = os.pathsep.join(filter(None, [_import_root(), os.environ.get("PYTHONPATH")]))
    try:
        run_process(command, options, os.environ | {"PYTHONPATH": path})
    except (Cancelled, RunTimeout):
        raise
    except RunError as error:
        problem = place / PROBLEM
        raise BuildError(problem.read_text() if problem.exists() else f"The build failed. {error}") from None
    return place / BINARY


def _import_root() -> str:
    """The folder that this package is imported from, for the process that builds."""
    return str(Path(__file__).parents[2])
