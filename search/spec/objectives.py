"""Objectives of a search: names of numbers of a result, or functions of the result, with a direction."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from search.errors import StudyError
from snn.errors import NotFinite, nearest
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from snn.results.result import Result

Direction = Literal["maximize", "minimize"]
DIRECTIONS = ("maximize", "minimize")
NEEDS = ("settling",)
"""Flags of `Task.run` that an objective can ask for."""


@dataclass(frozen=True)
class Objective:
    """One number to optimise.

    Made by name or from a function: ``objectives=["accuracy", Objective.of(my_function, "maximize")]``.

    Parameters
    ----------
    name : str
        How tables, storage and the command line call it.
    direction : {"maximize", "minimize"}
        Which end is good.
    measure : callable
        Result -> float.
    unit : str
        What one unit of it is.
    labels : bool
        Whether only tasks with labels have it.
    held_out : bool
        Whether only tasks that hold a validation part out have it.
    needs : frozenset of str
        What `Task.run` must be asked for, by the names of its flags: ``{"settling"}``.
    """

    name: str
    direction: Direction
    measure: Callable[[Result], float]
    unit: str = ""
    labels: bool = False
    held_out: bool = False
    needs: frozenset[str] = frozenset()

    @staticmethod
    def of(
        function: Callable[[Result], float],
        direction: Direction = "minimize",
        name: str | None = None,
        unit: str = "",
        needs: Iterable[str] = (),
    ) -> Objective:
        """A function of the result as an objective.

        Parameters
        ----------
        function : callable
            `function(result)` takes a `snn.Result` and returns a finite number. It is called where the search runs,
            whatever the workers are.
        direction : {"minimize", "maximize"}, default "minimize"
            Which end is good.
        name : str, optional
            A plain word of its own; the function's name by default. A lambda needs one.
        unit : str, default ""
            What one unit of it is.
        needs : iterable of str, default ()
            ``["settling"]`` if it reads `result.settling_time_ms`.

        Raises
        ------
        StudyError
            If something of this is wrong; it lists everything that is.
        """
        named = getattr(function, "__name__", None) if name is None else name
        if problems := _problems(function, direction, named, needs):
            raise StudyError(problems)
        return Objective(str(named), direction, function, unit, needs=frozenset(needs))

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`."""
        return value > other if self.direction == "maximize" else value < other

    def value(self, result: Result) -> float:
        """Its value, which may be infinite or not a number.

        Raises
        ------
        StudyError
            If the result does not have it, or the function returned no number.
        RunError
            If the function raised an error that would end the process, such as SystemExit.
        """
        value = call_user(self.measure, result)
        if value is None and self.name in OBJECTIVES:
            asked = " and ".join(f"{flag}=True" for flag in sorted(self.needs))
            raise StudyError(f"`{self.name}` was not measured{f': run the task with {asked}' if asked else ''}.")
        try:
            if not isinstance(value, str):  # float() would read it
                return float(value)
        except (TypeError, ValueError):
            pass
        raise StudyError(f"`{self.name}` must return a number, but returned {value!r}.")


def _problems(function: Any, direction: Any, name: Any, needs: Iterable[str]) -> list[str]:
    if not callable(function):
        return [f"An objective must be a name or a function of the result, but is {function!r}."]
    problems = []
    if name is None or name == "<lambda>":
        problems.append(
            "An objective must have a name, but a lambda and the like have none: "
            "write Objective.of(function, name='my_cost')."
        )
    elif not isinstance(name, str) or not name.isidentifier():
        problems.append(f"An objective's name must be a plain word such as 'my_cost', but is {name!r}.")
    elif name in OBJECTIVES:
        problems.append(f"{name!r} is the name of an objective already: give your function another name.")
    if direction not in DIRECTIONS:
        problems.append(f"`direction` must be known, but is {direction!r}; {nearest(str(direction), DIRECTIONS)}.")
    if unknown := [flag for flag in needs if flag not in NEEDS]:
        problems.append(f"`needs` must name what a run can be asked for, but has {unknown}; {nearest('', NEEDS)}.")
    return problems


