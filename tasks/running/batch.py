"""Runs that share one simulation: calls of several runs that fit together are made as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Outcome, Program, Samples, check_finite
from snn.backends.registry import one_program
from snn.backends.state import State
from snn.errors import ArgumentError, Cancelled, MachineError
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from snn.results.result import Result


@dataclass(frozen=True)
class Call:
    """A call that a run waits for: a piece of its samples, run through its program.

    Parameters
    ----------
    program : Program
    engine : tuple of str
        The backend and the dtype of the program.
    candidate, samples, state, options
        As in `Program.advance`.
    """

    program: Program
    engine: tuple[str, str]
    candidate: Candidate
    samples: Samples
    state: State | None
    options: RunOptions


Answer = tuple[Outcome, float]
"""What a call gave, and how many seconds since it was asked for belong to other runs."""
Calls = Generator[Call, Answer, "Result"]
"""A run: it asks for its calls one after the other, and ends with its result."""


def alone(calls: Calls) -> Result:
    """Bring one run to its end; what goes wrong is raised."""
    (result,) = together([calls])
    if isinstance(result, Exception):
        try:
            raise result
        finally:
            del result  # whose traceback has this frame
    return result


def together(runs: Sequence[Calls]) -> list[Result | Exception]:
    """Bring runs to their ends side by side.

    All of them go on until each waits for a call or has ended. Then the calls that fit together, which are those of one
    backend with the same precision and options, are made as one, and so on. Compiled programs ("standalone") run one
    after the other, each by itself.

    Parameters
    ----------
    runs : sequence of generators
        As `Task.calls` makes them. They are of any structures and lengths.

    Raises
    ------
    ArgumentError
        If one of them is not a generator.

    Returns
    -------
    list of Result or Exception
        For each run what it gave, or the error that it ended with. Errors are of one run only: where a joint call
        fails, its halves are made, and so on down to single ones, so that the others go on. `Cancelled` and
        `MachineError` end all that have part in the call.

    Notes
    -----
    A result is that of the same run alone but for the times (`seconds`, `run_seconds`), where of a joint call each run
    has its equal share, for `peak_memory_bytes`, which is that of the whole call, and for `builds`, since of several
    runs of a new structure the first builds it. A joint call of k runs may take k times as long as the one that has
    the least time left.
    """
    wrong = [f"{place} is a {type(run).__name__}" for place, run in enumerate(runs) if not isinstance(run, Generator)]
    if wrong:
        raise ArgumentError(f"`runs` must be runs as Task.calls(...) makes them, but number {', '.join(wrong)}.")
    members = [_Member(calls) for calls in runs]
    while waiting := [member for member in members if member.call is not None]:
        for group in _groups(waiting):
            _advance(group)
    return [member.result for member in members]


class _Member:
    """A run on its way: the call that it waits for, or what it ended with."""

    call: Call | None
    result: Result | Exception

    def __init__(self, calls: Calls):
        self._calls = calls
        self._go_on(partial(next, calls))

    def hear(self, outcome: Outcome, seconds: float) -> None:
        """Go on with what the call gave, of whose time `seconds` are this run's."""
        idle = time.monotonic() - self._asked - seconds
        try:
            check_finite(outcome)
        except Exception as error:
            return self.fail(error)
        self._go_on(lambda: self._calls.send((outcome, idle)))

    def fail(self, error: Exception) -> None:
        """Raise the error of the call inside the run, which may handle it."""
        self._go_on(lambda: self._calls.throw(error))

    def _go_on(self, step: Callable[[], Call]) -> None:
        self.call = None
        try:
            self.call = call_user(step)  # a user's task may do anything
        except StopIteration as end:
            self.result = end.value
        except Exception as error:
            self.result = error
        self._asked = time.monotonic()


def _groups(members: Sequence[_Member]) -> list[list[_Member]]:
    """Those whose calls fit together, in their order."""
    groups: dict[object, list[_Member]] = {}
    for member in members:
        groups.setdefault(_kind(member.call) or id(member), []).append(member)
    return list(groups.values())


def _kind(call: Call | None) -> object:
    """Return a key that is equal for calls that can be made as one. None for a call that is made by itself."""
    if call is None or not one_program(call.engine[0]):
        return None
    options = call.options
    return call.engine, replace(options, timeout=None), id(options.cancel), id(options.profile)


def _advance(group: Sequence[_Member]) -> None:
    """Make the calls of a group as one."""
    calls = [member.call for member in group if member.call is not None]
    began = time.monotonic()
    try:
        outcomes = calls[0].program.advance(
            [call.candidate for call in calls],
            [call.samples for call in calls],
            [call.state for call in calls],
            replace(calls[0].options, timeout=_timeout(calls)),
        )
    except (Cancelled, MachineError) as error:  # no fault of one of them: their halves would fare the same
        for member in group:
            member.fail(type(error)(str(error)))
    except Exception as error:
        if len(group) == 1:
            return group[0].fail(error)
        half = len(group) // 2
        _advance(group[:half])
        _advance(group[half:])
    else:
        share = (time.monotonic() - began) / len(group)
        del calls  # with their samples: the runs make new ones
        for place, member in enumerate(group):
            member.hear(outcomes[place], share)


def _timeout(calls: Sequence[Call]) -> float | None:
    """Seconds for all of them."""
    each = [call.options.timeout for call in calls if call.options.timeout is not None]
    return len(calls) * min(each) if each else None
