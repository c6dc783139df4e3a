"""Each parameter against each objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from search.report.figures.facts import Facts, Undrawable
from search.report.figures.importances import importances, order
from search.report.figures.style import BLUE, FAINT, RED, log_limits, log_scale, marker_size, scale, shorten, thin, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

COLUMNS = 4
SHOWN = 8  # parameters
SAMPLE = 2000  # points of a panel
JITTER = 0.12  # of the distance between two categories


def draw(facts: Facts, figure: Figure) -> str:
    """A panel for each parameter and objective; the sentence below them."""
    facts.need_complete()
    names = list(dict.fromkeys(name for trial in facts.complete for name in trial.params))
    if not names:
        raise Undrawable("The trials have no parameters.")
    shown = _first(facts, names)
    columns = min(COLUMNS, len(shown))
    blocks = -(-len(shown) // columns)
    rows = blocks * len(facts.axes)
    figure.set_figheight(0.3 + 2.15 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place in range(len(facts.axes)):
        panels = grid[place * blocks : (place + 1) * blocks].ravel()
        for column, (name, axes) in enumerate(zip(shown, panels, strict=False)):
            _panel(facts, place, name, axes, first=column % columns == 0)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
    words = "Complete trials; the red dot is the best by the first objective."
    words += "" if facts.feasible.all() else " Crosses break a constraint."
    if any(name not in trial.params for trial in facts.complete for name in shown):
        words += " A parameter that only some trials have shows those."
    if len(names) > len(shown):
        words += f" {len(shown)} of {len(names)} parameters are shown, the most important first."
    return words


def _first(facts: Facts, names: list[str]) -> list[str]:
    """The parameters that are shown: the most important, as far as that is known."""
    try:
        ranked = order(importances(facts))
    except Undrawable:
        ranked = []
    return [*ranked, *(name for name in names if name not in ranked)][:SHOWN]


def _panel(facts: Facts, place: int, name: str, axes: Axes, first: bool) -> None:
    axis = facts.axes[place]
    having = [k for k, trial in enumerate(facts.complete) if name in trial.params]
    winners = [k for k in having if facts.best is not None and facts.complete[k].number == facts.best.number]
    having = [*thin(having, SAMPLE), *winners]
    trials = [facts.complete[k] for k in having]
    y, feasible = facts.values[having, place], facts.feasible[having]
    x = _places(trials, name, axes)
    size = marker_size(len(x)) * 0.8
    axes.scatter(x[feasible], y[feasible], s=size, color=BLUE, alpha=0.55, lw=0)
    axes.scatter(x[~feasible], y[~feasible], s=size, color=FAINT, marker="x", lw=0.8, zorder=0.9)
    winner = slice(len(x) - len(winners), None)
    axes.scatter(x[winner], y[winner], s=30, color=RED, lw=0, zorder=3)
    scale(axes, "y", facts.values[:, place], axis.sign)  # the same axis in every panel of an objective
    axes.set_xlabel(shorten(name, 26))
    if first:
        axes.set_ylabel(wrap(axis.words, 24))
    else:
        axes.tick_params(axis="y", labelleft=False, which="both")


def _places(trials: Sequence[FrozenTrial], name: str, axes: Axes) -> np.ndarray:
    """Return the positions of a parameter's values along the axis, and set its scale and labels."""
    from matplotlib.ticker import MaxNLocator

    values = [trial.params[name] for trial in trials]
    if _numeric(values):
        kinds, places = [trial.distributions[name] for trial in trials], np.array(values, float)
        if all(getattr(kind, "log", False) for kind in kinds) and places.min() > 0:
            log_scale(axes, "x", *log_limits(places))
        elif all(isinstance(value, int) for value in values):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        return places
    declared = [choice for trial in trials for choice in getattr(trial.distributions[name], "choices", ())]
    labels = {repr(value): str(value) for value in [*declared, *values]}  # True and 1 are two categories
    kinds_of_value = list(labels)
    ticks = [shorten(label, (14, 14, 14, 9, 8, 7)[min(len(labels), 5)]) for label in labels.values()]
    axes.set_xticks(range(len(ticks)), ticks, rotation=0 if len(ticks) < 4 else 45)
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    jitter = np.random.default_rng(0).uniform(-JITTER, JITTER, len(values))  # equal points side by side
    return np.array([kinds_of_value.index(repr(value)) for value in values], float) + jitter


def _numeric(values: Sequence[object]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
