"""Plots of a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from snn.errors import SNNError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from snn.results.part import Part

WINDOW = 100
EARLY = 20
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")  # Tol's bright scheme: told apart by all


class Plotted(Protocol):
    """The fields of a `Result` that the plots read."""

    @property
    def labelled(self) -> bool: ...
    @property
    def stream(self) -> Part: ...
    @property
    def validation(self) -> Part | None: ...
    @property
    def test(self) -> Part | None: ...
    @property
    def weights(self) -> Mapping[str, np.ndarray]: ...
    @property
    def recordings(self) -> Mapping[str, np.ndarray]: ...
    @property
    def dt_ms(self) -> float: ...
    @property
    def period(self) -> int: ...
    def prequential_curve(self, window: int) -> np.ndarray: ...
    def loss_curve(self, window: int) -> np.ndarray: ...


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(6, 3.5), layout="constrained")[1]


def plot_result(result: Plotted, axes: Any = None) -> Any:
    """Learning curve, raster and weight histogram side by side; without recorded spikes the raster's axes say so."""
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")[1]
    curve, raster, weights = np.ravel(axes)
    plot_learning_curve(result, curve)
    if any(name.endswith(".spikes") for name in result.recordings):
        plot_raster(result, raster)
    else:
        raster.text(
            0.5,
            0.5,
            'no spikes recorded\n(run with record=["spikes"])',
            ha="center",
            va="center",
            transform=raster.transAxes,
            color="0.4",
        )
        raster.set_axis_off()
    plot_weights(result, weights)
    return axes


def plot_learning_curve(result: Plotted, ax: Axes | None = None) -> Axes:
    """Prequential accuracy over a sliding window, with the validation (and test) accuracy reached.

    In a task without labels the loss: that of every sample, and its mean over a sliding window.
    """
    ax = _axes(ax)
    score = "accuracy" if result.labelled else "loss"
    curve = result.prequential_curve(WINDOW) if result.labelled else result.loss_curve(WINDOW)
    begin = min(EARLY, len(curve)) - 1  # before that the window holds too few samples to say anything
    if not result.labelled:
        samples = np.arange(1, len(curve) + 1)
        ax.plot(samples, result.stream.losses, color=COLOURS[0], lw=0.6, alpha=0.5, label="each sample")
    ax.plot(np.arange(begin + 1, len(curve) + 1), curve[begin:], color=COLOURS[0], label=f"prequential, last {WINDOW}")
    if result.validation is not None:
        reached = getattr(result.validation, score)
        ax.axhline(reached, color=COLOURS[1], ls="--", lw=1, label=f"validation {_short(reached)}")
    if result.test is not None:
        reached = getattr(result.test, score)
        ax.axhline(reached, color=COLOURS[2], ls=":", lw=1.5, label=f"test {_short(reached)}")
    ax.set(xlabel="samples seen", ylabel=score, xlim=(0, len(curve)))
    ax.set_ylim(0, 1.02 if result.labelled else None)
    ax.legend(loc="best", frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _short(score: float) -> str:
    return f"{score:.3f}" if abs(score) < 10 else f"{score:.4g}"


def plot_raster(result: Plotted, ax: Axes | None = None) -> Axes:
    """Recorded spikes, one band a population, with a line between samples.

    Raises
    ------
    SNNError
        If no spikes were recorded.
    """
    tracks = {name.removesuffix(".spikes"): s for name, s in result.recordings.items() if name.endswith(".spikes")}
    if not tracks:
        raise SNNError('A raster needs recorded spikes; run with record=["spikes"].')
    ax = _axes(ax)
    steps = np.concatenate([s[:, 0] for s in tracks.values()])
    begin = int(steps.min()) // result.period * result.period if len(steps) else 0
    end = (int(steps.max()) // result.period + 1) * result.period if len(steps) else result.period
    base, ticks, labels = 0, [], []
    size = float(np.clip(4000 / max(1, len(steps)), 2, 10))  # few spikes are to be seen too
    for colour, (name, spikes) in zip(COLOURS * len(tracks), tracks.items(), strict=False):
        height = int(spikes[:, 1].max()) + 1 if len(spikes) else 1
        ax.scatter((spikes[:, 0] - begin) * result.dt_ms, spikes[:, 1] + base, s=size, color=colour, lw=0)
        ticks.append(base + height / 2)
        labels.append(name)
        base += height + max(2, height // 20)
    for boundary in range(0, end - begin + 1, result.period):
        ax.axvline(boundary * result.dt_ms, color="0.85", lw=0.8, zorder=0)
    ax.set(
        xlabel="time (ms), last samples of the stream",
        yticks=ticks,
        yticklabels=labels,
        ylim=(-2, base),
        xlim=(0, (end - begin) * result.dt_ms),
    )
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def plot_weights(result: Plotted, ax: Axes | None = None) -> Axes:
    """Histogram of the final weights, one line a projection."""
    ax = _axes(ax)
    drawn = {name: weights for name, weights in result.weights.items() if weights.size}
    ends = [np.percentile(weights, [0.2, 99.8]) for weights in drawn.values()] or [np.zeros(2)]
    low, high = np.min(ends), np.max(ends)
    bins = np.linspace(low, high if high > low else low + 1, 60)
    for k, (name, weights) in enumerate(drawn.items()):
        ax.hist(
            np.clip(weights, bins[0], bins[-1]),
            bins=list(bins),
            histtype="step",
            color=COLOURS[k % len(COLOURS)],
            ls=("-", "--", ":")[k // len(COLOURS) % 3],
            density=True,
            label=name.replace("->", " to "),
        )
    ax.set(xlabel="weight", ylabel="density")
    if drawn:
        ax.legend(frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
