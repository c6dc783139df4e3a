"""A storage in memory that shows Optuna's pruners no failed trials."""

from __future__ import annotations

from collections.abc import Container

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState


class Unfailed(InMemoryStorage):
    """Lists all trials but the failed ones.

    Successive halving and Hyperband rank every trial that has reached a rung, whatever became of it. A trial that is
    not listed is not ranked.
    """

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials of a study that have not failed."""
        found = super().get_all_trials(study_id, deepcopy, states)
        return [trial for trial in found if trial.state != TrialState.FAIL]
