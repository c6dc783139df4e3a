"""Errors that name the new name of something that was renamed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def renamed_arguments(**new: str) -> Callable[[Callable[Arguments, Returned]], Callable[Arguments, Returned]]:
    """Make a function refuse old names of its arguments, given as ``old="new"``, by a TypeError with the new name."""

    def decorate(function: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
        @wraps(function)
        def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Returned:
            for old in new.keys() & named.keys():
                raise TypeError(f"`{old}` of `{function.__name__}` is now `{new[old]}`: write {new[old]}=...")
            return function(*arguments, **named)

        return call

    return decorate


def renamed_attribute(owner: str, name: str, new: dict[str, str]) -> Any:
    """Raise the error for an attribute that is not there; for a ``__getattr__``.

    Raises
    ------
    AttributeError
        With the new name, if the attribute was renamed.
    """
    if name in new:
        raise AttributeError(f"`{name}` of {owner} is now {new[name]}.")
    raise AttributeError(f"{owner} has no attribute {name!r}.")
