"""Images of figures, and the trials that figures are drawn from."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from PIL import Image

BLANK = b"\x89PNG\r\n\x1a\n"  # the beginning of a PNG, and no picture


def sketch(draw: Callable[[Figure], Any], **size: float) -> tuple[bytes, Any]:
    """Draw on a figure of which no image is made; a blank one, and what `draw` gives back."""
    figure = Figure()
    FigureCanvasAgg(figure)
    return BLANK, draw(figure)


def pixels(png: bytes) -> np.ndarray:
    """Read the grey values of an image."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), float)


def is_drawn(png: bytes) -> bool:
    """Tell whether an image has many shades and more than a frame: some hundredths of its area are not white."""
    grey = pixels(png)
    return len(np.unique(grey)) > 20 and 0.002 < np.mean(grey < 200) < 0.8


def make_trial(number, values=None, state=TrialState.COMPLETE, params=None, broken=0.0, **result):
    """Make a trial as a search leaves it."""
    params = {"x": number / 100} if params is None else params
    space = {
        name: FloatDistribution(0, 1) if isinstance(value, float) else CategoricalDistribution(["a", "b", True, None])
        for name, value in params.items()
    }
    made = create_trial(
        state=state,
        values=values,
        params=params,
        distributions=space,
        user_attrs={"seed": number, "result": result},
        system_attrs={"constraints:size": broken} if broken else {},
    )
    made.number = number
    return made
