"""Standard output and standard error of the command line."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

NEVER_FAIL = ("replace", "backslashreplace", "xmlcharrefreplace", "namereplace", "ignore")


def replace_characters() -> None:
    """Have characters that an output's encoding lacks replaced; they would be errors where it is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors not in NEVER_FAIL:
            stream.reconfigure(errors="replace")


@contextmanager
def only_result(to_the_end: bool = False) -> Iterator[TextIO]:
    """Keep standard output for what is written to the file that is yielded; all else goes to standard error.

    That is what scripts print, in Python, in C, or in processes that they start.

    Parameters
    ----------
    to_the_end : bool
        Whether it stays so until the process ends: a script may print at its exit.
    """
    before = sys.stdout
    if not _is_descriptor_1(before):  # replaced by something in Python
        sys.stdout = sys.stderr
        try:
            yield before
        finally:
            sys.stdout = before
        return
    before.flush()
    kept = os.dup(1)
    os.dup2(_standard_error(), 1)
    sys.stdout = sys.stderr or before
    result = os.fdopen(kept, "w", encoding=before.encoding, errors=before.errors)
    try:
        yield result
        result.flush()
    finally:
        if not to_the_end:
            _flush_c()
            before.flush()  # a script may have kept it
            sys.stdout = before
            os.dup2(kept, 1)
            with suppress(OSError):  # nobody reads on
                result.close()


def _is_descriptor_1(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 1
    except (OSError, AttributeError):  # io.UnsupportedOperation is one; None has no such method
        return False


def _standard_error() -> int:
    try:
        os.fstat(2)
    except OSError:  # closed
        return os.open(os.devnull, os.O_WRONLY)
    return 2


def _flush_c() -> None:
    """Write what C code has printed and not written yet."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
