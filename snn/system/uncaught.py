"""The display of errors of the package that nobody catches."""

from __future__ import annotations

import sys
from types import TracebackType

from brian2.utils.logger import brian_excepthook

from snn.errors import SNNError


def spare_banner() -> None:
    """Show uncaught errors of the package as Python does.

    Brian2 shows any uncaught error under "Brian 2 encountered an unexpected error", with a request to report it as a
    bug of its own. A hook that somebody else has set is left alone.
    """
    if sys.excepthook is brian_excepthook:
        sys.excepthook = _show


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Brian2's hook, but for errors of this package."""
    hook = sys.__excepthook__ if issubclass(kind, SNNError) else brian_excepthook
    hook(kind, error, trace)
