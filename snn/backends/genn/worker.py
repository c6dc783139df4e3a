"""The worker in GeNN's environment, which answers one request of `snn.backends.genn.program`."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from snn.backends.batch import Population, advance_together
from snn.backends.genn.exchange import Request, write_error, write_outcomes
from snn.backends.genn.inventory import found
from snn.backends.genn.requirements import problems
from snn.backends.options import RunOptions
from snn.backends.program import DTYPES, Candidate, Outcome, Samples
from snn.backends.state import State
from snn.errors import BuildError, RunError, SNNError

NO_ROOM = "failed to map segment"
"""The words of the loader for a library that does not fit into memory."""


def _runtime(request: Request) -> list[Outcome]:
    """Brian2 for NumPy: slow, and what the exchange is tested with."""
    from snn.backends.runtime.program import RuntimeProgram

    program = RuntimeProgram("numpy", request.dtype)
    return program.advance(request.candidates, request.samples, request.states, request.options)


def _genn(request: Request) -> list[Outcome]:
    """Brian2GeNN, one simulation for all candidates that fit together."""
    missing = problems(found(), request.options.gpu)
    if missing:
        raise BuildError("\n".join(missing))
    from snn.backends.genn.engine.simulate import simulate

    def run(planned: Candidate | Population, samples: Samples, state: State | None, options: RunOptions) -> Outcome:
        return simulate(planned, samples, state, DTYPES[request.dtype], options)

    return advance_together(request.candidates, request.samples, request.states, request.options, run)


ENGINES: dict[str, Callable[[Request], list[Outcome]]] = {"runtime": _runtime, "genn": _genn}


def main(place: str) -> None:
    """Read a request in a folder, run it, write the answer; an error that is meant for the user is one."""
    folder = Path(place)
    sys.excepthook = sys.__excepthook__  # Brian2's asks for a report with a file that will be gone
    try:
        request = Request.read(folder)
        limit = None if request.options.gpu else request.options.memory
        try:
            with _limited(limit):
                outcomes = _run(request)
        except MemoryError:  # said outside the limit: words need memory too
            given = "this machine has" if limit is None else f"the {limit / 2**20:.4g} MiB that it was given"
            text = f"The run needs more memory than {given}: raise --memory-limit or make the network smaller."
            raise RunError(text) from None
        write_outcomes(folder, outcomes)
    except SNNError as error:
        write_error(folder, error)


def _run(request: Request) -> list[Outcome]:
    from brian2.core.base import BrianObjectException

    try:
        return ENGINES[request.engine](request)
    except (BrianObjectException, ImportError) as error:
        about = error.__cause__ or error
        if isinstance(about, MemoryError) or NO_ROOM in str(about):
            raise MemoryError from None
        if isinstance(error, ImportError):
            raise
        raise BuildError(f"Brian2 refuses the network's equations: {type(about).__name__}: {about}") from error


@contextmanager
def _limited(limit: int | None) -> Iterator[None]:
    """Let the process take so much, what it has by now included.

    The system limits addresses, of which Python and its libraries reserve many that they never use, and CUDA all of
    them: those are not counted, and there is no limit where a GPU is used.
    """
    if limit is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    addresses, resident = (
        int(word) * resource.getpagesize() for word in Path("/proc/self/statm").read_text().split()[:2]
    )
    resource.setrlimit(resource.RLIMIT_AS, (addresses + max(0, limit - resident), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
