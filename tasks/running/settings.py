"""The settings of a run, each declared once with its default and its check."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from snn.backends.program import DTYPES
from snn.backends.registry import BACKENDS
from snn.errors import ArgumentError, nearest
from snn.network.builder import Network
from snn.network.spec import NetworkSpec
from snn.profile import Profile
from snn.results.result import Result
from tasks.running import arguments as check

Runs = TypeVar("Runs", bound=Callable[..., Any])


def setting(default: Any, check: check.Check) -> Any:
    """Declare a setting; None is always right where it is the default."""
    return field(default=default, metadata={"check": check})


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The settings of a run; `Task.run` documents them."""

    seed: int = setting(0, check.whole(0, check.MOST_SEED))
    backend: str = setting("standalone", check.choice(BACKENDS))
    dtype: str = setting("float32", check.choice(tuple(DTYPES)))
    record: Sequence[str] = setting((), check.check_record)
    record_samples: int = setting(5, check.whole(0))
    upto: float = setting(1.0, check.check_upto)
    after: Result | None = setting(None, check.check_after)
    test: bool = setting(False, check.check_flag)
    settling: bool = setting(False, check.check_flag)
    timeout: float | None = setting(None, check.check_seconds)
    cancel: threading.Event | None = setting(None, check.check_cancel)
    profile: Profile | None = setting(None, check.check_profile)
    memory: int | None = setting(None, check.check_bytes)

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names to record, of which one may be given as a text."""
        return (self.record,) if isinstance(self.record, str) else tuple(self.record)


CHECKS: Mapping[str, check.Check] = {item.name: item.metadata["check"] for item in fields(RunSettings)}
OPTIONAL = tuple(item.name for item in fields(RunSettings) if item.default is None)


def run_settings(network: object, given: Mapping[str, Any]) -> RunSettings:
    """Check the arguments of `Task.run` and return its settings.

    Raises
    ------
    ArgumentError
        With one sentence for each argument that is wrong.
    """
    problems = [f"A run has no setting {name!r}; {nearest(name, CHECKS)}." for name in given if name not in CHECKS]
    if not isinstance(network, Network | NetworkSpec):
        remedy = ": call it with a trial, and give what it returns" if callable(network) else ""
        problems.append(f"`network` must be a Network or NetworkSpec, but is a {type(network).__name__}{remedy}.")
    known = {name: value for name, value in given.items() if name in CHECKS}
    problems += check.problems(known, CHECKS, OPTIONAL)
    if problems:
        raise ArgumentError(problems)
    return RunSettings(**known)


def shows_settings(run: Runs) -> Runs:
    """Give a method that takes ``**settings`` a signature with every setting, for help and editors."""
    signature = inspect.signature(run)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in _parameters()]
    run.__signature__ = signature.replace(parameters=[*own, *keywords])  # type: ignore[attr-defined]  # for inspect
    return run


def _parameters() -> list[inspect.Parameter]:
    return list(inspect.signature(RunSettings).parameters.values())
