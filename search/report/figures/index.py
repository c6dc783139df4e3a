"""All figures of a report, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.report.figures import best_run as run
from search.report.figures import curves, front, history, importances, slices, timeline
from search.report.figures.facts import Facts, Undrawable
from search.report.figures.style import paint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """One figure of one study.

    Parameters
    ----------
    name : str
        Name of its file without suffix, and its anchor on the page.
    title : str
        What it shows.
    words : str
        The sentence below it, or why it could not be drawn.
    png : bytes or None
        The image; None if it could not be drawn.
    """

    name: str
    title: str
    words: str
    png: bytes | None


def _of_best(draw: Callable[..., str]) -> Callable[[Facts, Figure], str]:
    return lambda facts, figure: draw(facts.need_result(), figure)


FIGURES: dict[str, tuple[str, Callable[[Facts, Figure], str]]] = {
    "history": ("Optimisation history", history.draw),
    "front": ("Pareto front", front.draw),
    "importances": ("Parameter importances", importances.draw),
    "slices": ("Slices: each parameter against each objective", slices.draw),
    "curves": ("Learning curves", curves.draw),
    "timeline": ("Timeline of workers", timeline.draw),
    "raster": ("Spikes of the best network", _of_best(run.draw_raster)),
    "weights": ("Weights of the best network", _of_best(run.draw_weights)),
}


def draw_all(facts: Facts) -> list[Drawing]:
    """Every figure, in the order of the page; what cannot be drawn says why."""
    return [_draw(name, facts) for name in FIGURES]


def _draw(name: str, facts: Facts) -> Drawing:
    title, draw = FIGURES[name]
    try:
        png, words = paint(lambda figure: draw(facts, figure))
    except Undrawable as why:
        return Drawing(name, title, str(why), None)
    return Drawing(name, title, words, png)
