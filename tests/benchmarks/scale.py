"""The driver with thousands of workers, in virtual time: ``python -m tests.benchmarks.scale``.

The driver, its storage (a journal in a temporary folder) and its sampler are real; workers are virtual. A trial takes
30-90 virtual seconds, and the virtual clock also advances by the CPU that the driver uses, so workers that wait for a
slow driver are idle. What workers compute does not count as the driver's, nor do fits of the sampler's forest, which a
thread of its own does: a fit takes effect when the clock has passed its CPU time.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from search.driver.driver import Driver
from search.driver.progress import Ended, Progress
from search.execution.executor import Executor
from search.samplers import make_sampler
from search.spec.job import Job, Ran
from search.spec.script import Script
from search.start.opening import begin
from search.study import Study
from tests.benchmarks.virtual import Clock, Refits
from tests.support.postgres import server
from tests.support.synthetic import Bowl, network

SECONDS = (30.0, 90.0)  # of a whole trial
WINDOW = 50  # trials before and after one that its CPU is averaged over


@dataclass
class DriverClock(Clock):
    """Virtual seconds, which the driver's CPU is part of."""

    cpu: float = 0.0  # of the driver so far
    _mark: float = field(default_factory=time.thread_time)

    def tick(self) -> None:
        """Add what the driver has used since it was last looked at."""
        used = time.thread_time() - self._mark
        self.now, self.cpu, self._mark = self.now + used, self.cpu + used, self._mark + used

    @contextmanager
    def others(self) -> Iterator[None]:
        """What is done here is not the driver's work."""
        self.tick()
        try:
            yield
        finally:
            self._mark = time.thread_time()


class Workers(Executor):
    """Workers whose jobs end in virtual time.

    Parameters
    ----------
    workers : int
        How many.
    clock : DriverClock
        The simulation's.
    task : Bowl
        What they compute, in no time of the driver's.
    """

    def __init__(self, workers: int, clock: DriverClock, task: Bowl):
        super().__init__(workers)
        self.busy = 0.0  # seconds of all workers, in jobs that have ended
        self._clock = clock
        self._task = task
        self._random = np.random.default_rng(0)
        self._order = itertools.count()
        self._running: list[tuple[float, int, float, Job, Future]] = []
        self._free = [0.0] * workers  # when each worker is
        self._reached: dict[int, float] = {}  # by seed, what is done of a trial's stream
        self._waiting = 0  # results that the driver has not looked at

    def submit(self, job: Job) -> Future:
        """The first worker that is free begins, at once or when it is."""
        self._clock.tick()
        future: Future = Future()
        began = max(self._clock.now, heapq.heappop(self._free))
        end = began + self._seconds(job)
        heapq.heappush(self._free, end)
        heapq.heappush(self._running, (end, next(self._order), began, job, future))
        return future

    def stop(self) -> None:
        """Nothing runs."""

    def _seconds(self, job: Job) -> float:
        before = self._reached.get(job.seed, 0.0)
        self._reached[job.seed] = job.upto
        return self._random.uniform(*SECONDS) * (job.upto - before)

    def deliver(self) -> None:
        """Let all end that is due by now; if the driver has nothing else to do, wait for the next one."""
        self._clock.tick()
        self._waiting = max(0, self._waiting - 1)
        if not self._waiting and self._running:
            self._clock.now = max(self._clock.now, self._running[0][0])
        while self._running and self._running[0][0] <= self._clock.now:
            end, _, began, job, future = heapq.heappop(self._running)
            self.busy += end - began
            self._waiting += 1
            with self._clock.others():
                result = job.run(task=self._task)
            future.set_result(Ran(result, "worker", began, end))

    def utilisation(self) -> float:
        """Share of the workers' time so far in which they were busy."""
        now = self._clock.now
        running = sum(max(0.0, min(now, end) - began) for end, _, began, _, _ in self._running)
        return (self.busy + running) / (self.workers * now)


