"""The digits study in a folder of its own, for benchmarks that run it."""

from __future__ import annotations

import importlib.util
import os
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def digits_study():
    """The study of studies/digits.py."""
    spec = importlib.util.spec_from_file_location("digits_study_script", CHECKOUT / "studies" / "digits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def quiet():
    """Standard error to nowhere: progress is not what is measured."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
