"""Learning curves of the best and the median trial, and of the pruned ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.analysis.tables import number
from search.report.figures.facts import Facts, Undrawable
from search.report.figures.style import BLUE, FAINT, RED, thin
from search.storage.record import Record
from snn.results.plots import EARLY

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

PRUNED = 60  # curves of pruned trials
WINDOW = 100  # samples over which a stored curve is a mean


def draw(facts: Facts, figure: Figure) -> str:
    """The curves; the sentence below them."""
    pruned = [trial for trial in facts.trials if trial.state.name == "PRUNED" and _curve(trial) is not None]
    chosen = [trial for trial in (facts.best, facts.median) if trial is not None and _curve(trial) is not None]
    if not pruned and not chosen:
        raise Undrawable("No trial has stored a learning curve.")
    axes = figure.subplots()
    faint = thin(pruned, PRUNED)
    for place, trial in enumerate(faint):
        curve = _drawn(facts, trial)
        axes.plot(*curve, color=FAINT, lw=0.7, alpha=0.6, label="" if place else f"pruned ({len(pruned)})")
        axes.plot(curve[0][-1:], curve[1][-1:], ".", color=FAINT, ms=4)
    if len(chosen) > 1 and chosen[1].number != chosen[0].number:
        axes.plot(*_drawn(facts, chosen[1]), color=BLUE, lw=1.6, label=_name("median", facts, chosen[1]))
    if chosen:
        axes.plot(*_drawn(facts, chosen[0]), color=RED, lw=1.8, label=_name("best", facts, chosen[0]))
    labelled = any(Record(trial).result.get("prequential_accuracy") is not None for trial in [*chosen, *faint])
    axes.set_ylabel(f"prequential {'accuracy' if labelled else 'loss'}, last {WINDOW}")
    if labelled:
        axes.set_ylim(0, 1.02)
    elif chosen:  # what was pruned for running away may leave the picture
        highest = max(np.nanmax(_drawn(facts, trial)[1]) for trial in chosen)
        axes.set_ylim(top=1.08 * highest if highest > 0 else None)
    axes.set(xlabel="samples seen" if _samples(facts) else "stream seen (%)", xlim=(0, _samples(facts) or 100))
    axes.legend(loc="best")
    words = f"Every sample is predicted before it is learned from; mean over the last {WINDOW} samples."
    if len(faint) < len(pruned):
        words += f" {len(faint)} of {len(pruned)} pruned trials are shown."
    return words


def _name(what: str, facts: Facts, trial: FrozenTrial) -> str:
    return f"{what}: trial {trial.number} ({facts.axes[0].words} {number((trial.values or [None])[0])})"


def _samples(facts: Facts) -> int:
    """Length of the stream; 0 if that is not known."""
    return 0 if facts.result is None else len(facts.result.stream)


def _curve(trial: FrozenTrial) -> np.ndarray | None:
    curve = np.array([np.nan if y is None else y for y in Record(trial).result.get("curve") or ()], float)
    return curve if np.isfinite(curve).any() else None


def _drawn(facts: Facts, trial: FrozenTrial) -> tuple[np.ndarray, np.ndarray]:
    """Places and heights of a curve, whose points are even and end where the trial ended."""
    curve = _curve(trial)
    assert curve is not None
    end = (_samples(facts) or 100) * (1.0 if trial.state.name == "COMPLETE" else _reached(facts, trial))
    places = end * np.arange(1, len(curve) + 1) / len(curve)
    # before that the window holds too few samples to say anything
    early = int(np.sum(places < min(EARLY, end))) if _samples(facts) else 0
    return places[early:], curve[early:]


def _reached(facts: Facts, trial: FrozenTrial) -> float:
    """The share of the stream that a pruned trial has seen."""
    samples = Record(trial).result.get("samples")
    whole = _samples(facts) or max((_each_seed(t) for t in facts.complete), default=0)
    if not samples or not whole:
        return 1.0
    if len(Record(trial).result.get("rungs") or []) > 1:  # before that its first seed runs alone
        samples /= max([1, *(len(Record(t).seeds) for t in facts.complete)])
    return min(1.0, samples / whole)


def _each_seed(trial: FrozenTrial) -> float:
    return (Record(trial).result.get("samples") or 0) / max(1, len(Record(trial).seeds))
