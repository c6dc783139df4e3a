"""What every test shares: which markers run, and why the others are skipped."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable

import pytest

Reason = Callable[[pytest.Config], str | None]


def option(name: str) -> Reason:
    """The marked tests run when an option asks for them."""
    return lambda config: None if config.getoption(name) else f"runs with --{name}"


def programs(*names: str) -> Reason:
    """The marked tests need these programs."""

    def reason(config: pytest.Config) -> str | None:
        missing = [name for name in names if shutil.which(name) is None]
        return f"{' and '.join(missing)} not on the PATH" if missing else None

    return reason


def package(name: str) -> Reason:
    """The marked tests need this Python package."""
    return lambda config: None if importlib.util.find_spec(name) else f"the package {name} is not installed"


NEEDS: dict[str, Reason] = {
    "slow": option("slow"),
    "nightly": option("nightly"),
    "browser": programs("chromium", "chromedriver"),
    "cluster": package("distributed"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("snnsearch")
    group.addoption("--slow", action="store_true", help="run the tests marked slow too, as CI does")
    group.addoption("--nightly", action="store_true", help="run the tests marked nightly too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {marker: need(config) for marker, need in NEEDS.items()}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{marker}: {reason}"))
