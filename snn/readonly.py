"""Arrays and mappings that cannot be changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np


class ReadOnlyDict(dict):
    """A dict that refuses changes. It compares equal to a dict, and can be written as JSON, pickled and copied.

    A changeable copy is ``dict(mapping)``.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("This mapping is read-only; change a copy of it: dict(mapping).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict]]:
        return type(self), (dict(self),)  # pickle and copy would set items one by one


def readonly(value: Any) -> Any:
    """The same value, not to be changed by whoever gets it.

    Parameters
    ----------
    value : array, mapping or anything else
        An array becomes a read-only view: nothing is copied, and the array itself stays as it is. A mapping becomes a
        `ReadOnlyDict`, whose items are treated alike. Anything else is returned as it is.
    """
    if isinstance(value, np.ndarray):
        if not value.flags.writeable:
            return value
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, Mapping):
        return ReadOnlyDict((key, readonly(item)) for key, item in value.items())
    return value


def protect(owner: object, *names: str) -> None:
    """Make fields of a frozen dataclass object read-only, as `readonly` does; for its ``__post_init__``."""
    for name in names:
        object.__setattr__(owner, name, readonly(getattr(owner, name)))
