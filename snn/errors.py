"""Errors whose message is meant for the user: the rule, the value and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SNNError(Exception):
    """Base of every error that a user can cause or mend; its text is complete without a traceback."""


class Problems(SNNError):
    """All problems of something, found at once.

    Parameters
    ----------
    problems : str or iterable of str
        Every problem found, each one sentence. All of them are reported at once.
    """

    def __init__(self, problems: str | Iterable[str]):
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class NetworkError(Problems):
    """Something is wrong with a network."""


class DataError(Problems):
    """A task's data cannot be used.

    A file is missing, truncated or corrupt, which the text names with what was expected and what was found; or values,
    labels, signals or split break a rule.
    """


class ArgumentError(Problems):
    """Arguments of a run are of the wrong type or out of their range."""


class BuildError(SNNError):
    """A program could not be built: the compiler is missing or refused the code; carries the compiler's words."""


class RunError(SNNError):
    """A run did not finish."""


class RunTimeout(RunError):
    """A run took longer than it was given."""


class Killed(RunError):
    """A run's process was killed by somebody else, or by a system without memory: the run itself may be all right."""


class MachineError(RunError, BuildError):
    """A fault of the machine, met by a run or a build that may be all right: no process, file or room to be had.

    Also a file or an answer of our own that cannot be read. A search tries again and never fails a trial for it.
    """


class NotStarted(MachineError):
    """The system did not start a program: it is not there, may not be run, or is for another machine."""


class NotFinite(RunError):
    """A run produced a value that is not a finite number."""


class OtherRun(RunError):
    """The result to continue from belongs to another run."""


class OtherData(RunError):
    """The data that a run finds are not those that it is to run on."""


class Cancelled(RunError):
    """A run was stopped because its caller asked for it."""


class NetworkWarning(UserWarning):
    """A network can be run, but is probably not what was meant."""


class RoundedTime(NetworkWarning):
    """A delay or a refractory time of a network is no multiple of its dt; names the value and the steps counted."""


def nearest(name: object, choices: Iterable[object]) -> str:
    """Text that lists the choices and the nearest one, to end an error about an unknown name.

    >>> nearest("accurcy", ["accuracy", "loss"])
    "choices: 'accuracy', 'loss'; nearest: 'accuracy'"
    """
    words = sorted(str(choice) for choice in choices)
    text = "choices: " + ", ".join(map(repr, words)) if words else "there are no choices"
    by_lower = {word.lower(): word for word in words}
    close = get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    return f"{text}; nearest: {by_lower[close[0]]!r}" if close else text
