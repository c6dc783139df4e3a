"""The output of compilers while Brian2GeNN builds, captured from the file descriptors of this process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ERROR = re.compile(r"\berror\b ?[:#A-Z0-9]*|: not found|undefined reference", re.IGNORECASE)
AFTERMATH = re.compile(r"^(?:make|collect2|ld|g?make\[\d+\])\b|^genn-buildmodel|^Traceback")
"""What is said because something else has failed."""


@contextmanager
def heard(file: Path) -> Iterator[None]:
    """Write what this process and its children say, on standard output and standard error, into a file instead."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    try:
        with open(file, "wb") as words:
            os.dup2(words.fileno(), 1)
            os.dup2(words.fileno(), 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, before in enumerate(kept, 1):
            os.dup2(before, number)
            os.close(before)


def first_error(file: Path) -> str:
    """The first line that speaks of an error; of none, the last line."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if ERROR.search(line)]
    causes = [line for line in errors if not AFTERMATH.match(line)]
    return next(iter(causes or errors), lines[-1] if lines else "nothing")
