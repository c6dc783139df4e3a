"""What a trial keeps in the storage, and how it is read back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search.objectives import Objective, measure

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from snn.result import Result

# User attributes of a trial. Few of them: each is one write that waits for the disk.
SEED, NETWORK, ORIGIN, RESULT, REASON = "seed", "network", "origin", "result", "reason"
FINAL = "final:"  # user attribute of the study, with the trial's number: Optuna closes a trial once it is told

SCORES = ("accuracy", "loss", "prequential_accuracy", "prequential_loss")
COSTS = ("spikes", "synaptic_operations", "weight_writes")
CURVE = 40  # points of the learning curve that are kept


def outcome(objectives: Sequence[Objective], result: Result, seconds: float) -> dict[str, Any]:
    """What is kept of a result: values in the order of the objectives, scores, costs, a short learning curve.

    Raises
    ------
    NotFinite
        If an objective is not a finite number.
    """
    values = measure(objectives, result)
    numbers = {name: plain(getattr(result, name)) for name in (*SCORES, *COSTS)}
    return {
        "values": values,
        **numbers,
        "peak_memory_bytes": result.peak_memory_bytes,
        "curve": short_curve(result),
        "seconds": round(seconds, 3),
        "builds": int(result.builds),
        "hashes": dict(result.hashes),
        "versions": dict(result.versions),
    }


def short_curve(result: Result) -> list[float | None]:
    """The prequential accuracy over a sliding window at about `CURVE` places, the last one included.

    In a task without labels it is the loss.
    """
    curve = result.prequential_curve(window=100) if result.labelled else result.loss_curve(window=100)
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
        """Where it came from: `script` (hash), `task` (JSON), `backend`, `dtype`."""
        return self.trial.user_attrs.get(ORIGIN, {})

    @property
    def result(self) -> dict[str, Any]:
        """What `outcome` kept; only `seconds` if it failed."""
        return self.trial.user_attrs.get(RESULT, {})

    @property
    def reason(self) -> str:
        """Why it failed."""
        return self.trial.user_attrs.get(REASON, "no reason was stored")

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """When it ran, in seconds since 1970."""
        end = self.trial.datetime_complete
        if end is None or "seconds" not in self.result:
            return None
        return end.timestamp() - self.result["seconds"], end.timestamp()

    def attrs(self, final: dict[str, Any] | None) -> dict[str, Any]:
        """What tables and JSON show of it besides values and parameters."""
        shown = {name: self.result.get(name) for name in (*SCORES, *COSTS, "peak_memory_bytes", "seconds", "builds")}
        origin = {name: self.origin.get(name) for name in ("backend", "dtype", "script")}
        test = {name: (final or {}).get(name) for name in ("test_accuracy", "test_loss")}
        return {"seed": self.seed, **test, **shown, **origin}
