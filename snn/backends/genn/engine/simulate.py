"""One run of a network on GeNN, in the environment of Brian2GeNN."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Clock, Function, defaultclock, get_device, second, set_device
from brian2.devices.device import reset_device

from snn.backends.batch import Population
from snn.backends.brian.preferences import own_preferences
from snn.backends.genn.engine.compiler_output import first_error, heard
from snn.backends.genn.engine.functions import fitted_functions, genn_functions
from snn.backends.genn.engine.run import Run
from snn.backends.genn.exchange import EngineOptions
from snn.backends.genn.fitting.capability import check
from snn.backends.options import PLAIN, RunOptions
from snn.backends.program import Candidate, Outcome, Samples
from snn.backends.state import State
from snn.errors import BuildError
from snn.lowering.plan.plan import Plan

OPTIMISED = """
#ifdef DECLARE_MODEL
GENN_PREFERENCES.userCxxFlagsGNU = "-O3";
#endif
"""
"""GeNN compiles for the CPU without optimising if nobody says otherwise; this is read where the model is defined."""
SECONDS = "results/seconds"
BEGUN = """
struct timespec snn_begun, snn_ended;
clock_gettime(CLOCK_MONOTONIC, &snn_begun);
"""
ENDED = f"""
eng.getSpikesFromGPU();  // which waits for the GPU
clock_gettime(CLOCK_MONOTONIC, &snn_ended);
FILE *snn_seconds = fopen("{SECONDS}", "w");
if (snn_seconds != NULL) {{
    fprintf(snn_seconds, "%.9g\\n", difftime(snn_ended.tv_sec, snn_begun.tv_sec)
            + 1e-9*(snn_ended.tv_nsec - snn_begun.tv_nsec));
    fclose(snn_seconds);
}}
"""
"""Around the steps, in the program that Brian2GeNN writes."""


def simulate(
    candidate: Candidate | Population,
    samples: Samples,
    state: State | None = None,
    dtype: type = np.float64,
    options: RunOptions = PLAIN,
) -> Outcome:
    """Run a network through its samples on GeNN.

    Parameters
    ----------
    candidate, samples, state
        As for `snn.backends.program.Program.advance`; a population's samples and state are those of all its
        candidates, and so is the outcome (`Population.split`).
    dtype : numpy.float32 or numpy.float64
        Precision of all state.
    options : RunOptions
        What to record. With `EngineOptions.gpu`, GeNN writes CUDA code; otherwise it writes C++ for one core.

    Returns
    -------
    Outcome
        The same as from any other backend: every step has its parts in the same order
        (`snn.backends.genn.fitting.scheduling`). Sums over synapses are in GeNN's order, and its compiler flags reorder
        sums, so that last digits differ.

    Raises
    ------
    NetworkError
        With everything about the network that GeNN cannot do (`snn.backends.genn.fitting.capability`).
    BuildError
        If GeNN's code could not be built, or stopped: with the first error that the compiler, or it, has told.
    """
    directory = tempfile.mkdtemp(prefix="snnsearch-genn-")
    words = Path(directory) / "words"
    try:
        gpu = isinstance(options, EngineOptions) and options.gpu
        with heard(words), _genn(candidate, dtype, directory=directory, use_GPU=gpu) as functions:
            run = Run(candidate.plan, samples, state, dtype, options)
            outcome = run.outcome(functions, get_device().defaultclock)
            return replace(outcome, seconds=float((Path(directory) / SECONDS).read_text()))
    except RuntimeError as error:
        said = first_error(words) if "See the output above" in str(error) else error  # as Brian2GeNN says of commands
        raise BuildError(f"GeNN's code for the network could not be built or run: {said}") from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def generate(candidate: Candidate, samples: Samples, folder: Path, dtype: type = np.float64) -> None:
    """Write the code that `simulate` would build, into a folder: it needs Brian2GeNN, but no GeNN."""
    with _genn(candidate, dtype, directory=str(folder), compile=False, run=False, use_GPU=False) as functions:
        Run(candidate.plan, samples, None, dtype, PLAIN).run(functions, get_device().defaultclock)


@contextmanager
def _genn(candidate: Candidate | Population, dtype: type, **build: Any) -> Iterator[dict[str, Function]]:
    """Brian2's device for GeNN, and the functions that it knows; one run after another in one process."""
    check(*_plans(candidate))
    from snn.backends.genn.engine.device import NAME

    functions = genn_functions()
    with own_preferences(dtype):
        try:
            set_device(NAME, with_output=False, **build)
            get_device().reinit()
            get_device().activate(with_output=False, **build)
            get_device().insert_code("before_start", OPTIMISED)
            get_device().insert_code("before_network_run", BEGUN)
            get_device().insert_code("after_network_run", ENDED)
            defaultclock.dt = candidate.plan.dt * second
            yield functions
        finally:
            reset_device()


def _plans(candidate: Candidate | Population) -> Sequence[Plan]:
    return candidate.plans if isinstance(candidate, Population) else [candidate.plan]


def rehearse(
    candidate: Candidate | Population,
    samples: Samples,
    state: State | None = None,
    dtype: type = np.float64,
    options: RunOptions = PLAIN,
) -> Outcome:
    """The same run, round by round as on GeNN, but with Brian2's code for NumPy: it needs no Brian2GeNN."""
    check(*_plans(candidate))
    # NumPy computes both values, and the code then chooses one.
    with own_preferences(target="numpy"), np.errstate(all="ignore"):
        run = Run(candidate.plan, samples, state, dtype, options)
        return run.outcome(fitted_functions(), Clock(candidate.plan.dt * second))
