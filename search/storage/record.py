"""The record of a trial: the reader of its stored attributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search.storage.attributes import NETWORK, ORIGIN, REASON, RESULT, SEED, WARM

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


SCORES = ("accuracy", "loss", "prequential_accuracy", "prequential_loss")
COSTS = ("spikes", "synaptic_operations", "weight_writes", "energy_j", "memory_bits", "settling_time_ms")
SOMETIMES = ("spread", "same_as", "samples", "constraints")


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
        """JSON of its network as this version writes it, None if `network(trial)` failed."""
        from snn.network.upgrade import upgraded

        text = self.trial.user_attrs.get(NETWORK)
        return None if text is None else upgraded(text)

    @property
    def origin(self) -> dict[str, Any]:
        """Its origin: `script` (hash), `task` (JSON), `data` (hash, absent if an earlier version of the package ran
        it), `backend`, `dtype`.
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
        """The result: of a complete trial that of `outcome`, of a pruned one that of `reached`, with the runs of all
        starts of its driver; only `seconds` of a failed one.
        """
        return self.trial.user_attrs.get(RESULT, {})

    @property
    def reason(self) -> str:
        """Why it failed."""
        return self.trial.user_attrs.get(REASON, "no reason was stored")

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """Begin and end in seconds since 1970. A trial that was taken up again counts as if it had run in one piece."""
        end = self.trial.datetime_complete
        if end is None or "seconds" not in self.result:
            return None
        return end.timestamp() - self.result["seconds"], end.timestamp()

    def attrs(self, final: dict[str, Any] | None) -> dict[str, Any]:
        """Return the entries that tables and JSON show besides values and parameters."""
        shown = {name: self.result.get(name) for name in (*SCORES, *COSTS, "peak_memory_bytes", "seconds", "builds")}
        shown |= {name: self.result[name] for name in SOMETIMES if name in self.result}
        origin = {name: self.origin.get(name) for name in ("backend", "dtype", "script", "data")}
        test = {name: (final or {}).get(name) for name in ("test_accuracy", "test_loss")}
        return {"seed": self.seed, **test, **shown, **origin}