class VirtualDriver(Driver):
    """The driver, which lets virtual time pass where it waits."""

    deliver: Callable[[], None]
    settle: Callable[[], None]

    def _next(self, timeout: float = 0.0) -> None:
        self.deliver()
        self.settle()
        super()._next(timeout)


class Quiet(Progress):
    """Counts, and remembers the driver's CPU at the end of each trial."""

    def __init__(self, objectives, clock: DriverClock, workers: Workers, total: int):
        super().__init__(objectives)
        self.cpu: list[float] = []
        self.utilisation = 0.0
        self._clock, self._workers, self._until = clock, workers, total - workers.workers

    def say(self, text: str) -> None:
        """Nothing."""

    def begun(self, number: int) -> None:
        """Nothing."""

    def ended(self, one: Ended) -> None:
        """Note the time; once no trial is left to begin, what workers do no longer counts."""
        super().ended(one)
        self._clock.tick()
        self.cpu.append(self._clock.cpu)
        if len(self.cpu) == self._until:
            self.utilisation = self._workers.utilisation()


class OwnTime(Refits):
    """Fits that are not the driver's work."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Run one; its result is there once its CPU time has passed."""
        assert isinstance(self.clock, DriverClock)
        with self.clock.others():
            return super().submit(function, *args, **kwargs)


@contextmanager
def storage(postgresql: bool) -> Iterator[str]:
    """A journal in a temporary folder, or a database of a server of our own."""
    if postgresql:
        with server() as running:
            yield running.url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"{folder}/scale.journal"


def measure(workers: int, trials: int, sampler: str, pruner: str, postgresql: bool) -> dict[str, Any]:
    """One search."""
    with storage(postgresql) as where, tempfile.TemporaryDirectory() as folder:
        clock = DriverClock()
        refits = OwnTime(clock)
        task = Bowl()
        chosen = make_sampler(sampler, 1, 0, workers, refits)
        study = Study(network, task=task, sampler=chosen, pruner=pruner)
        plan = study.plan(Script("scale", Path(folder), ""), name="scale", storage=where)
        executor = Workers(workers, clock, task)
        progress = Quiet(plan.objectives, clock, executor, trials)
        driver = VirtualDriver(plan, begin(plan, progress.say), executor, progress)
        driver.deliver, driver.settle = executor.deliver, refits.settle
        clock._mark = time.thread_time()
        driver.search(trials)
    return {
        "utilisation": round(progress.utilisation, 4),
        "driver_cpu_ms_per_trial": {
            str(number): round(1e3 * around(progress.cpu, number), 2)
            for number in (100, 1000, 10000)
            if number + WINDOW <= trials
        },
        "mean_driver_cpu_ms_per_trial": round(1e3 * clock.cpu / trials, 2),
        "fits_cpu_seconds": round(refits.seconds, 1),
        "virtual_seconds": round(clock.now, 1),
    }


def around(cpu: list[float], number: int) -> float:
    """CPU seconds a trial around one of them."""
    first, last = max(0, number - WINDOW), number + WINDOW
    return (cpu[last - 1] - cpu[first]) / (last - 1 - first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--workers", type=int, default=2000, help="how many (default 2000)")
    parser.add_argument("--trials", type=int, default=20000, help="how many, more than workers (default 20000)")
    parser.add_argument("--sampler", default="forest", help="as in make_sampler (default forest)")
    parser.add_argument("--pruner", default="none", help="as in Study (default none: trials of 30-90 s in four rungs)")
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL server of our own, not a journal")
    given = parser.parse_args()
    if given.trials <= given.workers:
        parser.error(f"--trials must be above --workers, but is {given.trials} with {given.workers} workers")
    found = measure(given.workers, given.trials, given.sampler, given.pruner, given.postgresql)
    if given.json:
        print(json.dumps({"workers": given.workers, "trials": given.trials, **found}))
        return
    print(f"workers busy {found['utilisation']:.1%} of the time until the last trial began")
    for number, cost in found["driver_cpu_ms_per_trial"].items():
        print(f"driver at trial {number:>6}: {cost:.1f} ms of CPU a trial")


if __name__ == "__main__":
    main()
