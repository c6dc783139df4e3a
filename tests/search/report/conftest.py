"""A report is written and read."""

from __future__ import annotations

import pytest

from tests.support.pages import read


@pytest.fixture
def report(snnsearch, folder):
    """Write the report of a script and read it."""

    def write(script, *arguments):
        ended = snnsearch("report", script, "-o", folder / "report.html", *arguments)
        assert ended.status == 0, ended.err
        return read(folder / "report.html")

    return write
