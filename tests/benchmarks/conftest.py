"""Run a benchmark in the process of its test."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import pytest


@pytest.fixture
def short(monkeypatch, capsys, tmp_path):
    """Run a benchmark here, short, and give what its one line of JSON says."""

    def run(benchmark: str, *arguments: str, rounds: int = 1) -> dict:
        words = [benchmark, "--json", "--short", f"--rounds={rounds}", *arguments]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "programs"))  # some have a cache of their own
        capsys.readouterr()
        import_module(f"tests.benchmarks.{benchmark}").main()
        (line,) = capsys.readouterr().out.splitlines()
        return json.loads(line)

    return run
