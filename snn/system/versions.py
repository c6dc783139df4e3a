"""Versions of the packages that decide a result."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

NAMED = ("snnsearch", "brian2", "numpy", "optuna")


@cache  # reading a package's metadata takes milliseconds, and every trial asks
def installed(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Return the versions that a result stores."""
    return {"python": platform.python_version()} | {package: installed(package) for package in NAMED}
