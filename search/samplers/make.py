"""Samplers by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import Executor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from snn.errors import nearest

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

# Workers above which the forest is the default: more trials, and suggestions that have to differ from one another.
MANY = 8

# Sampler -> what it is, for help and errors.
SAMPLERS = {
    "tpe": "tree-structured Parzen estimators, which learn from all trials",
    "forest": "extra trees, for many workers",
    "cmaes": "covariance matrix adaptation, for one objective and numbers without conditions",
    "nsgaii": "a genetic algorithm, for several objectives",
    "gp": "Gaussian processes, for trials of minutes: an ask takes seconds beyond 100 of them",
    "qmc": "quasi-random numbers, which spread evenly",
    "random": "independent random numbers",
}
NEEDS = {"cmaes": "cmaes", "gp": "torch"}  # packages of the extra `samplers`


def make_sampler(
    sampler: BaseSampler | Callable[..., BaseSampler] | str | None,
    objectives: int,
    seed: int,
    workers: int = 1,
    refits: Executor | None = None,
    fixed_seed: int | None = None,
) -> BaseSampler:
    """The sampler of one start of a search.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler, callable, str or None
        A sampler is used as it is; a callable (such as the class `optuna.samplers.RandomSampler`) is called with
        `seed=`; a text is one of `SAMPLERS`; None is `tpe` with up to 8 workers and `forest` with more.
    objectives : int
        How many objectives the study has.
    seed : int
        Differs from start to start, lest a resumed search suggest again what it began with.
    workers : int
        How many trials run at a time.
    refits : concurrent.futures.Executor, optional
        Where `forest` fits, instead of a thread of its own.
    fixed_seed : int, optional
        The same for every start: that of `random` and `qmc`, whose suggestions depend on the trial's number, or on how
        many there were, and on nothing else. Without one it is `seed`.

    Raises
    ------
    StudyError
        If there is no sampler of this name, it needs a package that is not installed, or it takes one objective only.
    """
    from optuna.samplers import BaseSampler

    if isinstance(sampler, BaseSampler):
        return sampler
    if sampler is None:
        sampler = "forest" if workers > MANY else "tpe"
    if not isinstance(sampler, str):
        return sampler(seed=seed)
    if problems := problems_with(sampler, objectives):
        raise StudyError(problems)
    if sampler == "forest":
        from search.samplers.forest import ForestSampler

        return ForestSampler(seed, refits=refits)
    return _optuna(sampler, objectives, seed, seed if fixed_seed is None else fixed_seed)


def problems_with(sampler: Any, objectives: int) -> list[str]:
    """Return the reasons why a sampler cannot be used, one sentence each."""
    from optuna.samplers import BaseSampler

    if sampler is None or isinstance(sampler, BaseSampler) or callable(sampler):
        return []
    if not isinstance(sampler, str):
        return [f"`sampler` must be a name, a sampler of Optuna's, or a function of `seed`, but is {sampler!r}."]
    if sampler not in SAMPLERS:
        return [f"`sampler` must be known, but is {sampler!r}; {nearest(sampler, SAMPLERS)}."]
    problems = []
    if sampler == "cmaes" and objectives > 1:
        problems.append(
            f"CMA-ES optimises one objective, but the study has {objectives}: use sampler 'nsgaii', 'tpe' or 'forest', "
            "or name one objective."
        )
    package = NEEDS.get(sampler)
    if package is not None and find_spec(package) is None:
        problems.append(
            f"Sampler {sampler!r} needs the package {package}, which is not installed: "
            "pip install 'snnsearch[samplers]'."
        )
    return problems


def _optuna(name: str, objectives: int, seed: int, fixed_seed: int) -> BaseSampler:
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        match name:
            case "tpe":
                # Trials run in parallel: the liar keeps a new one away from those under way. With one objective,
                # parameters are drawn jointly in groups that occur together (conditional ones too); with several,
                # Optuna advises one by one.
                joint = objectives == 1
                return samplers.TPESampler(seed=seed, constant_liar=True, multivariate=joint, group=joint)
            case "cmaes":
                return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
            case "nsgaii":
                return samplers.NSGAIISampler(seed=seed)
            case "gp":
                return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
            case "qmc":
                return samplers.QMCSampler(seed=fixed_seed, scramble=True, warn_independent_sampling=False)
            case _:
                from search.samplers.byindex import ByIndex

                return ByIndex(fixed_seed)
