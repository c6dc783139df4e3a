"""Pictures of results."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from snn import SNNError
from snn.results.part import Part
from snn.results.plots import plot_learning_curve, plot_raster, plot_result, plot_weights
from tests.support.results import losses_of, result_of


def drawn(figure) -> np.ndarray:
    """The pixels, as a renderer gives them; warnings (missing glyphs, empty ranges) are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def test_three_axes_in_three_axes_out(eprop, tmp_path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    assert eprop.plot(axes) is axes and plot_result(eprop, axes) is axes
    assert [ax.get_xlabel() for ax in axes] == ["samples seen", "time (ms), last samples of the stream", "weight"]
    assert drawn(figure).std() > 5
    legends = [text.get_text() for ax in axes if ax.get_legend() for text in ax.get_legend().get_texts()]
    for text in (f"validation {eprop.accuracy:.3f}", f"test {eprop.test_accuracy:.3f}", "hidden to readout"):
        assert text in legends
    dots = sum(len(collection.get_offsets()) for collection in axes[1].collections)
    assert dots == 2 * eprop.counts["spikes"]  # drawn twice above
    labels = [label.get_text() for label in axes[1].get_yticklabels()]
    assert labels == ["inputs", "hidden"]
    plt.close(figure)


def test_axes_are_made_where_none_are_given(eprop):
    import matplotlib.pyplot as plt

    assert len(np.ravel(eprop.plot())) == 3
    for plot in (plot_learning_curve, plot_raster, plot_weights):
        _, ax = plt.subplots()
        assert plot(eprop, ax) is ax
        assert plot(eprop) is not ax
    plt.close("all")


def test_without_labels_the_learning_curve_is_the_losses():
    import matplotlib.pyplot as plt

    losses = np.linspace(30, 10, 150)
    result = losses_of(losses, test=Part(None, None, np.array([12.5])))
    ax = result.plot()[0]
    assert ax.get_ylabel() == "loss" and ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 30
    each, mean, validation, test = ax.get_lines()
    np.testing.assert_array_equal(each.get_ydata(), losses)
    np.testing.assert_array_equal(mean.get_ydata(), result.loss_curve(100)[19:])
    assert validation.get_ydata()[0] == pytest.approx(20) and test.get_ydata()[0] == 12.5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "each sample", "prequential, last 100", "validation 20", "test 12.5",
    ]  # fmt: skip
    assert drawn(ax.figure).std() > 5
    plt.close("all")


def test_without_spikes_the_raster_says_how_to_get_them():
    import matplotlib.pyplot as plt

    result = result_of([0, 1], [0, 1])
    axes = result.plot()
    assert "no spikes recorded" in axes[1].texts[0].get_text()
    drawn(axes[0].figure)
    with pytest.raises(SNNError, match="record="):
        plot_raster(result)
    plt.close("all")


@pytest.mark.parametrize(
    "changes",
    [
        {"recordings": {"inputs.spikes": np.empty((0, 2), np.int64), "out.spikes": np.array([[3, 1]])}},
        {"recordings": {"inputs.spikes": np.empty((0, 2), np.int64)}},
        {"weights": {"a->b": np.zeros(5), "c->d": np.empty(0)}},
        {"weights": {}},
    ],
    ids=["a silent population", "silence", "equal weights", "no weights"],
)
def test_little_to_draw_is_drawn(changes):
    import matplotlib.pyplot as plt

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = result_of([0], [1], **changes).plot()
    drawn(np.ravel(axes)[0].figure)
    plt.close("all")
