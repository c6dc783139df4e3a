"""The command line that repeats a search."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from search.storage.location import mask

if TYPE_CHECKING:
    from search.spec.spec import Plan

FLAGS = {"constraints": "constraint", "memory": "memory-limit", "warm_start": "warm-start"}  # named otherwise


def place(plan: Plan) -> str:
    """STUDY and the options that name the same study for another command; passwords hidden."""
    default = plan.script.folder / f"{plan.script.stem}.journal"
    words = [str(plan.script.file or plan.script.stem)]
    if plan.location.text != str(default):
        words += ["--storage", plan.location.shown]
    if plan.name != plan.script.stem:
        words += ["--name", plan.name]
    return shlex.join(words)


def options(given: Mapping[str, Any]) -> list[str]:
    """Settings of a run as words of its command line, which follow `place`; None was not given; passwords hidden."""
    words = []
    for name, value in given.items():
        for one in value if isinstance(value, list | tuple) else [] if value is None else [value]:
            text = json.dumps(one) if isinstance(one, Mapping) else f"{one}B" if name == "memory" else str(one)
            words += [f"--{FLAGS.get(name, name)}", mask(text)]
    return words
