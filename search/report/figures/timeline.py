"""The timeline of a search: when each worker ran, and how busy it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from search.report.figures.facts import Facts, Undrawable
from search.report.figures.style import BLUE, FAINT, YELLOW, legend_above, shorten
from search.storage.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

PAUSE = 60.0  # seconds without any run after which a search counts as stopped and begun again, at most
LEAST_PAUSE = 2.0  # and at least
NAMED = 16  # workers whose names stand beside their lines
STATES = {"COMPLETE": ("complete", BLUE), "PRUNED": ("pruned", FAINT), "FAIL": ("failed", YELLOW)}


@dataclass(frozen=True)
class Run:
    """One rung or trial on one worker, from `began` to `ended` in seconds since 1970."""

    worker: str
    began: float
    ended: float
    state: str


@dataclass(frozen=True)
class Session:
    """A stretch of search without a pause: its runs, in the order in which they began."""

    runs: tuple[Run, ...]

    @property
    def began(self) -> float:
        """Begin of the first."""
        return self.runs[0].began

    @property
    def ended(self) -> float:
        """End of the last."""
        return max(run.ended for run in self.runs)

    @property
    def available(self) -> float:
        """Seconds that its workers had."""
        return (self.ended - self.began) * len({run.worker for run in self.runs})

    @property
    def busy(self) -> float:
        """Seconds that its workers worked."""
        return sum(run.ended - run.began for run in self.runs)


def runs(trials: Iterable[FrozenTrial]) -> list[Run]:
    """Return the stored runs of trials, each with its worker.

    Where they have stored nothing (older studies), each took the first of the workers that was free, from the time it
    was given to the time it was told. The time of runs that went together on a worker is cut into equal shares.
    """
    stored, bare = [], []
    for trial in trials:
        state = trial.state.name
        if rungs := Record(trial).result.get("runs"):
            stored += [Run(str(worker), float(began), float(ended), state) for worker, began, ended in rungs]
        elif Record(trial).interval or (trial.datetime_start and trial.datetime_complete):
            bare.append(trial)
    return sorted(_shared(stored) + _in_lanes(bare), key=lambda run: run.began)


def _shared(found: list[Run]) -> list[Run]:
    """Runs one after the other where several have the same worker and the same time, which are those of a batch."""
    batches: dict[tuple[str, float, float], list[Run]] = {}
    for run in found:
        batches.setdefault((run.worker, run.began, run.ended), []).append(run)
    return [
        replace(run, began=begin, ended=end)
        for batch in batches.values()
        for run, begin, end in zip(batch, *_cut(batch[0].began, batch[0].ended, len(batch)), strict=True)
    ]


def _cut(began: float, ended: float, parts: int) -> tuple[list[float], list[float]]:
    """Begins and ends of equal parts of a time."""
    bounds = np.linspace(began, ended, parts + 1).tolist()
    return bounds[:-1], bounds[1:]


def _in_lanes(trials: list[FrozenTrial]) -> list[Run]:
    spans = []
    for trial in trials:
        assert trial.datetime_complete is not None
        began, ended = Record(trial).interval or (
            trial.datetime_start.timestamp() if trial.datetime_start else 0.0,
            trial.datetime_complete.timestamp(),
        )
        spans.append((began, ended, trial.state.name))
    free: list[float] = []  # when each lane is free again
    found = []
    for began, ended, state in sorted(spans):
        lane = next((place for place, until in enumerate(free) if until <= began + 1e-3), len(free))
        free[lane : lane + 1] = [ended]
        found.append(Run(f"lane {lane}", began, ended, state))
    return found


def sessions(found: list[Run]) -> list[Session]:
    """The runs, cut where nothing ran for longer than `pause`."""
    parts: list[list[Run]] = []
    until, longest = -np.inf, pause(found)
    for run in found:
        if run.began > until + longest:
            parts.append([])
        parts[-1].append(run)
        until = max(until, run.ended)
    return [Session(tuple(part)) for part in parts]


def pause(found: list[Run]) -> float:
    """Seconds without any run that stand for the end of a search, for runs in the order in which they began.

    That is `PAUSE`, or less for a search of short runs: three times its longest run, or ten times the idle time that is
    usual between one run and the next, as with a sampler that takes its time.
    """
    if len(found) < 2:
        return PAUSE
    covered = np.maximum.accumulate([run.ended for run in found])[:-1]
    idle = np.maximum(0.0, [run.began for run in found[1:]] - covered)
    usual = max(3 * max(run.ended - run.began for run in found), 10 * float(np.median(idle)))
    return min(PAUSE, max(LEAST_PAUSE, usual))


def utilisation(parts: list[Session]) -> float | None:
    """Busy time as a share of the time that workers had; None if no time passed."""
    available = sum(part.available for part in parts)
    return min(1.0, sum(part.busy for part in parts) / available) if available > 0 else None


def draw(facts: Facts, figure: Figure) -> str:
    """A line for each worker; the sentence below them."""
    parts = sessions(runs(facts.trials))
    used = utilisation(parts)
    if used is None:
        raise Undrawable("No trial has ended yet.")
    workers = sorted({run.worker for part in parts for run in part.runs}, key=_natural)
    figure.set_figheight(1.3 + min(3.6, 0.24 * len(workers)))
    axes = figure.subplots()
    _bars(axes, parts, {worker: line for line, worker in enumerate(workers)})
    axes.set_ylim(len(workers) - 0.4, -0.6)
    if len(workers) <= NAMED:
        axes.set_yticks(range(len(workers)), [shorten(worker, 28) for worker in workers])
        axes.tick_params(axis="y", length=0)
    else:
        axes.set_ylabel(f"{len(workers)} workers")
    legend_above(axes)
    total = sum(part.busy for part in parts)
    count = sum(len(part.runs) for part in parts)
    words = (
        f"Utilisation {100 * used:.1f} %: {_duration(total)} of work in {_many(count, 'run')} on "
        f"{_many(len(workers), 'worker')}; the rest of their time they waited."
    )
    if len(parts) > 1:
        idle = sum(after.began - before.ended for before, after in pairwise(parts))
        words += f" {_duration(idle)} between searches, in which nothing ran, are left out (dotted lines)."
    if any(run.worker.startswith("lane ") for part in parts for run in part.runs):
        words += " Some trials have not stored their worker: each of those is drawn in the first lane that was free."
    return words


def _bars(axes, parts: list[Session], lines: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    from matplotlib.collections import PolyCollection

    offset, corners, colours = 0.0, [], []
    height = 0.36 if len(lines) <= 2 * NAMED else 0.5
    span = sum(part.ended - part.began for part in parts)
    gap = 0.02 * span if len(parts) > 1 else 0.0
    unit, factor = _unit(span)
    for place, part in enumerate(parts):
        if place:
            axes.axvline((offset - gap / 2) / factor, color="0.5", ls=":", lw=1)
        for run in part.runs:
            left, right = ((x - part.began + offset) / factor for x in (run.began, run.ended))
            low, high = lines[run.worker] - height, lines[run.worker] + height
            corners.append([(left, low), (right, low), (right, high), (left, high)])
            colours.append(STATES.get(run.state, ("running", "0.85"))[1])
        offset += part.ended - part.began + gap
    edge = 0.5 if len(corners) < 400 else 0.0  # a white edge parts neighbours where there is room for it
    axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="white", linewidths=edge))
    states = [run.state for part in parts for run in part.runs]
    for state, (label, colour) in STATES.items():
        if state in states:
            axes.scatter([], [], marker="s", color=colour, label=label)
    axes.set(xlim=(0, (offset - gap) / factor), xlabel=f"time ({unit})")


def _unit(seconds: float) -> tuple[str, float]:
    units = ("s", 1.0, 600), ("min", 60.0, 4 * 3600), ("h", 3600.0, 4 * 86400), ("days", 86400.0, np.inf)
    return next((name, factor) for name, factor, most in units if seconds < most)


def _duration(seconds: float) -> str:
    unit, factor = _unit(seconds)
    return f"{seconds / factor:.1f} {unit}"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _natural(name: str) -> list[tuple[int, str]]:
    """Worker 2 before worker 10."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return [(int(part), "") for part in digits] + [(-1, name)]
