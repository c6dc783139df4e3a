"""Nanoseconds a plastic synapse and step of e-prop, the whole step counted: ``python -m tests.benchmarks.eprop_step``.

The network is that of `tests.benchmarks.step`; all sides compute the same final weights, which is checked. Counted is
CPU time, on one thread, without what starting and ending take:

- snnsearch: the compiled program, a long run less a short one
- brian2: stock C++ standalone with its own flags, its `run` alone
- limit: the same whole step in C++ by hand, compiled on the spot with this package's flags, a long run less a short one
- jax: a jitted scan, compiled before
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from brian2 import ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, PiecewiseLinear, SpikeTrains
from snn.backends.program import Candidate, Samples
from snn.backends.registry import load_program
from snn.backends.standalone.compiler import FLAGS, compiler
from snn.connectivity.weights import FromArray
from snn.network.spec import NetworkSpec
from tests.benchmarks import step as s
from tests.benchmarks import step_brian2, step_jax
from tests.benchmarks.compare import arguments, compare, cpu_seconds, installed, report

NUMBERS = {
    "STEPS": s.STEPS,
    "DT": s.DT_MS,
    "TAU_M": s.TAU_M_MS,
    "TAU_OUT": s.TAU_OUT_MS,
    "V_TH": s.V_TH,
    "LR": s.LR,
    "HEIGHT": s.PSI_HEIGHT,
}


def network(problem: s.Problem) -> NetworkSpec:
    """The network in this package's words."""
    rule = EProp(lr=s.LR, surrogate=PiecewiseLinear(height=s.PSI_HEIGHT))
    net = Network(inputs=SpikeTrains(problem.n), dt=s.DT_MS * ms)
    net.population("hidden", LIF(tau_m=s.TAU_M_MS * ms, v_th=s.V_TH), n=problem.n)
    net.readout(LeakyReadout(1, tau=s.TAU_OUT_MS * ms, loss="squared_error", target="target"))
    net.connect("inputs", "hidden", Dense(FromArray(problem.w_in)), rule)
    net.connect("hidden", "hidden", Dense(FromArray(problem.w_rec), autapses=True), rule)
    net.connect("hidden", "readout", Dense(FromArray(problem.w_out)), rule)
    return net.freeze()


@dataclass(frozen=True)
class Side:
    """One side of the comparison.

    Attributes
    ----------
    seconds : callable
        CPU seconds of a run of so many samples.
    weights : callable
        The final weights w_in, w_rec, w_out of the last run, flat.
    alone : bool
        Whether the seconds are those of the steps alone; else a short run is taken off.
    """

    seconds: Callable[[int], float]
    weights: Callable[[], list[np.ndarray]]
    alone: bool


def ours(n: int, dtype: str) -> Side:
    """This package's compiled program."""
    candidate = Candidate(network(s.problem(n, dtype, 1)), 0)
    program = load_program(candidate, "standalone", dtype)
    final: dict[str, np.ndarray] = {}

    def seconds(samples: int) -> float:
        problem = s.problem(n, dtype, samples)
        on, off = np.ones(samples, bool), np.zeros(samples, bool)
        flags = {"learn": on, "teach": on, "reset": off, "preview": off, "record": off}
        stream = Samples(steps=s.STEPS, signals={"values": problem.spikes, "target": problem.target}, **flags)
        begin = cpu_seconds(resource.RUSAGE_CHILDREN)
        (outcome,) = program.advance([candidate], [stream], [None])
        final.update(candidate.weights(outcome.state))
        return cpu_seconds(resource.RUSAGE_CHILDREN) - begin

    return Side(seconds, lambda: [w.ravel() for w in final.values()], alone=False)


def limit(n: int, dtype: str, folder: Path) -> Side:
    """C++ by hand."""
    program, spikes, numbers, weights = (folder / name for name in ("limit", "spikes", "numbers", "limit_weights"))
    defined = [f"-D{name}={value}" for name, value in NUMBERS.items()]
    defined.append(f"-DREAL={'float' if dtype == 'float32' else 'double'}")
    source = Path(__file__).with_name("step_limit.cpp")
    subprocess.run([*compiler(), *FLAGS, *defined, str(source), "-o", str(program)], check=True)

    def seconds(samples: int) -> float:
        problem = s.problem(n, dtype, samples)
        problem.spikes.tofile(spikes)
        parts = (problem.target, problem.w_in, problem.w_rec, problem.w_out)
        np.concatenate([part.ravel() for part in parts]).tofile(numbers)
        command = [str(program), str(n), str(samples), str(spikes), str(numbers), str(weights)]
        begin = cpu_seconds(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        return cpu_seconds(resource.RUSAGE_CHILDREN) - begin

    return Side(seconds, lambda: np.split(np.fromfile(weights, dtype), [n * n, 2 * n * n]), alone=False)


def brian2(n: int, dtype: str, samples: int, folder: Path) -> Side:
    """Stock Brian2; a program's length is compiled in."""
    place = str(folder / "brian2")
    step_brian2.build(place, n, dtype, samples)
    return Side(lambda _: step_brian2.seconds(place), lambda: step_brian2.weights(place, dtype), alone=True)


def jax(n: int, dtype: str, folder: Path) -> Side:
    """A jitted scan."""
    file = str(folder / "jax.npz")

    def weights() -> list[np.ndarray]:
        with np.load(file) as trained:
            return [trained[name].ravel() for name in trained.files]

    return Side(lambda samples: step_jax.seconds(n, dtype, samples, file), weights, alone=True)


def sides(n: int, dtype: str, samples: int, folder: Path) -> dict[str, Side]:
    """All sides that are installed, compiled for runs of so many samples and of fewer."""
    made = {"snnsearch": ours(n, dtype), "limit": limit(n, dtype, folder), "brian2": brian2(n, dtype, samples, folder)}
    if installed("jax", "bench"):
        made["jax"] = jax(n, dtype, folder)
    return made


def measure(n: int, dtype: str, rounds: int, lengths: s.Lengths) -> dict[str, list[float]]:
    """Nanoseconds a plastic synapse and step, by side and round."""
    plastic = s.problem(n, dtype, 1).plastic

    def nanoseconds(side: Side) -> float:
        used, steps = side.seconds(lengths.long), lengths.long * s.STEPS
        if not side.alone:
            used, steps = used - side.seconds(lengths.short), steps - lengths.short * s.STEPS
        return 1e9 * used / (steps * plastic)

    with tempfile.TemporaryDirectory() as folder:
        made = sides(n, dtype, lengths.long, Path(folder))
        return compare({name: partial(nanoseconds, side) for name, side in made.items()}, rounds)


def main() -> None:
    parser = arguments(__doc__, rounds=5, short="a tenth of the samples")
    parser.add_argument("--size", type=int, default=100, metavar="N", help="inputs, and neurons (default 100)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="precision of all sides")
    given = parser.parse_args()
    measured = measure(given.size, given.dtype, given.rounds, s.lengths(given.size, given.short))
    report(f"a step of e-prop, N = {given.size}, {given.dtype}", "ns_per_synapse_step", measured, given.json)


if __name__ == "__main__":
    main()
