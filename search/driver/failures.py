"""The end of a search whose first trials all fail for one reason."""

from __future__ import annotations

import re

from search.errors import StudyError

FIRST = 10  # trials

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")


def kind(reason: str) -> str:
    """A reason with its numbers left out: two trials that differ in these only have failed for one reason."""
    return _NUMBER.sub("#", reason)


class Failures:
    """Watches the first trials of a start of a search.

    They are those that were begun first. Trials that take longer than others are waited for, so many workers and a
    few settings that fail at once do not stop a search. As soon as any trial of this start ends in another way, the
    search goes on whatever comes.

    Parameters
    ----------
    keep_going : bool
        Whether the search goes on in any case.
    """

    def __init__(self, keep_going: bool = False):
        self._watching = not keep_going
        self._first: dict[int, str | None] = {}  # trial -> the kind of its failure, None while it runs

    def begun(self, number: int) -> None:
        """Record that a trial was begun or taken up."""
        if self._watching and len(self._first) < FIRST:
            self._first[number] = None

    def ended(self, number: int, reason: str | None) -> StudyError | None:
        """A trial has ended, and if it failed, for this reason. If that makes the search hopeless, an error says so."""
        if not self._watching:
            return None
        kinds = {failed for failed in self._first.values() if failed is not None}
        if reason is None or kinds - {kind(reason)}:
            self._watching = False
        elif number in self._first:
            self._first[number] = kind(reason)
            if len(self._first) == FIRST and None not in self._first.values():
                return StudyError(
                    f"The first {FIRST} trials of this start failed for one reason, so the search has stopped: "
                    f"{reason.rstrip('.')}. Mend it, or go on with --keep-going (in Python `keep_going=True`)."
                )
        return None
