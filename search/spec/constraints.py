"""Constraints on a network: bounds on objectives, as text such as ``accuracy >= 0.9``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from search.errors import StudyError
from search.spec.objectives import OBJECTIVES, Objective
from snn.errors import NotFinite, nearest

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LARGEST_VIOLATION = 1e30
"""What an infinite value has: storages and samplers want finite numbers."""

_NUMBER = r"(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_CONSTRAINT = re.compile(
    r"\s*(?P<name>\w+)\s*(?P<op>[<>=!]+)\s*(?P<sign>[+-]?)\s*"
    rf"(?P<base>{_NUMBER})(?:\s*\*\*\s*(?P<power>[+-]?{_NUMBER}))?\s*"
)
EXAMPLE = "'accuracy >= 0.9' or 'memory_bits <= 2**20'"


@dataclass(frozen=True)
class Constraint:
    """A bound on one number of a result.

    Parameters
    ----------
    objective : Objective
        What is bounded; it need not be optimised.
    op : {">=", "<="}
        On which side of the bound the value must lie; the bound itself is fine.
    bound : float
        In the objective's unit.
    """

    objective: Objective
    op: Literal[">=", "<="]
    bound: float

    @property
    def name(self) -> str:
        """The bounded objective's."""
        return self.objective.name

    def violation(self, value: float) -> float:
        """By how much a value breaks it, in the objective's unit: above 0 it is broken, at 0 and below it holds.

        What Optuna's `trial.set_constraint` takes. From -1e30 to 1e30, which stands for an infinite value.

        Parameters
        ----------
        value : float
            The objective's, or its mean over replicates.

        Raises
        ------
        NotFinite
            If the value is not a number, such as the loss of a readout that has none: nothing can be said of it.
        """
        if math.isnan(value):
            raise NotFinite(f"The constraint `{self}` needs a number, but `{self.name}` is {value}.")
        excess = self.bound - value if self.op == ">=" else value - self.bound
        return min(max(excess, -LARGEST_VIOLATION), LARGEST_VIOLATION)

    def __str__(self) -> str:
        """The same text for the same constraint, however it was written."""
        whole = self.bound.is_integer() and abs(self.bound) < 2**53
        return f"{self.name} {self.op} {int(self.bound) if whole else self.bound!r}"


def make_constraint(text: str, objectives: Iterable[Objective] = ()) -> Constraint:
    """The constraint that a text describes.

    Parameters
    ----------
    text : str
        NAME OP NUMBER: an objective's name, ``>=`` or ``<=``, and a number as Python writes it (``0.9``, ``1e-6``,
        ``20_000``) or a power of two numbers (``2**20``). It is parsed, never executed.
    objectives : iterable of Objective
        The study's: its functions can be bounded by their names too.

    Raises
    ------
    StudyError
        If the text is none of this.
    """
    if not isinstance(text, str):
        raise StudyError(f"A constraint must be a text such as {EXAMPLE}, but is {text!r}.")
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise StudyError(f"A constraint must be NAME OP NUMBER, such as {EXAMPLE}, but is {text!r}.")
    known = OBJECTIVES | {objective.name: objective for objective in objectives}
    problems = []
    name, op = match["name"], match["op"]
    if name not in known:
        problems.append(f"A constraint must bound an objective, but {text!r} bounds {name!r}; {nearest(name, known)}.")
    if op not in (">=", "<="):
        problems.append(f"A constraint must say >= or <=, but {text!r} says {op}.")
    bound = _bound(match)
    if bound is None:
        problems.append(f"A constraint's bound must be a finite number, but that of {text!r} is not.")
    if problems or bound is None:
        raise StudyError(problems)
    return Constraint(known[name], op, bound)  # type: ignore[arg-type]


def _bound(match: re.Match[str]) -> float | None:
    """The number, or None if it is none. As floats: `9**9**9` in whole numbers would take for ever."""
    try:
        bound = float(match["base"]) if match["power"] is None else float(match["base"]) ** float(match["power"])
    except (OverflowError, ZeroDivisionError):
        return None
    return (-bound if match["sign"] == "-" else bound) if math.isfinite(bound) else None


def problems_with_constraints(texts: Sequence[str], objectives: Iterable[Objective] = ()) -> list[str]:
    """Return all problems of a list of constraints, one sentence each."""
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        return [f"`constraints` must be a list of texts, but is {texts!r}: write constraints=['accuracy >= 0.9']."]
    known = tuple(objectives)
    problems: list[str] = []
    sides: list[tuple[str, str]] = []
    for text in texts:
        try:
            constraint = make_constraint(text, known)
        except StudyError as error:
            problems += error.problems
        else:
            sides.append((constraint.name, constraint.op))
    twice = sorted({side for side in sides if sides.count(side) > 1})
    return problems + [
        f"`constraints` must bound each side of an objective once, but has `{name} {op}` twice." for name, op in twice
    ]


def total_violation(trial: FrozenTrial) -> float:
    """The sum of what a trial breaks, 0 if it keeps to all; 0 for a trial without constraints, as in Optuna."""
    return sum(max(0.0, value) for value in trial.constraints.values())


def feasible(trial: FrozenTrial) -> bool:
    """Whether a trial keeps to all its constraints."""
    return total_violation(trial) == 0


def preferred(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The feasible ones of some trials; if there are none, those that break the least."""
    broken = [total_violation(trial) for trial in trials]
    least = min(broken, default=0.0)
    return [trial for trial, by in zip(trials, broken, strict=True) if by == least]
