"""The progress of a search on standard error: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from search.analysis.tables import number as shown_number
from search.spec.objectives import Objective

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN = 8  # ended trials in the live table


@dataclass(frozen=True)
class Ended:
    """A trial that has ended.

    Parameters
    ----------
    number : int
    state : {"complete", "pruned", "fail"}
    values : dict
        Objective -> value; empty unless it is complete.
    seconds : float
        How long it took.
    reason : str or None
        Why it failed.
    feasible : bool
        Whether it breaks no constraint.
    """

    number: int
    state: str
    values: dict[str, float]
    seconds: float
    reason: str | None
    feasible: bool


class Progress(ABC):
    """Hears of every trial.

    Parameters
    ----------
    objectives : sequence of Objective
        The first one decides which trial is the best so far.
    """

    def __init__(self, objectives: tuple[Objective, ...]):
        self._first = objectives[0]
        self._name, self._total, self._ended, self._failed = "", 0, 0, 0
        self._best: float | None = None
        self._reasons: dict[str, int] = {}  # why trials failed -> the first one that did

    def begin(self, name: str, total: int, counts: dict[str, int], best: float | None) -> None:
        """The search of study `name` starts from so many trials, the best first objective of which is `best`."""
        self._name, self._total, self._failed, self._best = name, total, counts["fail"], best
        self._ended = counts["complete"] + counts["fail"] + counts["pruned"]
        if self._ended or counts["running"]:
            again = f"; {counts['running']} that were running are taken up again" if counts["running"] else ""
            self.say(f"{name}: goes on from {self._ended} of {total} trials ({counts['fail']} failed){again}")
        else:
            self.say(f"{name}: {total} trials")

    @abstractmethod
    def say(self, text: str) -> None:
        """A line for the user."""

    @abstractmethod
    def begun(self, number: int) -> None:
        """A trial runs."""

    def ended(self, one: Ended) -> None:
        """A trial is complete, pruned or failed; one that breaks a constraint is not the best."""
        self._ended += 1
        if one.reason is not None:
            self._failed += 1
            first = self._reasons.setdefault(one.reason, one.number)
            same = f" for the same reason as trial {first}" if first != one.number else f": {one.reason}"
            self.say(f"trial {one.number} failed{same}")
            return
        value = one.values.get(self._first.name)
        if one.feasible and value is not None and (self._best is None or self._first.better(value, self._best)):
            self._best = value

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


class Lines(Progress):
    """One plain line for each trial that ends."""

    def say(self, text: str) -> None:
        """Write the line at once."""
        print(text, file=sys.stderr, flush=True)

    def begun(self, number: int) -> None:
        """Nothing: its end is said."""

    def ended(self, one: Ended) -> None:
        """Write its values."""
        super().ended(one)
        if one.reason is None:
            shown = "  ".join(f"{name} {shown_number(value)}" for name, value in one.values.items()) or one.state
            broken = "" if one.feasible else ", breaks a constraint"
            self.say(f"[{self._ended}/{self._total}] trial {one.number}: {shown}  ({one.seconds:.1f} s{broken})")


class Live(Progress):
    """A table that is drawn anew a few times a second."""

    def __init__(self, objectives: tuple[Objective, ...]):
        super().__init__(objectives)
        from rich.console import Console
        from rich.live import Live as RichLive

        self._names = [objective.name for objective in objectives]
        self._recent: deque[tuple[str, ...]] = deque(maxlen=SHOWN)
        self._running: dict[int, float] = {}
        self._live = RichLive(
            get_renderable=self._draw, console=Console(stderr=True), refresh_per_second=3, transient=True
        )

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Write the line above the table."""
        self._live.console.print(text, markup=False, highlight=False)

    def begun(self, number: int) -> None:
        """Show it as running."""
        self._running[number] = time.monotonic()

    def ended(self, one: Ended) -> None:
        """Show its values."""
        super().ended(one)
        self._running.pop(one.number, None)
        numbers = [shown_number(one.values[name]) if name in one.values else "" for name in self._names]
        state = "failed" if one.reason else one.state
        self._recent.append((str(one.number), state, *numbers, f"{one.seconds:.1f}"))

    def _draw(self) -> RenderableType:
        from rich.table import Table

        best = "" if self._best is None else f", best {self._first.name} {shown_number(self._best)}"
        table = Table(title=f"{self._name}: {self._ended} of {self._total} trials, {self._failed} failed{best}")
        for heading in ("trial", "state", *self._names, "seconds"):
            table.add_column(heading, justify="right" if heading != "state" else "left")
        for row in list(self._recent):
            table.add_row(*row)
        now = time.monotonic()
        for number, start in sorted(self._running.items()):
            table.add_row(str(number), "running", *[""] * len(self._names), f"{now - start:.1f}")
        return table


def make_progress(objectives: tuple[Objective, ...]) -> Progress:
    """The live table if standard error is a terminal that can show one, plain lines otherwise."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return Live(objectives)
    return Lines(objectives)
