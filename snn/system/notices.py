"""Notices about a network that are no errors: a warning of Python's, or a line of a search."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from snn.errors import NetworkWarning

PACKAGES = ("snn", "tasks", "search")

_told: ContextVar[Callable[[Hashable, str], None] | None] = ContextVar("told", default=None)


def notice(key: Hashable, text: str, category: type[NetworkWarning] = NetworkWarning) -> None:
    """Tell the user something.

    Parameters
    ----------
    key : hashable
        What it is about. Within `said_once`, only the first notice with a key is said.
    text : str
        A sentence with the value and a remedy.
    category : type, default NetworkWarning
        The class of the warning.
    """
    tell = _told.get()
    if tell is None:
        warnings.warn(text, category, stacklevel=_outside())
    else:
        tell(key, text)


@contextmanager
def said_once(say: Callable[[str], None]) -> Iterator[None]:
    """Within it, have notices said by a function instead of warned of: a search builds a network for every trial."""
    known: set[Hashable] = set()

    def tell(key: Hashable, text: str) -> None:
        if key not in known:
            known.add(key)
            say(text)

    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)


def _outside() -> int:
    """The `stacklevel` at which `notice` warns of the line of the user's code that has called into this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in PACKAGES:
        frame, level = frame.f_back, level + 1
    return level
