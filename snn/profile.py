"""The CPU time of runs, stage by stage."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

STAGES = ("ask", "lower", "build", "write", "run", "read", "score", "tell")
"""Optuna's ask, and the user's network, frozen; network to plan, weights drawn; finding or compiling the program;
samples and the program's input file; the program; its result file; predictions, losses, counts and objectives; and
Optuna's tell, with what a trial keeps and images of the best."""
OTHER = "other"


def cpu_seconds() -> float:
    """CPU time of this process, and of its children that have ended, to a microsecond (`os.times` counts ticks)."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class _Here(threading.local):
    """The stage that a thread is in, and its clock when that began."""

    stage: str | None = None
    since = 0.0


class Profile:
    """CPU seconds by stage, added up over threads and over the processes that they wait for.

    Attributes
    ----------
    seconds : dict of str to float
        CPU time of each of `STAGES`, in seconds.
    peak_memory_bytes : int or None
        The most memory that a compiled program held; None if none has said.

    Examples
    --------
    >>> profile = Profile()
    >>> with profile.stage("write"):
    ...     total = sum(range(100_000))
    >>> profile.seconds["write"] > 0
    True

    `Task.run(network, profile=profile)` adds the stages of a run; `snnsearch run --profile` those of a search.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.peak_memory_bytes: int | None = None
        self._here = _Here()
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what this thread does as a stage; a stage within another counts for itself alone."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, name: str | None) -> str | None:
        now, before = time.thread_time(), self._here.stage
        if before is not None:
            self._add(before, now - self._here.since)
        self._here.stage, self._here.since = name, now
        return before

    def _add(self, name: str, seconds: float) -> None:
        with self._lock:
            self.seconds[name] += seconds

    def child(self, seconds: float) -> None:
        """Count the CPU time of a process that this thread has waited for: it belongs to the present stage."""
        if self._here.stage is not None:
            self._add(self._here.stage, seconds)

    def memory(self, peak: int | None) -> None:
        """Note the peak of a program."""
        with self._lock:
            self.peak_memory_bytes = largest(self.peak_memory_bytes, peak)

    def report(self, trials: int, total: float) -> dict[str, Any]:
        """Summarise the CPU time of a search.

        Parameters
        ----------
        trials : int
            How many trials have ended.
        total : float
            CPU seconds of this process and its children in all: what belongs to no stage is ``"other"``.

        Returns
        -------
        dict
            ``cpu_seconds`` by stage, ``cpu_seconds_per_trial`` (None without a trial), ``trials``, and
            ``peak_memory_bytes``.
        """
        seconds = {**self.seconds, OTHER: total - sum(self.seconds.values())}
        each = {name: value / trials if trials else None for name, value in seconds.items()}
        peak = self.peak_memory_bytes
        return {"cpu_seconds": seconds, "cpu_seconds_per_trial": each, "trials": trials, "peak_memory_bytes": peak}

    def to_json(self) -> dict[str, Any]:
        """Return all counts as plain data."""
        return {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes}

    def merge(self, data: Mapping[str, Any]) -> None:
        """Add what another process has counted, as its `to_json` gave it."""
        for name, seconds in data["seconds"].items():
            self._add(name, seconds)
        self.memory(data["peak_memory_bytes"])


def stage(profile: Profile | None, name: str) -> AbstractContextManager[None]:
    """A stage of a profile, or nothing where there is no profile."""
    return nullcontext() if profile is None else profile.stage(name)


def largest(*values: int | None) -> int | None:
    """The largest of the numbers that are known."""
    return max((value for value in values if value is not None), default=None)
