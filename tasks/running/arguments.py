"""Checks of the arguments of a run and of a search."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from snn.backends.program import DTYPES
from snn.backends.registry import BACKENDS
from snn.errors import nearest
from snn.profile import Profile
from snn.results.result import Result

MOST_SEED = 2**31 - 1

Check = Callable[[str, Any], str | None]
"""A name and a value -> what is wrong with the value, in one sentence; None if nothing is."""


def problems(arguments: Mapping[str, Any], checks: Mapping[str, Check], optional: Sequence[str]) -> list[str]:
    """Return all problems of arguments, one sentence each. None is right for the optional ones."""
    found = [checks[name](name, value) for name, value in arguments.items() if not (value is None and name in optional)]
    return [problem for problem in found if problem is not None]


def whole(least: int, most: int | None = None) -> Check:
    """A check of whole numbers within bounds; NumPy's are accepted, True and False are not."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def check(name: str, value: Any) -> str | None:
        number = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if number and int(value) >= least and (most is None or int(value) <= most):
            return None
        return f"`{name}` must be a whole number {bounds}, but is {value!r}."

    return check


def choice(choices: Sequence[str]) -> Check:
    """A check of one of a few words."""

    def check(name: str, value: Any) -> str | None:
        if isinstance(value, str) and value in choices:
            return None
        return f"`{name}` must be known, but is {value!r}; {nearest(str(value), choices)}."

    return check


def check_flag(name: str, value: Any) -> str | None:
    """True or False."""
    return None if isinstance(value, bool | np.bool_) else f"`{name}` must be True or False, but is {value!r}."


def check_seconds(name: str, value: Any) -> str | None:
    """A finite duration above zero."""
    if _is_real(value) and 0 < float(value) < math.inf:
        return None
    return f"`{name}` must be a number of seconds above 0, such as 60, but is {value!r}."


def check_bytes(name: str, value: Any) -> str | None:
    """A number of bytes; a text such as 2GiB is for the command line."""
    if (problem := whole(1)(name, value)) is None:
        return None
    words = problem.replace("a whole number", "a whole number of bytes,", 1).removesuffix(".")
    return f"{words}: write {name}=2 * 2**30 for 2 GiB."


def check_record(name: str, value: Any) -> str | None:
    """Names of what to record, or one name."""
    if isinstance(value, str):
        return None
    if isinstance(value, Collection) and all(isinstance(item, str) for item in value):
        return None
    return f"`{name}` must be a list of names such as ['spikes', 'hidden.v'], but is {value!r}."


def check_upto(name: str, value: Any) -> str | None:
    """A fraction above 0, up to 1."""
    return None if _is_real(value) and 0 < value <= 1 else f"`0 < {name} <= 1` must hold, but {name} = {value!r}."


def check_after(name: str, value: Any) -> str | None:
    """The result of a run that has stopped."""
    if isinstance(value, Result):
        return None
    return f"`{name}` must be the Result of a run that has stopped, or None, but is a {type(value).__name__}."


def check_cancel(name: str, value: Any) -> str | None:
    """An event, or what has its `is_set`."""
    if callable(getattr(value, "is_set", None)):
        return None
    return f"`{name}` must be a threading.Event or None, but is {value!r}."


def check_profile(name: str, value: Any) -> str | None:
    """A profile."""
    if isinstance(value, Profile):
        return None
    return f"`{name}` must be a snn.profile.Profile or None, but is {value!r}: write {name}=Profile()."


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


COMMON: Mapping[str, Check] = {
    "backend": choice(BACKENDS),
    "dtype": choice(tuple(DTYPES)),
    "timeout": check_seconds,
    "memory": check_bytes,
}
"""Checks of what a run and a search are both given."""
