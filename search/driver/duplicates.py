"""Trials that suggest what an earlier trial has run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search.spec.objectives import OBJECTIVES
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan


class Repeats:
    """Ended trials by what was run: the same parameters and network, and all else that a score depends on.

    A trial whose data are not known, because an earlier version of the package ran it, is not among them.

    Parameters
    ----------
    plan : Plan
        What is run now.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self._same = ["task", "data", "backend", "dtype"]
        if any(objective.name not in OBJECTIVES for objective in plan.objectives):
            self._same.append("script")  # a function of the user's may have changed with it
        self._ended: dict[str, int] = {}

    def learn(self, trial: FrozenTrial) -> None:
        """A trial of an earlier start: kept if it was run as one would be run now."""
        record, origin = Record(trial), self._plan.origin()
        ended = ("COMPLETE", "PRUNED") if self._plan.prunes else ("COMPLETE",)
        if record.network is None or trial.state.name not in ended or not record.result:
            return
        if trial.state.name == "COMPLETE" and len(record.seeds) != self._plan.replicates:
            return
        if all(record.origin.get(name) == origin[name] for name in self._same):
            self.add(trial.number, trial.params, record.network)

    def add(self, number: int, params: Mapping[str, Any], network: str) -> None:
        """A trial has ended, complete or pruned."""
        self._ended.setdefault(_key(params, network), number)

    def find(self, params: Mapping[str, Any], network: str) -> int | None:
        """The first trial that was the same and has ended, if there is one. What is still running does not count."""
        return self._ended.get(_key(params, network))


def _key(params: Mapping[str, Any], network: str) -> str:
    text = json.dumps(params, sort_keys=True, default=repr) + network
    return hashlib.sha256(text.encode()).hexdigest()
