"""Figures of a study: that they show something, what they say if they cannot, and their numbers."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from search.analysis.trials import front
from search.report.figures import history, slices, timeline
from search.report.figures.facts import Axis, Facts, Undrawable
from search.report.figures.importances import importances
from search.report.figures.index import FIGURES, draw_all
from search.report.figures.style import fit, log_limits, log_scale, paint
from search.report.figures.timeline import pause, runs, sessions, utilisation
from snn.results.plots import plot_weights
from tests.support.figures import is_drawn, make_trial, pixels

pytestmark = pytest.mark.usefixtures("real_images")

AXES = (Axis("accuracy", -1, "of the validation part"), Axis("spikes", 1))


def facts(trials, axes=AXES) -> Facts:
    """A study of such trials."""
    study = optuna.create_study(directions=["minimize" if axis.sign > 0 else "maximize" for axis in axes])
    study.add_trials(trials)
    return Facts("synthetic", tuple(axes), study.get_trials(deepcopy=False), front(study))


def searched(n=60, axes=2) -> list:
    """Trials of all kinds, one parameter in half of them only."""
    random = np.random.default_rng(1)
    made = []
    for k in range(n):
        params = {"x": float(random.random()), "rule": "ab"[k % 2]}
        if k % 2:
            params["only_b"] = float(random.random())
        curve = list(np.linspace(0.1, 0.5 + params["x"] / 2, 40))
        worker = [f"worker {k % 3}", 10.0 * (k // 3), 10.0 * (k // 3) + 9.0]
        kept = {"curve": curve, "runs": [worker], "samples": 400, "prequential_accuracy": 0.5}
        if k % 7 == 3:
            made.append(make_trial(k, None, TrialState.PRUNED, params, **kept | {"samples": 100}))
        elif k % 11 == 5:
            made.append(make_trial(k, None, TrialState.FAIL, params, runs=[worker]))
        else:
            values = [params["x"] + 0.01 * random.random(), 1 + 100 * params["x"] ** 3, 2.0 + random.random()]
            made.append(make_trial(k, values[:axes], params=params, broken=float(k % 5 == 0), **kept))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("axes", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
def test_figures_of_any_number_of_objectives_show_something(axes):
    kinds = [Axis("accuracy", -1), Axis("spikes", 1), Axis("loss", 1), Axis("$x^2$ <b>", 1)][:axes]
    trials = searched(axes=3) if axes < 4 else [*searched(axes=2)]
    for one in trials:
        if one.values is not None:
            one.values = [*one.values, 1.0, 2.0][:axes]
    drawn = {drawing.name: drawing for drawing in draw_all(facts(trials, kinds))}
    assert list(drawn) == list(FIGURES)
    without = {"raster", "weights"} | ({"front"} if axes == 1 else set())
    assert {name for name, drawing in drawn.items() if drawing.png is None} == without
    for name in drawn.keys() - without:
        assert is_drawn(drawn[name].png), name
    assert "One objective" in drawn["front"].words or axes > 1


@pytest.mark.slow
def test_figures_of_many_trials_are_quick():
    """Ten times the trials take little longer: what is drawn of them is bounded."""
    used = []
    for n in (100, 1000):
        some = facts(searched(n))
        began = time.process_time()
        drawn = draw_all(some)
        used.append(time.process_time() - began)
    assert used[1] < 5 * used[0] and sum(drawing.png is not None for drawing in drawn) == 6


@pytest.mark.parametrize(
    "trials", [[], [make_trial(0, None, TrialState.RUNNING)], [make_trial(0, None, TrialState.FAIL)]]
)
def test_without_a_complete_trial_every_figure_says_why_it_is_not_there(trials):
    drawn = draw_all(facts(trials))
    assert all(drawing.png is None and drawing.words.endswith(".") for drawing in drawn if drawing.name != "timeline")


@pytest.mark.parametrize(
    "values", [[1e-12, 1e30], *(pytest.param(one, marks=pytest.mark.slow) for one in ([0.5, 3.0], [0.0, 0.0]))]
)
def test_one_complete_trial_is_drawn(values):
    drawn = {drawing.name: drawing for drawing in draw_all(facts([make_trial(0, values, curve=[0.5], seconds=1.0)]))}
    assert {name for name, d in drawn.items() if d.png} >= {"history", "front", "slices", "curves"}
    assert "at least 16" in drawn["importances"].words


def test_importances_find_the_parameter_that_decides():
    accuracy, spikes = importances(facts([t for t in searched(200) if not t.system_attrs]))
    assert accuracy["x"] > 0.6 and spikes["x"] > 0.6  # both objectives follow x alone
    assert accuracy.keys() == {"x", "rule", "only_b"}  # a parameter of some trials is ranked too
    maximised, minimised = (importances(facts(_one_sided(), [Axis("y", sign)]))[0] for sign in (-1, 1))
    assert maximised["high"] > 0.6 > 0.4 > maximised["low"] and minimised["low"] > 0.6 > 0.4 > minimised["high"]


def _one_sided() -> list:
    """The best are decided by `high`, the worst by `low`."""
    random = np.random.default_rng(0)
    made = []
    for k in range(300):
        high, low = (float(u) for u in random.random(2))
        value = float(high > 0.9) - float(low > 0.9) + 0.001 * k / 300
        made.append(make_trial(k, [value], params={"high": high, "low": low}))
    return made


def test_importances_of_equal_values_are_none():
    with pytest.raises(Undrawable, match="same values"):
        importances(facts([make_trial(k, [1.0, 2.0]) for k in range(40)]))
    space = {"x": FloatDistribution(0.5, 0.5), "rule": CategoricalDistribution(["a"])}
    alike = [create_trial(values=[k], params={"x": 0.5, "rule": "a"}, distributions=space) for k in range(40)]
    with pytest.raises(Undrawable, match="same parameters"):  # not equal shares of nothing
        importances(facts(alike, AXES[:1]))


def test_utilisation_counts_waiting_and_leaves_out_pauses():
    worked = [
        make_trial(0, [1.0, 1.0], runs=[["worker 0", 0.0, 10.0], ["worker 0", 10.0, 20.0]]),
        make_trial(1, [1.0, 1.0], runs=[["worker 1", 0.0, 10.0]]),
        make_trial(2, None, TrialState.FAIL, runs=[["worker 0", 1000.0, 1010.0]]),
    ]
    parts = sessions(runs(worked))
    assert [len(part.runs) for part in parts] == [3, 1]
    assert utilisation(parts) == pytest.approx((30 + 10) / (2 * 20 + 10))
    assert utilisation([]) is None


@pytest.mark.parametrize("idle", [10.0, 55.0, 3 * 86400.0])
def test_time_between_two_searches_is_left_out_of_the_timeline(idle):
    """Each worked for 5 s, so the figure is full of bars however long nobody searched."""
    spans = [(k % 2, start + k // 2, start + k // 2 + 0.9) for start in (0.0, 5.0 + idle) for k in range(10)]
    worked = [
        make_trial(number, [1.0, 1.0], runs=[[f"worker {worker}", began, ended]])
        for number, (worker, began, ended) in enumerate(spans)
    ]
    parts = sessions(runs(worked))
    assert [len(part.runs) for part in parts] == [10, 10] and utilisation(parts) > 0.9
    png, words = paint(lambda figure: timeline.draw(facts(worked), figure))
    assert "between searches, in which nothing ran, are left out" in words
    grey = pixels(png)
    bars = grey[len(grey) // 3]  # through the upper worker's line
    assert np.mean(bars < 220) > 0.7


def test_a_slow_sampler_is_no_pause():
    """Its waits are part of the search, and of its utilisation."""
    worked = [make_trial(k, [1.0, 1.0], runs=[["worker 0", 6.0 * k, 6.0 * k + 0.5]]) for k in range(20)]
    (part,) = sessions(runs(worked))
    assert utilisation([part]) == pytest.approx(10 / 114.5)
    assert pause(part.runs) == pytest.approx(55) and pause(part.runs[:1]) == 60


def test_trials_that_stored_no_worker_are_put_into_lanes():
    older = [make_trial(k, [1.0, 1.0], seconds=10.0) for k in range(3)]
    for one, end in zip(older, (10, 12, 21), strict=True):
        one.datetime_complete = datetime.fromtimestamp(1e6 + end)
    found = runs(older)
    assert [run.worker for run in found] == ["lane 0", "lane 1", "lane 0"]
    assert utilisation(sessions(found)) == pytest.approx(30 / (2 * 21))


def test_a_far_worse_trial_does_not_squeeze_the_others():
    losses = np.array([1.0, 1.1, 1.2, 1.3, 1.4] * 20 + [1e6])
    low, high, outside = fit(losses, 1)
    assert outside == 1 and low < 1.0 and 1.4 < high < 5
    low, high, outside = fit(-losses, -1)  # the same, maximised
    assert outside == 1 and high > -1.0 and -5 < low < -1.4
    assert fit(np.array([2.0]), 1)[0] < 2.0 < fit(np.array([2.0]), 1)[1]


def test_weights_are_drawn_as_densities():
    random = np.random.default_rng(0)
    result = SimpleNamespace(weights={"a->b": random.normal(size=500), "b->c": random.normal(2, 0.1, size=50)})
    png, _ = paint(lambda figure: plot_weights(result, figure.subplots()))
    assert is_drawn(png)


def test_what_breaks_a_constraint_comes_last_the_least_breach_first():
    trials = [
        make_trial(k, [value, 1.0], broken=by) for k, (value, by) in enumerate([(9.0, 2.0), (1.0, 0.0), (5.0, 1.0)])
    ]
    assert [one.number for one in facts(trials).ranked] == [1, 2, 0]
    assert [one.number for one in facts(trials[::2]).ranked] == [1, 0]  # numbered anew: the least breach, not the best
    assert facts(trials[::2]).best.number == 1


def test_trials_that_all_break_a_constraint_have_no_front():
    drawn = {
        drawing.name: drawing for drawing in draw_all(facts([make_trial(k, [0.5, 3.0], broken=1.0) for k in range(3)]))
    }
    assert "0 of 3 complete trials are on the front" in drawn["front"].words
    assert is_drawn(drawn["history"].png) and "3 break a constraint" in drawn["front"].words


@pytest.mark.parametrize("values", [[1e-5, 1e-1], [1e-100, 1e100], [2.0, 2.0], [1.0, 3.5]])
def test_points_on_a_logarithmic_axis_lie_apart_from_its_ends(values):
    low, high = log_limits(np.array(values))
    places = np.log(np.array(values) / low) / np.log(high / low)
    assert 0.03 < places.min() <= places.max() < 0.97


@pytest.mark.parametrize("draw", [history.draw, slices.draw])
def test_long_names_stay_beside_their_axes(draw):
    def boxes(figure):
        draw(facts(searched(40), kinds), figure)
        figure.canvas.draw()
        labels = [axes.yaxis.label for axes in figure.axes if axes.get_ylabel()]
        return sorted((box.y0, box.y1) for box in (label.get_window_extent() for label in labels))

    kinds = [Axis("quite_a_long_name_of_a_function_" * 3, sign, "of some very long unit " * 5) for sign in (1, -1)]
    _, found = paint(boxes)
    assert len(found) == 2 and found[0][1] < found[1][0]  # the one above the other


def test_a_curve_without_a_number_is_none():
    drawn = {drawing.name: drawing for drawing in draw_all(facts([make_trial(0, [0.5, 3.0], curve=[None, None])]))}
    assert drawn["curves"].png is None and "No trial has stored" in drawn["curves"].words


@pytest.mark.slow
def test_the_best_is_among_the_points_whatever_their_number():
    """Many points are thinned, but never the one that everybody looks for."""
    trials = [make_trial(k, [0.5 + 0.4 * (k == 7), 3.0], params={"x": 0.9 if k == 7 else 0.5}) for k in range(6000)]
    figure_axes = []
    paint(lambda figure: (slices.draw(facts(trials), figure), figure_axes.extend(figure.axes)))
    red = figure_axes[0].collections[-1].get_offsets()
    assert red.tolist() == [[0.9, 0.9]]


@pytest.mark.parametrize("low", [1e-30, 2.7e-5, 0.9, 1.0, 17.0, 3.3e8])
@pytest.mark.parametrize("ratio", [1.0001, 1.4, 3.1, 9.0, 70.0, 999.0, 1e4, 1e9])
def test_logarithmic_axes_have_a_few_numbers_that_do_not_touch(low, ratio):
    def draw(figure):
        axes = figure.subplots()
        log_scale(axes, "x", low, low * ratio)
        figure.canvas.draw()
        return (
            axes.get_xlim(),
            [text for text in axes.get_xticklabels() if text.get_text()],
            figure.canvas.get_renderer(),
        )

    _, (limits, labels, renderer) = paint(draw, width=2.2, height=2)
    assert limits == pytest.approx((low, low * ratio))
    boxes = [label.get_window_extent(renderer) for label in labels if limits[0] <= label.get_position()[0] <= limits[1]]
    assert 2 <= len(boxes) <= 5
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
