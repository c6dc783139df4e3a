"""DeepHyper's centralised Bayesian optimisation on a surface, as its documentation writes it, but for two things.

Its candidates are drawn by arrays instead of one at a time, from the same distribution (a test compares them): that is
most of its cost. And it takes the best of 10,000 random candidates, not what a genetic algorithm makes of them (the
default), which takes it seven CPU seconds per suggestion where this takes a fraction of one.
"""

from __future__ import annotations

import tempfile
import warnings
from typing import Any

import numpy as np

from tests.benchmarks.space import Parameter, Surface
from tests.benchmarks.virtual import Side


class DeepHyperSide(Side):
    """CBO: a forest of extra trees, and a different exploration weight per suggestion of a batch (qUCBd).

    Parameters
    ----------
    surface : Surface
        Where it searches.
    seed : int
        Of the search.
    """

    def __init__(self, surface: Surface, seed: int):
        from ConfigSpace import InCondition
        from deephyper.hpo import CBO, HpProblem

        problem = HpProblem()
        made: dict[str, Any] = {}
        for parameter in surface.parameters:
            made[parameter.name] = problem.add_hyperparameter(_domain(parameter), parameter.name)
        for parameter in surface.parameters:
            if parameter.when is not None:
                parent, values = parameter.when
                problem.add_condition(InCondition(made[parameter.name], made[parent], list(values)))
        self._surface = surface
        self._folder = tempfile.TemporaryDirectory()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._search = CBO(
                problem, random_state=seed, log_dir=self._folder.name, surrogate_model="ET", acq_func="UCBd",
                multi_point_strategy="qUCBd", acq_optimizer="sampling",
            )  # fmt: skip
            self._search._setup_optimizer()
        optimizer = self._search._opt
        bounds = {dimension.name: dimension.bounds[0] for dimension in optimizer.space.dimensions}
        self._names = optimizer.space.dimension_names
        optimizer.space.rvs = lambda n_samples=1, random_state=None, n_jobs=1: draw(
            surface, self._names, bounds, n_samples, random_state
        )

    def ask(self, n: int) -> list[tuple[Any, dict[str, Any]]]:
        asked = []
        for given in self._search.ask(n):
            values: dict[str, Any] = {}
            for parameter in self._surface.parameters:
                if parameter.active(values):
                    values[parameter.name] = given[parameter.name]
            asked.append((given, values))
        return asked

    def tell(self, results: list[tuple[Any, float]]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._search.tell([(given, float(value)) for given, value in results])


def _domain(parameter: Parameter) -> Any:
    if parameter.choices:
        return list(parameter.choices)
    bounds = (parameter.low, parameter.high)
    return (*bounds, "log-uniform") if parameter.log else bounds


def draw(surface: Surface, names: list[str], absent: dict[str, Any], size: int, random) -> list[list[Any]]:
    """Random configurations in DeepHyper's order of parameters; those that do not exist have the value `absent`."""
    columns: dict[str, np.ndarray] = {}
    active: dict[str, np.ndarray] = {}
    for p in surface.parameters:
        if p.choices:
            drawn = np.array(p.choices, object)[random.randint(len(p.choices), size=size)]
        elif p.integer:  # a whole number has the share that lies between it and the next one
            ends = np.array([p.low, p.high + 1])
            low, high = np.log(ends) if p.log else ends
            drawn = random.uniform(low, high, size)
            drawn = np.clip(np.floor(np.exp(drawn) if p.log else drawn), p.low, p.high).astype(int).astype(object)
        else:
            low, high = np.log([p.low, p.high]) if p.log else (p.low, p.high)
            drawn = random.uniform(low, high, size)
            drawn = np.clip(np.exp(drawn) if p.log else drawn, p.low, p.high).astype(object)
        active[p.name] = np.ones(size, bool)
        if p.when is not None:
            parent, values = p.when
            active[p.name] = active[parent] & np.isin(columns[parent], np.array(values, object))
        columns[p.name] = np.where(active[p.name], drawn, absent[p.name])
    return [list(row) for row in zip(*(columns[name].tolist() for name in names), strict=True)]
