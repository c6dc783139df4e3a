"""Health checks of backends, by a run of a tiny network where that takes seconds."""

from __future__ import annotations

import secrets
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import ms

from snn.backends.genn.environment import examine, interpreter
from snn.backends.genn.inventory import package_version
from snn.backends.genn.requirements import notes, problems
from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Program, Samples, check_finite
from snn.backends.runtime.program import RuntimeProgram
from snn.backends.standalone.cache.entry import lock_path
from snn.backends.standalone.cache.folder import cache_folder, cache_limit
from snn.backends.standalone.cache.upkeep import discard
from snn.backends.standalone.compiler import compiler, compiler_version
from snn.backends.standalone.program import StandaloneProgram
from snn.connectivity.patterns import Dense
from snn.connectivity.weights import Constant
from snn.encoders import SpikeTrains
from snn.errors import RunError, SNNError
from snn.network.builder import Network
from snn.neurons import LIF
from snn.readouts import LeakyReadout

WORKS, READY, NOT_READY = "works", "ready, not tried", "not ready"
TIMEOUT = 300.0  # seconds; compiling takes a few
STEPS = 50


@dataclass(frozen=True)
class Health:
    """The health of a backend.

    Attributes
    ----------
    backend : str
    status : str
        ``"works"`` if it has just run a network, ``"ready, not tried"`` if all that it needs is there, else
        ``"not ready"``.
    found : dict of str to str or None
        What is there, by names; None for what is not.
    problems : list of str
        What is missing, and the next step: each one sentence.
    notes : list of str
        What may go wrong.
    """

    backend: str
    status: str
    found: dict[str, str | None]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def backends() -> Iterator[Health]:
    """Every backend, the default first; each is looked at when it is asked for."""
    yield standalone()
    yield runtime()
    yield from genn()


def standalone() -> Health:
    """Compiles a program that is not in the cache yet, compares its run with Brian2's, and removes it."""
    found: dict[str, str | None] = {"compiler": None, "cache": str(cache_folder()), "built_and_ran": None}
    try:
        name, *words = compiler()
        found["compiler"] = f"{shlex.join([shutil.which(name) or name, *words])}, {compiler_version()}"
        cache_limit()
        begin = time.monotonic()
        _compile_and_run()
        found["built_and_ran"] = f"in {time.monotonic() - begin:.1f} s"
    except SNNError as error:
        return Health("standalone", NOT_READY, found, [str(error)])
    return Health("standalone", WORKS, found)


def _compile_and_run() -> None:
    candidate = _network(f"tried_{secrets.token_hex(4)}")  # a name of its own makes it a program of its own
    program = StandaloneProgram.load(candidate, "float64", _options())
    entry = program.binary.parent
    try:
        score = _run(program, candidate)
    finally:
        discard(entry)
        lock_path(entry).unlink(missing_ok=True)
    expected = _score_of_numpy()
    if not np.allclose(score, expected, rtol=1e-9, atol=1e-12):
        raise RunError(
            f"The compiled program must say what Brian2 does, {expected.tolist()}, but says {score.tolist()}: another "
            "compiler may do better."
        )


def runtime() -> Health:
    """Runs a network with NumPy."""
    found = {package: package_version(package) for package in ("brian2", "numpy", "cython")}
    try:
        _score_of_numpy()
    except SNNError as error:
        return Health("runtime", NOT_READY, found, [str(error)])
    return Health("runtime", WORKS, found)


def genn() -> Iterator[Health]:
    """Looks at what GeNN needs: compiling a network with it would take a minute."""
    try:
        found = examine(interpreter())
    except SNNError as error:
        yield from (Health(backend, NOT_READY, {}, [str(error)]) for backend in ("genn:cpu", "genn"))
        return
    for backend, gpu in (("genn:cpu", False), ("genn", True)):
        missing = problems(found, gpu)
        yield Health(backend, NOT_READY if missing else READY, found, missing, notes(found) if gpu else [])


def _score_of_numpy() -> np.ndarray:
    return _run(RuntimeProgram("numpy", "float64"), _network("tried"))


def _network(name: str) -> Candidate:
    """A candidate of three neurons that spike, whose population has that name."""
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population(name, LIF(tau_m=10 * ms, v_th=0.5), n=3)
    net.readout(LeakyReadout(2))
    net.connect("inputs", name, Dense(Constant(0.4)))
    net.connect(name, "readout", Dense(Constant(1.0)))
    return Candidate(net.freeze(), 0)


def _run(program: Program, candidate: Candidate) -> np.ndarray:
    flags: dict[str, Any] = {flag: np.zeros(1, bool) for flag in ("learn", "teach", "reset", "preview", "record")}
    signals = {"values": np.ones((1, STEPS, 2)), "label": np.zeros(1, np.int64)}
    samples = Samples(STEPS, signals, **flags)
    outcome = program.advance([candidate], [samples], [None], _options())[0]
    check_finite(outcome)
    score = outcome.outputs["readout.score"]
    if not score.any():
        raise RunError("The tiny network must spike, but has not: please report it.")
    return score


def _options() -> RunOptions:
    return RunOptions(timeout=TIMEOUT)
