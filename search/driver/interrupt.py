"""Ctrl-C: the first one asks the search to stop, the second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """While it is entered, SIGINT sets `asked` and calls `then`; a second SIGINT raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False
        self.then: Callable[[], None] = lambda: None
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if current_thread() is main_thread():  # only there does Python allow a handler
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self.then()
