"""Searches in virtual time: W workers evaluate a surface, what is asked and told is real."""

from __future__ import annotations

import heapq
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.benchmarks.space import Surface

LOOKS = 16  # times that the driver looks for results while a mean evaluation runs


@dataclass
class Clock:
    """Virtual seconds."""

    now: float = 0.0


class Side(ABC):
    """A sampler, as the simulation uses it."""

    @abstractmethod
    def ask(self, n: int) -> list[tuple[Any, dict[str, Any]]]:
        """So many suggestions: a token of the side's own, and values."""

    @abstractmethod
    def tell(self, results: list[tuple[Any, float]]) -> None:
        """Tokens with their observations, to be maximised."""


class OptunaSide(Side):
    """An Optuna study in memory.

    Parameters
    ----------
    surface : Surface
        Where it searches.
    sampler : optuna.samplers.BaseSampler
        Who suggests.
    """

    def __init__(self, surface: Surface, sampler: Any):
        import optuna

        self._surface = surface
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self, n: int) -> list[tuple[Any, dict[str, Any]]]:
        trials = [self.study.ask() for _ in range(n)]
        return [(trial, self._surface.suggest(trial)) for trial in trials]

    def tell(self, results: list[tuple[Any, float]]) -> None:
        for trial, value in results:
            self.study.tell(trial, value)


@dataclass
class Refits(Executor):
    """Refits whose result is there when the virtual clock has passed the CPU time that they took.

    Parameters
    ----------
    clock : Clock
        The simulation's.
    seconds : float
        CPU that all of them have taken so far.
    """

    clock: Clock
    seconds: float = 0.0
    _pending: list[tuple[float, Future, Any]] = field(default_factory=list)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        future: Future = Future()
        value = function(*args, **kwargs)
        self.seconds += value.seconds
        self._pending.append((self.clock.now + value.seconds, future, value))
        return future

    def settle(self) -> None:
        """Let what is over by now take effect."""
        for due, future, value in self._pending:
            if due <= self.clock.now:
                future.set_result(value)
        self._pending = [item for item in self._pending if not item[1].done()]


@dataclass(frozen=True)
class Contest:
    """A side with its clock.

    Parameters
    ----------
    side : Side
        Who suggests.
    clock : Clock
        Of this search.
    settle : callable
        Called whenever the clock has moved on.
    """

    side: Side
    clock: Clock = field(default_factory=Clock)
    settle: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Found:
    """What a search ended with.

    Parameters
    ----------
    best : float
        The score without noise of the configuration with the highest observation.
    evaluations : int
        How many ended in time.
    """

    best: float
    evaluations: int


def search(surface: Surface, contest: Contest, workers: int, seconds: float, noise: float, seed: int) -> Found:
    """Keep `workers` busy for so many virtual seconds.

    The driver looks for results every so often, tells those that are there and asks for as many.
    """
    side, clock = contest.side, contest.clock
    random = np.random.default_rng([seed, workers])
    look = surface.mean_seconds() / LOOKS
    running: list[tuple[float, int, Any, dict[str, Any]]] = []
    begun, ended, free, best = 0, 0, workers, (-np.inf, 0.0)
    while True:
        contest.settle()
        for token, values in side.ask(free):
            begun += 1
            end = clock.now + surface.seconds(values) * random.lognormal(0, 0.1)
            heapq.heappush(running, (end, begun, token, values))
        clock.now = look * math.ceil(running[0][0] / look)
        if clock.now > seconds:
            return Found(best[1], ended)
        told = []
        while running and running[0][0] <= clock.now:
            _, _, token, values = heapq.heappop(running)
            score = surface.score(values)
            observed = score + random.normal(0, noise)
            best = max(best, (observed, score))
            told.append((token, observed))
        side.tell(told)
        ended, free = ended + len(told), len(told)
