"""Statements of generated code, and the names that they write."""

from __future__ import annotations

import re
from collections.abc import Iterator

STATEMENT = re.compile(r"^\s*(\w+)\s*(\*\*|//|[-+*/%])?=(?!=)\s*(.*?)\s*$")
ASSIGNMENT = re.compile(r"^\s*(\w+)\s*(?:[-+*/%]|//|\*\*)?=(?!=)", re.MULTILINE)


def statements(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, operator and right side of each statement."""
    for line in re.sub("#.*", "", text).replace(";", "\n").splitlines():
        if line.strip():
            match = STATEMENT.match(line)
            if match is None:
                raise ValueError(f"{line!r} is no statement that assigns to a name")
            yield match.group(1), match.group(2) or "", match.group(3)


def written_names(code: str) -> set[str]:
    """The names that statements assign to."""
    return set(ASSIGNMENT.findall(code.replace(";", "\n")))
