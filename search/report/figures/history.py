"""The optimisation history: the values of every trial, and the best so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.report.figures.facts import Facts
from search.report.figures.style import BLUE, FAINT, RED, YELLOW, legend_above, marker_size, scale, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(facts: Facts, figure: Figure) -> str:
    """A panel for each objective; the sentence below it."""
    from matplotlib.ticker import MaxNLocator

    facts.need_complete()
    figure.set_figheight(0.7 + 2.1 * len(facts.axes))
    panels = figure.subplots(len(facts.axes), 1, sharex=True, squeeze=False)[:, 0]
    outside = [_panel(facts, place, axes) for place, axes in enumerate(panels)]
    last = max(trial.number for trial in facts.trials)
    panels[-1].set(xlabel="trial", xlim=(-0.02 * last - 0.5, 1.02 * last + 0.5))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    legend_above(panels[0])
    words = "Values of the complete trials by number, and the best so far."
    if not facts.feasible.any():
        words = "Values of the complete trials by number; none keeps to all constraints."
    elif not facts.feasible.all():
        words = "Values of the complete trials by number, and the best so far that keeps to all constraints."
    if len(facts.numbers("PRUNED")) + len(facts.numbers("FAIL")):
        words += " Ticks along the lower edge are trials that were pruned or failed and have no values."
    if any(outside):
        words += f" Far worse trials beyond the axes: {', '.join(map(str, outside))}."
    return words


def _panel(facts: Facts, place: int, axes: Axes) -> int:
    axis, values, feasible = facts.axes[place], facts.values[:, place], facts.feasible
    numbers = np.array([trial.number for trial in facts.complete])
    size = marker_size(len(numbers))
    if feasible.any():
        axes.scatter(numbers[feasible], values[feasible], s=size, color=BLUE, alpha=0.65, lw=0, label="complete")
    if not feasible.all():
        broken = numbers[~feasible], values[~feasible]
        axes.scatter(*broken, s=size, color=FAINT, marker="x", lw=1, zorder=0.9, label="infeasible")
    if feasible.any():
        best = np.minimum.accumulate(values[feasible] * axis.sign) * axis.sign
        axes.step(numbers[feasible], best, where="post", color=RED, lw=1.5, label="best so far")
    for state, colour, label in (("PRUNED", "0.45", "pruned"), ("FAIL", YELLOW, "failed")):
        ticks = facts.numbers(state)
        if len(ticks):
            axes.vlines(ticks, 0, 0.05, color=colour, lw=1, label=label, transform=axes.get_xaxis_transform())
    axes.set_ylabel(wrap(axis.unit, 26))
    axes.set_title(f"{axis.words}: {axis.better}", color="0.35")
    return scale(axes, "y", values, axis.sign)
