"""The names of backends, and the program of a network on one of them."""

from __future__ import annotations

from snn.backends.options import PLAIN, RunOptions
from snn.backends.program import DTYPES, Candidate, Program
from snn.errors import SNNError, nearest

BACKENDS = ("standalone", "runtime", "runtime:numpy", "runtime:cython", "genn", "genn:cpu")


def load_program(
    candidate: Candidate, backend: str = "standalone", dtype: str = "float32", options: RunOptions = PLAIN
) -> Program:
    """The program for a network's structure, compiled if it is not in the cache.

    Raises
    ------
    SNNError
        For an unknown backend or dtype.
    BuildError
        If it cannot be compiled, or what the backend needs is not installed.
    RunTimeout, Cancelled
        If the options' time was up, or their event was set, before it was compiled.
    """
    if backend not in BACKENDS:
        raise SNNError(f"There is no backend {backend!r}; {nearest(backend, BACKENDS)}.")
    if dtype not in DTYPES:
        raise SNNError(f"There is no dtype {dtype!r}; {nearest(dtype, DTYPES)}.")
    if backend == "standalone":
        from snn.backends.standalone.program import StandaloneProgram

        return StandaloneProgram.load(candidate, dtype, options)
    if backend.startswith("genn"):
        from snn.backends.genn.program import GennProgram

        return GennProgram.load(backend, dtype)
    from snn.backends.runtime.program import RuntimeProgram

    return RuntimeProgram(backend.partition(":")[2] or "numpy", dtype)


def one_program(backend: str) -> bool:
    """Whether one program runs networks of all structures, so that one call may have candidates of several."""
    return backend != "standalone"
