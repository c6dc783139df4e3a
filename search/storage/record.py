"""What a trial keeps in the storage, and how it is read back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from search.constraints import Constraint
from search.objectives import Objective, check_finite, measured
from snn.profile import largest

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from snn.result import Result

# User attributes of a trial. Few of them: each is one write that waits for the disk.
SEED, NETWORK, ORIGIN, RESULT, REASON = "seed", "network", "origin", "result", "reason"
WARM = "warm_start"  # of a trial that ran in another study, "name#number" there; of a study: from which it was warmed
FINAL = "final:"  # user attribute of the study, with the trial's number: Optuna closes a trial once it is told

SCORES = ("accuracy", "loss", "prequential_accuracy", "prequential_loss")
COSTS = ("spikes", "synaptic_operations", "weight_writes", "energy_j", "memory_bits", "settling_time_ms")
SOMETIMES = ("spread", "same_as", "samples", "constraints")
CURVE = 40  # points of the learning curve that are kept


def outcome(
    objectives: Sequence[Objective], results: Sequence[Result], constraints: Sequence[Constraint] = ()
) -> dict[str, Any]:
    """What is kept of a complete trial: values in the order of the objectives, by how much it breaks the constraints,
    scores, costs, a short learning curve.

    All of them are means over its replicates, of which each keeps its seed and values.

    Raises
    ------
    NotFinite
        If an objective is not a finite number, or what is constrained is none.
    """
    ours = reached(results)  # before a user's function sees the results
    numbers = measured([*objectives, *(one.objective for one in constraints)], results)
    each = [[numbers[objective.name][place] for objective in objectives] for place in range(len(results))]
    for values in each:
        check_finite(objectives, values)
    kept: dict[str, Any] = {"values": np.mean(each, axis=0).tolist() if len(each) > 1 else each[0]}
    if len(each) > 1:
        kept["replicates"] = [{"seed": r.seed, "values": v} for r, v in zip(results, each, strict=True)]
        kept["spread"] = np.std(each, axis=0, ddof=1).tolist()
    if constraints:
        means = {one: float(np.mean(numbers[one.name])) for one in constraints}
        kept["constraints"] = {str(one): one.violation(value) for one, value in means.items()}
    return kept | ours


def reached(results: Sequence[Result]) -> dict[str, Any]:
    """What is kept of a trial that ended anywhere: what it has reached, and where it came from."""
    first = results[0]
    peaks = [result.peak_memory_bytes for result in results]
    return {
        **{name: mean(getattr(result, name) for result in results) for name in (*SCORES, *COSTS)},
        "peak_memory_bytes": largest(*peaks),
        "curve": short_curve(results),
        "builds": sum(int(result.builds) for result in results),
        "hashes": dict(first.hashes),
        "versions": dict(first.versions),
    }


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of numbers that JSON can hold: NaN and infinity, or nothing, become null."""
    numbers = [plain(value) for value in values]
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if known and len(known) == len(numbers) else None


def short_curve(results: Sequence[Result]) -> list[float | None]:
    """The prequential accuracy over a sliding window at about `CURVE` places, the last one included.

    In a task without labels it is the loss. The mean over results, as far as all of them went.
    """
    curves = [r.prequential_curve(window=100) if r.labelled else r.loss_curve(window=100) for r in results]
    shortest = min(map(len, curves))
    curve = np.mean([one[:shortest] for one in curves], axis=0)
    step = max(1, math.ceil(len(curve) / CURVE))
    return [plain(value, 5) for value in curve[::-1][::step][::-1]]


def plain(value: Any, digits: int | None = None) -> float | None:
    """A number that JSON can hold: NaN and infinity become null, and nothing stays nothing."""
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if digits is None else round(number, digits)


def is_warm(trial: FrozenTrial) -> bool:
    """Whether it was added from another study: it ran there, and does not count here."""
    return WARM in trial.user_attrs


@dataclass(frozen=True)
class Record:
    """One trial as stored.

    Parameters
    ----------
    trial : FrozenTrial
        Optuna's trial.
    """

    trial: FrozenTrial

    @property
    def seed(self) -> int | None:
        """Seed of its run."""
        return self.trial.user_attrs.get(SEED)

    @property
    def network(self) -> str | None:
        """JSON of its network, None if `network(trial)` failed."""
        return self.trial.user_attrs.get(NETWORK)

    @property
    def origin(self) -> dict[str, Any]:
        """Where it came from: `script` (hash), `task` (JSON), `data` (hash, or not there if an earlier version of the
        package ran it), `backend`, `dtype`.
        """
        return self.trial.user_attrs.get(ORIGIN, {})

    @property
    def repeatable(self) -> bool:
        """Whether all is stored that it takes to run it again; a repaired journal may have lost some."""
        return self.network is not None and self.seed is not None and bool(self.origin)

    @property
    def seeds(self) -> list[int]:
        """Seeds of its replicates; one as a rule."""
        first = [] if self.seed is None else [self.seed]
        return [replicate["seed"] for replicate in self.result.get("replicates", [])] or first

    @property
    def result(self) -> dict[str, Any]:
        """What `outcome` kept, `reached` if it was pruned, and how it ran, in all starts of its driver; only `seconds`
        if it failed.
        """
        return self.trial.user_attrs.get(RESULT, {})

    @property
    def reason(self) -> str:
        """Why it failed."""
        return self.trial.user_attrs.get(REASON, "no reason was stored")

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """When it ran, in seconds since 1970; of a trial that was taken up again, as if it had run in one piece."""
        end = self.trial.datetime_complete
        if end is None or "seconds" not in self.result:
            return None
        return end.timestamp() - self.result["seconds"], end.timestamp()

    def attrs(self, final: dict[str, Any] | None) -> dict[str, Any]:
        """What tables and JSON show of it besides values and parameters."""
        shown = {name: self.result.get(name) for name in (*SCORES, *COSTS, "peak_memory_bytes", "seconds", "builds")}
        shown |= {name: self.result[name] for name in SOMETIMES if name in self.result}
        origin = {name: self.origin.get(name) for name in ("backend", "dtype", "script", "data")}
        test = {name: (final or {}).get(name) for name in ("test_accuracy", "test_loss")}
        return {"seed": self.seed, **test, **shown, **origin}
