"""The answer of a cluster worker, as results and errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.errors import ExecutorLost
from snn import errors

if TYPE_CHECKING:
    from snn.results.result import Result


def results(answer: Mapping[str, Any], data: Sequence[bytes]) -> list[Result | Exception]:
    """Return the result or the error of each job in an answer of `search.execution.cluster_worker.run_jobs`.

    `ExecutorLost` is the error of a job that another worker may run: the machine of this one is at fault, or the result
    was damaged on its way.
    """
    return [
        _result(given) if said is None else _error(answer["worker"], said)
        for said, given in zip(answer["errors"], data, strict=True)
    ]


def _result(data: bytes) -> Result | Exception:
    from snn.results.result import Result

    try:
        return Result.from_bytes(data)
    except errors.SNNError as error:
        return ExecutorLost(f"A result must come back whole, but has not: {error}")


def _error(worker: str, said: Mapping[str, str]) -> Exception:
    if said["error"] == ExecutorLost.__name__:
        return ExecutorLost(f"{worker}: {said['message']}")
    return getattr(errors, said["error"], errors.RunError)(said["message"])
