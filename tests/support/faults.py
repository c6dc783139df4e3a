"""Force a fault of the machine once."""

from __future__ import annotations

import errno
import os
import subprocess


def once(monkeypatch, owner, name: str, error: Exception, **options):
    """Have the first call of a function fail; the list of its calls."""
    function, calls = getattr(owner, name, open), []

    def failing(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return function(*arguments, **keywords)

    monkeypatch.setattr(owner, name, failing, **options)
    return calls


def full(monkeypatch):
    return once(monkeypatch, subprocess, "Popen", BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)))
