"""Learning curve, raster and weights of a run, for the report and the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.report.figures.facts import Undrawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from snn.results.result import Result


def draw_curve(result: Result, figure: Figure) -> str:
    """Its learning curve, sample by sample."""
    from snn.results.plots import plot_learning_curve

    plot_learning_curve(result, figure.subplots())
    return "Every sample is predicted before it is learned from."


def draw_raster(result: Result, figure: Figure) -> str:
    """Its spikes in the last samples of the stream."""
    from snn.results.plots import plot_raster

    tracks = [spikes for name, spikes in result.recordings.items() if name.endswith(".spikes")]
    if not tracks:
        raise Undrawable("No spikes were recorded.")
    if not any(map(len, tracks)):
        raise Undrawable("Nothing spiked in the last samples of the stream.")
    figure.set_figheight(4.4)
    plot_raster(result, figure.subplots())
    return f"Spikes in the last samples of the stream, {sum(map(len, tracks)):,} of them; grey lines part the samples."


def draw_weights(result: Result, figure: Figure) -> str:
    """Histograms of its final weights."""
    from snn.results.plots import plot_weights

    if not any(weights.size for weights in result.weights.values()):
        raise Undrawable("The network has no weights.")
    plot_weights(result, figure.subplots())
    return f"The {sum(weights.size for weights in result.weights.values()):,} weights that the stream has left."
