"""The search for a program in the cache, and its build and publication if there is none."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snn.backends.options import RunOptions
from snn.backends.process import run_process
from snn.backends.spawn import guarded
from snn.backends.standalone.build import ENTRY, PROBLEM
from snn.backends.standalone.cache.entry import intact, lock_path, note_use
from snn.backends.standalone.cache.folder import cache_folder, cache_limit, check_runnable
from snn.backends.standalone.cache.upkeep import discard, tidy
from snn.backends.standalone.compiler import BINARY, SOURCE
from snn.backends.standalone.disk import unusable
from snn.backends.standalone.manifest import MANIFEST
from snn.errors import BuildError, Cancelled, Killed, MachineError, RunError, RunTimeout
from snn.system.lock import Lock, user_name
from snn.system.paths import child_environment

LOCK_TIMEOUT = 600.0
LOCK_POLL = 0.2
NETWORK = "network.json"
MODES = {BINARY: 0o755, SOURCE: 0o644, NETWORK: 0o644, MANIFEST: 0o644}
"""Whoever reaches the folder may use its entries, whatever the umask of who built them."""


def find_or_build(key: str, network: str, dtype: str, options: RunOptions, broken: bool = False) -> tuple[Path, bool]:
    """The binary of an entry, and whether this call built it. Two processes that want the same build it once.

    The binary stays where it is for as long as this process runs, or until it has asked for many others. An entry that
    is `broken`, as the system did not start its program, is built again.

    Raises
    ------
    SNNError
        If the limit of the cache is none.
    BuildError
        If it cannot be built, or if another process has held the entry for too long.
    MachineError
        If the machine is at fault: a full disk, no more processes.
    RunTimeout, Cancelled
        If the options' time was up, or their event was set, before there was one.
    """
    entry, limit = cache_folder() / key, cache_limit()
    if not broken and (binary := _find(entry)) is not None:
        return binary, False
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        check_runnable(entry.parent)
        with _locked(entry, options):
            if not broken and (binary := _find(entry)) is not None:
                return binary, False
            _publish(entry, network, dtype, options)
            if (binary := _find(entry)) is None:
                raise MachineError(
                    f"What was written into {entry} is not what is read there: set SNNSEARCH_CACHE to a folder on "
                    "another disk."
                )
        tidy(entry.parent, limit, keep=entry)
        return binary, True
    except OSError as error:
        raise unusable(entry.parent, error) from error


def _find(entry: Path) -> Path | None:
    binary = intact(entry)
    if binary is not None:
        note_use(entry)
    return binary


@contextmanager
def _locked(entry: Path, options: RunOptions) -> Iterator[None]:
    lock, deadline = Lock(lock_path(entry)), options.deadline()
    give_up = time.monotonic() + LOCK_TIMEOUT
    while not lock.acquire():
        options.check(deadline)
        if time.monotonic() > give_up:
            raise BuildError(
                f"Another process has kept {entry} locked for over {LOCK_TIMEOUT:g} s: "
                f"{lock.holder() or 'one that has not left its name'}. End it, or set SNNSEARCH_CACHE to "
                "another folder."
            )
        time.sleep(LOCK_POLL)
    try:
        lock.sign()
        yield
    finally:
        lock.release(remove=not os.path.lexists(entry))


def _publish(entry: Path, network: str, dtype: str, options: RunOptions) -> None:
    if os.path.lexists(entry):  # damaged or not to be trusted, or it would have been used
        _make_room(entry)
    place = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        _build(network, dtype, place, options)
        for name, mode in MODES.items():
            (place / name).chmod(mode)
        place.chmod(0o755)
        os.replace(place, entry)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _make_room(entry: Path) -> None:
    try:
        discard(entry)
    except OSError as error:
        if not os.path.lexists(entry):  # what is left of it, its owner's next build removes
            return
        owner = user_name(entry.lstat().st_uid)
        raise BuildError(
            f"{entry} is damaged, or could have been written by somebody who is not to be trusted, and cannot be "
            f"replaced: ask its owner, {owner}, to remove it, or set SNNSEARCH_CACHE to a folder of your own."
        ) from error


def _build(network: str, dtype: str, place: Path, options: RunOptions) -> None:
    description, scratch = place / NETWORK, place / "tmp"
    description.write_text(network, encoding="utf-8")
    scratch.mkdir()  # of Brian2 and the compiler: it goes with the place, however the build ends
    command = guarded(sys.executable, ENTRY, str(description), dtype, str(place))
    environment = child_environment(first=_import_root())
    try:
        run_process(command, options, environment | {"TMPDIR": str(scratch)})
    except (Cancelled, Killed, RunTimeout):
        raise
    except RunError as error:
        _, told, problem = str(error).partition(PROBLEM)
        kind = MachineError if isinstance(error, MachineError) else BuildError
        raise kind(problem if told else f"The build failed. {error}") from None
    shutil.rmtree(scratch)


def _import_root() -> str:
    """The folder that this package is imported from, for the process that builds."""
    return str(Path(__file__).parents[4])