def _named(
    name: str,
    direction: Direction,
    unit: str,
    labels: bool = False,
    held_out: bool = False,
    needs: Iterable[str] = (),
) -> Objective:
    return Objective(name, direction, attrgetter(name), unit, labels, held_out, frozenset(needs))


OBJECTIVES = {
    objective.name: objective
    for objective in (
        _named("accuracy", "maximize", "of the validation part", labels=True, held_out=True),
        _named("loss", "minimize", "mean over the validation part", held_out=True),
        _named("prequential_accuracy", "maximize", "of the stream", labels=True),
        _named("prequential_loss", "minimize", "mean over the stream"),
        _named("spikes", "minimize", "per streamed sample"),
        _named("synaptic_operations", "minimize", "per streamed sample"),
        _named("weight_writes", "minimize", "per streamed sample"),
        _named("energy_j", "minimize", "joules per streamed sample, estimated"),
        _named("memory_bits", "minimize", "bits that the network keeps"),
        _named(
            *("settling_time_ms", "minimize", "ms into a validation sample"),
            labels=True,
            held_out=True,
            needs=["settling"],
        ),
    )
}


def make_objective(item: str | Objective | Callable[[Result], float]) -> Objective:
    """The objective that a name or a function stands for; a bare function is minimised.

    Raises
    ------
    StudyError
        If the name is unknown, or the function has none of its own.
    """
    if isinstance(item, Objective):
        own = _problems(item.measure, item.direction, item.name, item.needs)
        if item is not OBJECTIVES.get(item.name) and own:
            raise StudyError(own)
        return item
    if isinstance(item, str):
        if item not in OBJECTIVES:
            raise StudyError(f"`objectives` must be known names, but has {item!r}; {nearest(item, OBJECTIVES)}.")
        return OBJECTIVES[item]
    return Objective.of(item)


def problems_with(items: Sequence[str | Objective | Callable[[Result], float]]) -> list[str]:
    """Return all problems of a list of objectives, one sentence each."""
    if isinstance(items, str) or not isinstance(items, Sequence):
        return [f"`objectives` must be a list of names or functions, but is {items!r}: write objectives=['accuracy']."]
    if not items:
        return [f"`objectives` must name at least one objective, but is empty; {nearest('', OBJECTIVES)}."]
    problems: list[str] = []
    names: list[str] = []
    for item in items:
        try:
            names.append(make_objective(item).name)
        except StudyError as error:
            problems += error.problems
    twice = sorted({name for name in names if names.count(name) > 1})
    return problems + [f"`objectives` must name each objective once, but has {name!r} twice." for name in twice]


def needs(objectives: Iterable[Objective]) -> frozenset[str]:
    """Return the flags of `Task.run` that the objectives need."""
    return frozenset().union(*(objective.needs for objective in objectives))


def measured(objectives: Iterable[Objective], results: Sequence[Result]) -> dict[str, list[float]]:
    """Values of each objective by its name, one a result. Those of a user's functions are taken last.

    Raises
    ------
    StudyError
        If one was not measured, or is no number.
    """
    ordered = sorted(objectives, key=lambda objective: OBJECTIVES.get(objective.name) is not objective)
    found: dict[str, list[float]] = {}
    for objective in ordered:
        if objective.name not in found:
            found[objective.name] = [objective.value(result) for result in results]
    return found


def check_finite(objectives: Sequence[Objective], values: Sequence[float]) -> None:
    """Raise an error unless all values of a result are finite.

    Raises
    ------
    NotFinite
        If one is NaN or infinite: such a number has no rank among trials.
    """
    for objective, value in zip(objectives, values, strict=True):
        if not math.isfinite(value):
            raise NotFinite(f"`{objective.name}` must be a finite number, but is {value}.")
