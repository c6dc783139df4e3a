"""Calls of a user's methods, and the collection of all their problems."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from snn.errors import DataError, SNNError

if TYPE_CHECKING:
    from tasks.data import Source

T = TypeVar("T")


def call(task: Source, method: str, *arguments: Any) -> Any:
    """Call a method that a user wrote; an error that is none of ours becomes one that names the method."""
    try:
        return getattr(task, method)(*arguments)
    except SNNError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:2]  # the method's own
        where = f" in line {frames[0].lineno} of {frames[0].filename}" if frames else ""
        raise DataError(f"`{method}` of {task.name} failed{where}: {type(error).__name__}: {error}") from error


def collect(found: list[str], check: Callable[..., T], *arguments: Any) -> T | None:
    """Return the value of a check. If it raises an error, add the error's sentences to `found` and return None."""
    try:
        return check(*arguments)
    except DataError as error:
        found += error.problems
        return None


def shown(value: Any) -> str:
    """A value in an error: its type, or itself if it is short."""
    text = re.sub(r"\s+", " ", repr(value))
    return text if value is None or len(text) <= 20 else f"a {type(value).__name__}"
