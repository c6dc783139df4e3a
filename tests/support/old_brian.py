"""An environment with the packages that Brian2GeNN needs, made once with the commands that the documentation gives."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from platformdirs import user_cache_dir

from snn.backends.genn.requirements import PYTHON, installation
from snn.system.lock import Lock

SECONDS = 90.0  # that making it may take
NETWORK = ("No matching distribution", "Could not find a version", "name resolution", "Connection", "timed out", "SSL")


class UnavailableError(Exception):
    """There is none, and what is missing is none of this package's making."""


def old_brian() -> str:
    """The interpreter of the environment: a user's own, or one in the cache folder.

    Raises
    ------
    UnavailableError
        If pip reaches no packages, there is no Python 3.11, or it takes too long.
    """
    if chosen := os.environ.get(PYTHON):
        return chosen
    if shutil.which("python3.11") is None:
        raise UnavailableError("brian2 2.5.4 needs Python 3.11, and python3.11 is not on the PATH")
    commands = installation()
    key = hashlib.sha256(commands.encode()).hexdigest()[:16]  # they name the checkout, too
    place = Path(user_cache_dir("snnsearch")) / "test-environments" / key
    place.mkdir(parents=True, exist_ok=True)
    lock, deadline = Lock(place / "lock"), time.monotonic() + 2 * SECONDS
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise UnavailableError(f"{place} has been locked for {2 * SECONDS:g} s")
        time.sleep(0.2)
    try:
        if not (place / "made").exists():
            _make(place, commands)
    finally:
        lock.release(remove=False)
    return str(place / "genn-env" / "bin" / "python")


def _make(place: Path, commands: str) -> None:
    shutil.rmtree(place / "genn-env", ignore_errors=True)
    try:
        done = subprocess.run(
            ["sh", "-c", commands], cwd=place, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"pip has not installed brian2 2.5.4 within {SECONDS:g} s") from None
    if done.returncode and any(word in done.stderr for word in NETWORK):
        raise UnavailableError(f"pip cannot reach packages: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    (place / "made").touch()
