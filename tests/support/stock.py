"""Brian2's own C++ standalone device as one more program: an oracle for ours.

Of our C++ it has random numbers and spike registers (``engine/functions.h``) and nothing else.

The plan is lowered as always (`snn.backends.brian.objects`), but under the stock device: stock templates, arrays, spike
queues, monitors, code objects and makefile. Only `Network::run` is replaced: phases, resets and previews need a loop of
their own, which is written into ``main`` and calls the stock functions in Brian2's order. Recordings are those of
Brian2's own monitors.

A stock program has its sizes compiled in, so it is built for every run, in a process of its own, which Brian2's global
state wants. The stock makefile compiles sixty files in a minute; joined in one, they take four seconds (a test says
that they then give the same bits). ``python -m tests.support.stock NAME`` compares one of `tests.support.networks` with
the engine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from snn.backends.options import PLAIN, RunOptions
from snn.backends.program import DTYPES, Candidate, Outcome, Program, Samples, check_finite, finished
from snn.backends.state import State
from snn.network.spec import NetworkSpec
from tests.support.stock_device import FLAGS, StockDevice, StockOutcome


@dataclass(frozen=True)
class StockProgram(Program):
    """Runs a network on Brian2's unmodified ``cpp_standalone`` device.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    monitors : bool
        Whether rates and events of all groups are monitored too.
    flags : tuple of str
        Flags of the compiler.
    makefile : bool
        Whether the stock makefile compiles the stock files one by one, rather than the compiler all of them in one.
    """

    dtype: str = "float64"
    monitors: bool = False
    flags: tuple[str, ...] = FLAGS
    makefile: bool = False
    built: bool = True

    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """See `Program.advance`; of the options, only ``record`` is heeded."""
        outcomes: list[Outcome] = []
        for candidate, piece, state in zip(candidates, samples, states, strict=True):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                given = (self, candidate.spec.to_json(), candidate.seed, piece, state, options.record)
                outcomes.append(pool.submit(_run, *given).result())
        return outcomes


def _run(
    program: StockProgram, network: str, seed: int, samples: Samples, state: State | None, record: tuple[str, ...]
) -> StockOutcome:
    """Build and run in this process, which must not have used Brian2's devices before."""
    plan = Candidate(NetworkSpec.from_json(network), seed).plan
    with tempfile.TemporaryDirectory(prefix="snnsearch-stock-") as folder:
        outcome = StockDevice(program, plan, samples, state, record, Path(folder)).outcome()
    outcome = finished(outcome, PLAIN)
    check_finite(outcome)
    return outcome


def arrays_of(outcome: Outcome) -> dict[str, np.ndarray]:
    """Every array of an outcome, by its kind and name."""
    parts = {
        "output": outcome.outputs,
        "total": outcome.totals,
        "recording": outcome.recordings,
        "state": outcome.state.arrays,
    }
    return {f"{kind}:{name}": array for kind, part in parts.items() for name, array in part.items()}


def differences(ours: Outcome, stock: Outcome) -> dict[str, float]:
    """The largest difference of every array, relative to its scale."""
    theirs = arrays_of(stock)
    found = {}
    for name, a in arrays_of(ours).items():
        b = theirs[name].astype(float)
        if a.shape != b.shape:
            raise AssertionError(f"{name} has the shape {a.shape} here and {b.shape} in stock Brian2")
        scale = np.abs(b).max(initial=0) or 1.0
        found[name] = float(np.abs(a.astype(float) - b).max(initial=0) / scale)
    return found


def main(arguments: list[str]) -> int:
    """Print every array in which the engine and stock Brian2 differ."""
    from snn.backends.registry import load_program
    from tests.support.networks import NETWORKS, spec_of, stream_for
    from tests.support.variants import FURTHER

    parser = argparse.ArgumentParser(prog="python -m tests.support.stock")
    parser.add_argument("names", nargs="*", default=[*NETWORKS, *FURTHER])
    parser.add_argument("--dtype", choices=DTYPES, default="float64")
    parser.add_argument("--samples", type=int, default=3)
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        candidate, samples = Candidate(spec_of(name), 3), stream_for(name, n=chosen.samples)
        given = [candidate], [samples], [None], RunOptions(("spikes",))
        stock = StockProgram(chosen.dtype).advance(*given)[0]
        ours = load_program(candidate, "standalone", chosen.dtype).advance(*given)[0]
        found = differences(ours, stock)
        differing = {array: value for array, value in found.items() if value}
        print(f"{name}: {len(found)} arrays, {len(differing)} of them differ", *differing.items(), sep="\n    ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
