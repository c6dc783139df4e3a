"""Reads all trials of a study at once, without garbage collection in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def read(study: optuna.Study) -> None:
    """Have all trials at hand, so that whoever asks for them later reads only what is new."""
    with no_garbage():
        study.get_trials(deepcopy=False)


@contextmanager
def no_garbage() -> Iterator[None]:
    """While much is read: Python would look for garbage in all of it, over and over, for half of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
