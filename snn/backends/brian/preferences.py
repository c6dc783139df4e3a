"""Brian2's preferences, set by this package whatever a user's preference file says.

Brian2 reads the files ``brian_preferences`` in the working folder and ``~/.brian/user_preferences``. They are for a
user's own Brian2 scripts. Results must not depend on them: compiled programs are shared, and trials are repeated on
other machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2 import prefs
from brian2.codegen.translation import make_statements

THE_USERS = (
    *("logging.", "core.outdated_dependency_error", "core.stop_on_keyboard_interrupt", "codegen.max_cache_dir_size"),
    *("codegen.runtime.cython.", "codegen.cpp.compiler", "codegen.cpp.msvc_", "codegen.cpp.include_dirs"),
    *("codegen.cpp.library_dirs", "codegen.cpp.runtime_library_dirs", "GSL.", "devices.genn."),
    *("devices.cpp_standalone.make_cmd_unix", "devices.cpp_standalone.extra_make_args_"),
)
"""Beginnings of the preferences that stay a user's: where things are on this machine, and what is told of a run."""
OURS = (
    *("devices.genn.connectivity", "devices.genn.synapse_span_type", "devices.genn.cpp_backend."),
    "devices.genn.cuda_backend.extra_compile_args",
)
"""Exceptions to them."""


@contextmanager
def own_preferences(dtype: type = np.float64, target: str = "auto") -> Iterator[None]:
    """Brian2 with its own default preferences, this precision and this target; afterwards with the user's again.

    Preferences belong to the process: not for several threads at a time.
    """
    before = {name: prefs[name] for name in _ours()}
    try:
        set_own_preferences(dtype, target)
        yield
    finally:
        _set(before)


def set_own_preferences(dtype: type = np.float64, target: str = "auto") -> None:
    """The same for the rest of a process."""
    _set(_ours() | {"core.default_float_dtype": dtype, "codegen.target": target})


def _set(values: dict[str, Any]) -> None:
    changed = [name for name, value in values.items() if prefs[name] != value]
    for name in changed:
        prefs[name] = values[name]
    if set(changed) - {"codegen.target"}:
        make_statements._cache.clear()  # Brian2 keeps what it has made of code, whatever the preferences were


def _ours() -> dict[str, Any]:
    """The default values of the preferences that this package sets."""
    defaults = {
        f"{base}.{name}": preference.default
        for base, (preferences, _) in prefs.pref_register.items()
        for name, preference in preferences.items()
    }
    return {name: value for name, value in defaults.items() if _decides_numbers(name)}


def _decides_numbers(name: str) -> bool:
    return name.startswith(OURS) or not name.startswith(THE_USERS)
