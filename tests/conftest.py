"""What every test shares: which markers run, and why the others are skipped."""

from __future__ import annotations

import importlib.util
import shutil
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from snn.backends.genn.environment import check_genn
from snn.errors import BuildError

pytest.register_assert_rewrite("tests.support")  # their asserts say the values, as those of tests do

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the skipped tests by reason, rather than list them."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}")


@cache
def genn_missing(backend: str) -> str | None:
    """What GeNN lacks here for a backend, in one line."""
    try:
        check_genn(gpu=backend == "genn")
    except BuildError as error:
        return " ".join(str(error).split("\n"))
    return None


@pytest.fixture(params=["genn:cpu", "genn"], ids=["cpu", "gpu"])
def on_genn(request: pytest.FixtureRequest) -> str:
    """A backend that needs GeNN, or GeNN and a GPU; where they are not, the test says so."""
    if (missing := genn_missing(request.param)) is not None:
        pytest.skip(f"{request.param}: {missing}")
    return request.param
