"""The Pareto front, seen along each pair of objectives."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from search.report.figures.facts import Axis, Facts, Undrawable
from search.report.figures.style import BLUE, FAINT, RED, WIDTH, marker_size, scale, wrap
from search.spec.constraints import feasible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 6  # pairs that are drawn: all of four objectives


def draw(facts: Facts, figure: Figure) -> str:
    """A panel for each pair of objectives; the sentence below it."""
    if len(facts.axes) < 2:
        raise Undrawable("One objective has a best trial, but no front.")
    facts.need_complete()
    pairs = list(combinations(range(len(facts.axes)), 2))
    shown = pairs[:PANELS]
    rows = -(-len(shown) // 2)
    columns = min(2, len(shown))
    figure.set_size_inches(WIDTH if columns > 1 else 0.66 * WIDTH, 0.6 + 3.5 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    outside = sum(_panel(facts, *pair, axes) for pair, axes in zip(shown, grid, strict=False))
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles))
    found = sum(map(feasible, facts.front))
    words = (
        f"{found} of {len(facts.complete)} complete trials are on the front: no other is better in one "
        "objective without being worse in another."
    )
    if broken := int(np.sum(~facts.feasible)):
        words += f" {broken} break a constraint and are marked as infeasible."
    if len(pairs) > PANELS:
        words += f" {PANELS} of {len(pairs)} pairs of objectives are shown."
    return words + (" Some far worse trials lie beyond the axes." if outside else "")


def _panel(facts: Facts, first: int, second: int, axes: Axes) -> int:
    """One pair: the first objective upwards, the second to the right; how many trials fall outside."""
    up, right = facts.axes[first], facts.axes[second]
    x, y, kept = facts.values[:, second], facts.values[:, first], facts.feasible
    size = marker_size(len(x))
    if kept.any():
        axes.scatter(x[kept], y[kept], s=size, color=BLUE, alpha=0.6, lw=0, label="complete")
    if not kept.all():
        axes.scatter(x[~kept], y[~kept], s=size, color=FAINT, marker="x", lw=1, zorder=0.9, label="infeasible")
    members = np.array([trial.values for trial in facts.front if feasible(trial)], float)
    if len(members):
        along, above = members[:, second], members[:, first]
        if len(facts.axes) == 2:
            order = np.argsort(along * right.sign)
            # between two members only the first objective of the one with the better second is reached
            axes.step(along[order], above[order], where="post", color=RED, lw=1.2)
        axes.scatter(along, above, s=34, color=RED, lw=0, zorder=3, label="Pareto front")
        best = f"trial {facts.front[0].number}, best {facts.axes[0].words}"
        axes.scatter(along[:1], above[:1], s=110, facecolors="none", edgecolors="0.15", lw=1.2, zorder=4, label=best)
    axes.set(xlabel=_label(right), ylabel=_label(up))
    return scale(axes, "x", x, right.sign) + scale(axes, "y", y, up.sign)


def _label(axis: Axis) -> str:
    unit = f" ({axis.unit})" if axis.unit else ""
    return f"{wrap(axis.words + unit, 42)}\n{axis.better}"
