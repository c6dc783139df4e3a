"""The Pareto front of a study, in less time than Optuna takes, which copies every trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial


def pareto(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> list[FrozenTrial]:
    """The complete trials that violate no constraint and that no other such trial dominates, in the order given."""
    from optuna.study import StudyDirection

    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    complete = [trial for trial in complete if all(value <= 0 for value in trial.constraints.values())]
    if not complete:
        return []
    signs = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions]
    losses = np.array([trial.values for trial in complete], float) * signs
    front = np.empty((0, losses.shape[1]))
    on_front = np.zeros(len(complete), bool)
    # In this order a trial can only be dominated by one before it, and then by one of the front.
    for index in np.lexsort(losses.T[::-1]):
        one = losses[index]
        if not ((front <= one).all(axis=1) & (front < one).any(axis=1)).any():
            on_front[index] = True
            front = np.vstack([front, one])
    return [trial for trial, member in zip(complete, on_front, strict=True) if member]
