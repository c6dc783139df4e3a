"""The style that all figures share, and helpers for axes and labels."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from snn.results.plots import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, YELLOW = COLOURS[0], COLOURS[1], COLOURS[3]
FAINT = "0.62"  # what is there but not the point
WIDTH = 9.0  # inches
DPI = 130

STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.3",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.parse_math": False,  # a name may hold dollars
}


def paint(draw: Callable[[Figure], Any], width: float = WIDTH, height: float = 3.2) -> tuple[bytes, Any]:
    """A PNG of what `draw` puts on a figure, and what `draw` gives back."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(width, height), layout="constrained")  # not pyplot: it keeps figures, wants a thread
        FigureCanvasAgg(figure)
        given = draw(figure)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue(), given


def legend_above(axes: Axes) -> None:
    """The legend of an axes in one row above it, where no data lie."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles), borderaxespad=0.2, handletextpad=0.4)


def marker_size(n: int) -> float:
    """Area of a point among n, so that thousands do not become one blot."""
    return float(np.clip(4000 / max(1, n), 5, 26))


def fit(values: np.ndarray, sign: int) -> tuple[float, float, int]:
    """Limits of an axis that shows `values`, and how many of the worst fall outside.

    A few trials that are far worse than all others would squeeze those that matter into a line. The good end (the low
    one for sign 1) always shows.
    """
    worse = values * sign
    best, middle, high, worst = np.percentile(worse, [0, 50, 95, 100])
    cut = middle + 4 * max(high - middle, middle - best) if worst > middle + 12 * (high - middle) else worst
    cut = min(cut, worst)
    margin = 0.05 * (cut - best) or 0.05 * abs(best) or 0.5
    ends = sorted(((best - margin) * sign, (cut + margin) * sign))
    return ends[0], ends[1], int(np.sum(worse > cut))


def wants_log(values: np.ndarray, sign: int) -> bool:
    """Whether a cost spans so much that only a logarithmic axis shows it."""
    return sign > 0 and len(values) > 1 and values.min() > 0 and values.max() > 30 * values.min()


def scale(axes: Axes, which: str, values: np.ndarray, sign: int) -> int:
    """Scale axis `which` ("x" or "y") for `values` of an objective, as `fit` or logarithmic; how many fall outside."""
    if wants_log(values, sign):
        log_scale(axes, which, *log_limits(values))
        return 0
    low, high, outside = fit(values, sign)
    axes.set(**{f"{which}lim": (low, high)})
    return outside


def log_limits(values: np.ndarray) -> tuple[float, float]:
    """Limits of a logarithmic axis with all of some positive values inside and apart from its ends."""
    low, high = np.log(values.min()), np.log(values.max())
    margin = max(0.05, 0.04 * (high - low))
    low, high = np.exp(np.clip([low - margin, high + margin], -700, 700))  # what a float can be
    return float(low), float(high)


def log_scale(axes: Axes, which: str, low: float, high: float) -> None:
    """Make axis `which` ("x" or "y") logarithmic from `low` to `high`, with a few round numbers on it.

    Matplotlib's own ticks are powers of ten, of which a parameter's range often holds one or none.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}lim": (low, high)})
    if high > 3 * low:
        axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
        axis.set_major_locator(FixedLocator(_rounds(low, high)))
    else:  # hardly a curve, and linear axes have round numbers at every scale
        axis.set_major_locator(MaxNLocator(nbins=3))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_number(value)))
    axis.set_minor_locator(NullLocator())


def _rounds(low: float, high: float) -> list[float]:
    """Three to five round numbers from `low` to `high`, far enough from each other on a logarithmic axis."""
    powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    wide = high > 1000 * low
    steps = (1.0,) if wide else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
    rounds = np.array([step * 10.0**power for power in powers for step in steps])
    rounds = rounds[(rounds >= low) & (rounds <= high)]
    if wide:
        return thin(list(rounds), 5)
    places = np.exp(np.log(low) + np.log(high / low) * np.array([0.06, 0.5, 0.94]))
    chosen: list[float] = []
    for place in places:
        nearest = float(rounds[np.argmin(np.abs(np.log(rounds / place)))])
        if not chosen or np.log(nearest / chosen[-1]) > 0.25 * np.log(high / low):  # labels must not touch
            chosen.append(nearest)
    return chosen


def plain_number(value: float) -> str:
    """As short as it gets: 1.2e-4 for 0.00012."""
    text = f"{value:.3e}" if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    return re.sub(r"\.?0*e([+-])0*", lambda sign: "e-" if sign[1] == "-" else "e", text)


def shorten(text: object, limit: int = 22) -> str:
    """A name that fits beside an axis."""
    words = " ".join(str(text).split())
    return words if len(words) <= limit else f"{words[: limit - 1]}…"


def wrap(text: str, width: int) -> str:
    """A name or unit that fits beside an axis in at most two lines."""
    return fill(text, width, max_lines=2, placeholder="…")


def thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly taken, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]
