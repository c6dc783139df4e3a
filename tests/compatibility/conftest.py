"""One cache of compiled programs for all stored networks, and the command line in process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search.cli import main


@pytest.fixture(scope="session", autouse=True)
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of compiled programs that all tests here share, in all processes of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stored-programs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNSEARCH_CACHE", str(folder))
        yield folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; what loading scripts does to the import system is undone."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("snnsearch_study"):
            del sys.modules[name]


@pytest.fixture
def output(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command line, which must succeed; its standard output."""

    def run(*words: object) -> str:
        capsys.readouterr()
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


@pytest.fixture
def data(output: Callable[..., str]) -> Callable[..., Any]:
    """Run a command line; the JSON that it writes."""
    return lambda *words: json.loads(output(*words))
