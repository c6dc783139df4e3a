"""The outcome of a trial: its scores, costs and learning curve, as they are stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from search.spec.constraints import Constraint
from search.spec.objectives import Objective, check_finite, measured
from search.storage.record import COSTS, SCORES
from snn.profile import largest

if TYPE_CHECKING:
    from snn.results.result import Result

CURVE = 40  # points of the learning curve that are kept


def outcome(
    objectives: Sequence[Objective], results: Sequence[Result], constraints: Sequence[Constraint] = ()
) -> dict[str, Any]:
    """Return the stored result of a complete trial: values in the order of the objectives, violations of the
    constraints, scores, costs and a short learning curve.

    All of them are means over its replicates, of which each keeps its seed and values.

    Raises
    ------
    NotFinite
        If an objective is not a finite number, or what is constrained is none.
    """
    ours = reached(results)  # before a user's function sees the results
    numbers = measured([*objectives, *(one.objective for one in constraints)], results)
    each = [[numbers[objective.name][place] for objective in objectives] for place in range(len(results))]
    for values in each:
        check_finite(objectives, values)
    kept: dict[str, Any] = {"values": np.mean(each, axis=0).tolist() if len(each) > 1 else each[0]}
    if len(each) > 1:
        kept["replicates"] = [{"seed": r.seed, "values": v} for r, v in zip(results, each, strict=True)]
        kept["spread"] = np.std(each, axis=0, ddof=1).tolist()
    if constraints:
        means = {one: float(np.mean(numbers[one.name])) for one in constraints}
        kept["constraints"] = {str(one): one.violation(value) for one, value in means.items()}
    return kept | ours


def reached(results: Sequence[Result]) -> dict[str, Any]:
    """Return the stored part of any trial that ran: its progress and the origin of its numbers."""
    first = results[0]
    peaks = [result.peak_memory_bytes for result in results]
    return {
        **{name: mean(getattr(result, name) for result in results) for name in (*SCORES, *COSTS)},
        "peak_memory_bytes": largest(*peaks),
        "curve": short_curve(results),
        "builds": sum(int(result.builds) for result in results),
        "hashes": dict(first.hashes),
        "versions": dict(first.versions),
    }


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of numbers that JSON can hold: NaN and infinity, or nothing, become null."""
    numbers = [plain(value) for value in values]
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if known and len(known) == len(numbers) else None


def short_curve(results: Sequence[Result]) -> list[float | None]:
    """The prequential accuracy over a sliding window at about `CURVE` places, the last one included.

    In a task without labels it is the loss. The mean over results, as far as all of them went.
    """
    curves = [r.prequential_curve(window=100) if r.labelled else r.loss_curve(window=100) for r in results]
    shortest = min(map(len, curves))
    curve = np.mean([one[:shortest] for one in curves], axis=0)
    step = max(1, math.ceil(len(curve) / CURVE))
    return [plain(value, 5) for value in curve[::-1][::step][::-1]]


def plain(value: Any, digits: int | None = None) -> float | None:
    """A number that JSON can hold: NaN and infinity become null, and nothing stays nothing."""
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    return number if digits is None else round(number, digits)
