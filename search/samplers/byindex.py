"""Random suggestions that depend on the trial's number only, not on restarts, workers or the order of results."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial


class ByIndex(BaseSampler):
    """Uniform over each parameter's range, drawn from (seed, trial number, parameter name).

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int):
        self._seed = seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing: each parameter is drawn by itself."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict:
        """Nothing."""
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        """One value."""
        words = np.random.SeedSequence([self._seed, trial.number, crc32(name.encode())]).generate_state(1)
        return RandomSampler(seed=int(words[0])).sample_independent(study, trial, name, distribution)
