"""Run a benchmark as a command."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.digits_study import CHECKOUT


def command(benchmark: str, *arguments: str) -> dict:
    """Run a benchmark as a command, and give what it writes."""
    words = [sys.executable, "-m", f"tests.benchmarks.{benchmark}", "--json", *arguments]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
