"""Who suggests the next trial."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


def make_sampler(sampler: BaseSampler | Callable[..., BaseSampler] | None, objectives: int, seed: int) -> BaseSampler:
    """The sampler of one start of a search.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler, callable or None
        A sampler is used as it is; a callable (such as the class `optuna.samplers.RandomSampler`) is called with
        `seed=`; None is TPE.
    objectives : int
        How many objectives the study has.
    seed : int
        Differs from start to start, lest a resumed search suggest again what it began with.
    """
    from optuna.samplers import BaseSampler

    if isinstance(sampler, BaseSampler):
        return sampler
    return sampler(seed=seed) if sampler is not None else _tpe(objectives, seed)


def _tpe(objectives: int, seed: int) -> BaseSampler:
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import TPESampler

    # Trials run in parallel: the liar keeps a new one away from those under way. With one objective, parameters are
    # drawn jointly in groups that occur together (conditional ones too); with several, Optuna advises one by one.
    joint = objectives == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, constant_liar=True, multivariate=joint, group=joint)
