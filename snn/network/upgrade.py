"""Reads the JSON of networks that earlier versions of the package wrote."""

from __future__ import annotations

import json
import re
from typing import Any

SCHEMA = 2
"""The version of a network's JSON.

1
    Until 0.2.0: weights as an array were ``Given``, and a projection's `target_variable` was ``onto``.
2
    Since then.
"""
CURRENT = re.compile(rf'"schema"\s*:\s*{SCHEMA}\b')
CLASSES = {"Given": "FromArray"}
FIELDS = {("Projection", "onto"): "target_variable"}


def upgraded(text: str) -> str:
    """Return a network's JSON as this version writes it; a text that is no JSON of schema 1 is returned as it is.

    A network without a schema is of schema 1. Weights, times and all other numbers stay as they are written.
    """
    if CURRENT.search(text):  # quick: a study has thousands of these texts
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text  # its reader says what is wrong
    if not isinstance(data, dict) or data.get("type") != "NetworkSpec" or data.get("schema", 1) != 1:
        return text
    return json.dumps({**_renamed(data), "schema": SCHEMA}, sort_keys=True, separators=(",", ":"))


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = str(value.get("type"))
    renamed = {FIELDS.get((kind, name), name): _renamed(item) for name, item in value.items()}
    return renamed | ({"type": CLASSES[kind]} if kind in CLASSES else {})
