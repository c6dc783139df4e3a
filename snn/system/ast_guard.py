"""A lock around Python's parser, for CPython versions that need one."""

from __future__ import annotations

import ast
import os
import sys
from functools import wraps
from threading import RLock
from typing import Any


def guard_ast() -> None:
    """Let one thread at a time run `ast.parse`, in this process, from now on. Nothing is done on Python 3.12 and later.

    `ast.parse` makes Python objects of a syntax tree and counts the depth. CPython 3.11 keeps one count for all
    threads. A garbage collection in between may let another thread parse. Then the count is wrong, and a sound text
    ends in "SystemError: AST constructor recursion depth mismatch". Later versions do not collect garbage there.

    All users of the parser are in this: Brian2, NumPy's `load`, this package, and a user's own code, also
    `ast.literal_eval`, which calls `ast.parse`. So the lock is around the function itself. Whoever starts threads
    that run trials calls this.
    """
    if sys.version_info >= (3, 12) or hasattr(ast.parse, "__wrapped__"):
        return
    lock, parse = RLock(), ast.parse  # RLock: code that runs in a garbage collection may parse too

    @wraps(parse)
    def one_at_a_time(*arguments: Any, **keywords: Any) -> Any:
        with lock:
            return parse(*arguments, **keywords)

    # A process that a user's code forks gets a lock that is free.
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    ast.parse = one_at_a_time
