"""A trial under way: its network, and how far each of its replicates has come."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from search.analysis.outcome import outcome, plain, reached
from search.spec.rungs import ending, scores
from snn.errors import SNNError

if TYPE_CHECKING:
    import optuna

    from search.spec.job import Ran
    from search.spec.spec import Plan
    from snn.results.result import Result


def network_of(plan: Plan, trial: optuna.Trial) -> str:
    """JSON of the network that the user's function makes of a trial.

    Raises
    ------
    SNNError
        If it makes none.
    """
    from snn.network.builder import Network, freeze
    from snn.network.spec import NetworkSpec

    network = plan.network(trial)
    if not isinstance(network, Network | NetworkSpec):
        raise SNNError(f"it must return a snn.Network, but returned {network!r}.")
    return freeze(network).to_json()


@dataclass
class Replicate:
    """One seed of a trial.

    Parameters
    ----------
    seed : int
    result : Result or None
        What it has given so far, without its state, its weights and what it recorded unless it is at its end.
    after : bytes or None
        The same whole, to go on from.
    """

    seed: int
    result: Result | None = None
    after: bytes | None = None

    @property
    def spent(self) -> float:
        """Seconds that it has run, without what was spent on compiling."""
        return 0.0 if self.result is None else self.result.run_seconds

    def reached(self, result: Result, after: bytes | None) -> None:
        """Record a partial result of the replicate."""
        slim = replace(result, state=None, weights={}, recordings={})
        self.result, self.after = result if after is None else slim, after

    def forget(self) -> None:
        """Begin anew."""
        self.result = self.after = None


@dataclass
class Underway:
    """A trial under way.

    All its replicates run each rung before any runs the next, but for the first rung, which the first runs alone: what
    is pruned there has cost one seed. The others then run the first two in one.

    Parameters
    ----------
    trial : optuna.Trial
    network : str
        JSON of its network.
    plan : Plan
    replicates : list of Replicate
    began : float
        When this start of the search took it up, on the monotonic clock.
    earlier : float
        Seconds that earlier starts had it under way, up to the last rung that they have kept.
    runs : list of (worker, began, ended)
        What has run of it, in earlier starts too; seconds since 1970.
    """

    trial: optuna.Trial
    network: str
    plan: Plan
    replicates: list[Replicate]
    began: float = field(default_factory=time.monotonic)
    earlier: float = 0.0
    runs: list[list[Any]] = field(default_factory=list)
    futures: set[Future[Ran]] = field(default_factory=set)
    goal: int = 1
    over: bool = False

    @property
    def number(self) -> int:
        """The trial's."""
        return self.trial.number

    @property
    def seconds(self) -> float:
        """The seconds that it has been under way, in all starts."""
        return self.earlier + time.monotonic() - self.began

    @property
    def last(self) -> bool:
        """Whether its goal is the last rung."""
        return self.goal == len(self.plan.ends)

    @property
    def alone(self) -> bool:
        """Whether the first replicate runs alone."""
        return self.goal == 1 and not self.last

    def active(self) -> list[Replicate]:
        """The replicates that are to reach the goal."""
        return self.replicates[:1] if self.alone else self.replicates

    def due(self) -> list[Replicate]:
        """Those of them that have not reached it."""
        return [replicate for replicate in self.active() if self._done(replicate) < self.goal]

    def _done(self, replicate: Replicate) -> int:
        """Count the rungs that a replicate has completed."""
        seen = 0 if replicate.result is None else len(replicate.result.stream)
        return sum(ending(end, self.plan.streamed) <= seen for end in self.plan.ends)

    def aim(self) -> None:
        """Set the goal after an earlier start's replicates have been taken up: the last rung that one has reached."""
        self.goal = max([1, *map(self._done, self.replicates)])

    def results(self) -> list[Result]:
        """Return the latest results of the replicates that have begun."""
        return [replicate.result for replicate in self.replicates if replicate.result is not None]

    def rungs(self) -> list[float]:
        """The prequential score at the end of each rung behind it, the mean over replicates that have run it."""
        plan = self.plan
        each = [scores(result.stream, plan.streamed, plan.ends, plan.by_loss) for result in self.results()]
        most = max((len(one) for one in each), default=0)
        means = [float(np.mean([one[rung] for one in each if len(one) > rung])) for rung in range(most)]
        # The first rung is judged by the first replicate alone.
        return [each[0][0], *means[1:]] if len(plan.ends) > 1 and means else means

    def kept(self) -> dict[str, Any]:
        """Return the result that is stored at its end.

        Raises
        ------
        NotFinite
            See `search.analysis.outcome.outcome`.
        """
        results, plan = self.results(), self.plan
        rungs = [plain(score) for score in self.rungs()]  # before a user's function sees the results
        kept = outcome(plan.objectives, results, plan.constraints) if self.last else reached(results)
        return kept | {
            "rungs": rungs,
            "upto": plan.ends[self.goal - 1],
            "samples": self.samples(),
            "runs": self.runs,
            "seconds": round(self.seconds, 3),
        }

    def samples(self) -> int:
        """Samples that it has cost: those streamed, and those validated."""
        validated = [result.validation for result in self.results() if result.validation is not None]
        return sum(len(result.stream) for result in self.results()) + sum(map(len, validated))
