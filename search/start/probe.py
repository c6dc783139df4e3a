"""A probe of a search space, which calls a study's function with random parameters."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FixedTrial

from search.spec.script import fault
from search.spec.spec import Plan
from snn.errors import nearest
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from numpy.random import Generator

DRAWS = 30  # how often `network(trial)` is tried to find out whether it ever asks for a parameter


class Misfit(Exception):
    """Parameters do not fit the space; its text says which and why."""


class Probe(FixedTrial):
    """A trial with given parameters that finds out what `network(trial)` asks for.

    Parameters
    ----------
    params : mapping
        Parameter -> value.
    number : int
        The trial's.
    fill : numpy.random.Generator, optional
        Draws values for parameters that are asked for and not given; without it they are misfits.
    """

    def __init__(self, params: Mapping[str, Any], number: int = 0, fill: Generator | None = None):
        super().__init__(dict(params), number)
        self._given = dict(params)
        self._fill = fill
        self.misfit = ""
        self.outside: tuple[str, BaseDistribution] | None = None  # a given value that its distribution does not have

    def run(self, plan: Plan) -> str:
        """Build the network; why the parameters do not fit, or nothing if they do."""
        import optuna

        try:
            call_user(plan.network, self)  # type: ignore[arg-type]  # as much of a trial as Optuna's FixedTrial is
        except Misfit:
            pass
        except optuna.TrialPruned:
            self.misfit = self.misfit or "network(trial) prunes them"
        except Exception as error:
            self.misfit = self.misfit or f"network(trial) fails: {fault(error, plan.script)}"
        left = [name for name in self._given if name not in self.params]
        return self.misfit or (f"`{left[0]}` is not asked for any more" if left else "")

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self._params:
            if self._fill is None:
                raise self._refuse(f"`{name}` is new")
            self._params[name] = draw(distribution, self._fill)
        elif not fits(distribution, self._params[name]):
            self.outside = self.outside or (name, distribution)
            raise self._refuse(f"`{name}` is now {describe(distribution)}")
        self._params[name] = distribution.to_external_repr(distribution.to_internal_repr(self._params[name]))
        return super()._suggest(name, distribution)

    def _refuse(self, why: str) -> Misfit:
        self.misfit = self.misfit or why
        return Misfit(why)


def misfits(plan: Plan, params: Mapping[str, Any]) -> list[str]:
    """Return the problems of parameters to enqueue, which are some or all of those that `network(trial)` asks for.

    The space is what `network(trial)` asks for, which may depend on the other parameters: it is tried with several
    values of these, and a name that it never asks for is taken for a mistake.
    """
    from numpy.random import default_rng

    random = default_rng(0)
    asked: set[str] = set()
    works = False
    for _ in range(DRAWS):
        probe = Probe(params, fill=random)
        probe.run(plan)
        works = works or not probe.misfit
        asked |= set(probe.distributions)
        if probe.outside is not None:
            name, space = probe.outside
            return [f"`{name}` to enqueue must be {describe(space)}, but is {params[name]!r}."]
        if set(params) <= asked:
            return []
    if not works:
        return [f"`network(trial)` must return a network for what is enqueued, but {probe.misfit}."]
    return [
        f"`network(trial)` must ask for what is enqueued, but never asked for {name!r}; {nearest(name, asked)}."
        for name in params
        if name not in asked
    ]


def fits(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a distribution has a value. A text or True is no number, though Optuna would convert it to one."""
    if isinstance(distribution, CategoricalDistribution):
        if not any(_same(value, option) for option in distribution.choices):
            return False
    elif not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return distribution._contains(distribution.to_internal_repr(value))  # no public form of the question
    except (ValueError, TypeError):
        return False


def _same(value: Any, choice: Any) -> bool:
    """Whether a value is a choice: 1, 1.0 and True are equal to Python, but True is not a number."""
    nan = isinstance(value, float) and isinstance(choice, float) and value != value and choice != choice
    return nan or (isinstance(value, bool) == isinstance(choice, bool) and value == choice)


def draw(distribution: BaseDistribution, random: Generator) -> Any:
    """A value of a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[random.integers(len(distribution.choices))]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    value = low + (high - low) * random.random()
    if step := getattr(distribution, "step", None):
        value = low + step * int((value - low) // step)
    return distribution.to_external_repr(value)


def describe(distribution: BaseDistribution) -> str:
    """A distribution in words."""
    if isinstance(distribution, CategoricalDistribution):
        return "one of " + ", ".join(map(repr, distribution.choices))
    step = getattr(distribution, "step", None)
    steps = f" in steps of {step:g}" if step is not None and step != 1 else ""
    return f"{distribution.low:g} to {distribution.high:g}{steps}"  # type: ignore[attr-defined]
