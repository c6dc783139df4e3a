"""Calls of functions that a user wrote, whose errors may end a run but not the process."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from snn.errors import RunError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def call_user(function: Callable[Given, Returned], *arguments: Given.args, **named: Given.kwargs) -> Returned:
    """Call a function that a user wrote, or that calls one.

    Parameters
    ----------
    function : callable
        What to call, with the other arguments.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    RunError
        If the function raises what would end the process: `SystemExit`, `GeneratorExit` and all else that is no
        `Exception`. `KeyboardInterrupt` is raised as it is: it is Ctrl-C.

    Notes
    -----
    If the function forks, and the new process comes back from it, that process ends here. Otherwise two processes would
    go on with the same study.
    """
    process = os.getpid()
    try:
        return function(*arguments, **named)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise RunError(_words(error)) from error
    finally:
        if os.getpid() != process:
            os._exit(0)


def _words(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}"
    return f"A function of a study must return, or raise an Exception, but raised {error!r} in {where}."
