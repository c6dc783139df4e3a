"""The command line in tests: the checkout that processes start in, and the one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"study", "storage", "trials", "builds", "seconds", "best", "files"}  # of `run` and `show`


def line(text: str) -> dict[str, Any]:
    """Read the one line that --json writes."""
    assert text.endswith("\n") and text.count("\n") == 1
    return json.loads(text)
