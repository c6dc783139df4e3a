"""Seconds that a second of a balanced network with pair STDP takes: ``python -m tests.benchmarks.stdp_network``.

The network is that of `tests.benchmarks.balanced`: 4,000 neurons, 204,800 plastic synapses of 400,000, steps of 0.1 ms,
one thread. Only the simulation counts: for this package the difference between a long and a short run; for stock Brian2
what its program notes as the time of its last run; for NEST the time of `Run` after a warm-up. All are seconds of CPU,
which is what stock's program notes; on an idle machine that is wall time. NEST computes in float64, and so do the other
two unless told otherwise.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
from collections.abc import Callable

import numpy as np
from brian2 import Hz, ms, mV

from snn import FixedFanIn, Network, Neuron, PairSTDP, Poisson
from snn.backends.program import Candidate, Outcome, Program, Samples
from snn.backends.registry import load_program
from snn.connectivity.weights import Constant
from snn.network.spec import NetworkSpec
from tests.benchmarks import balanced as b
from tests.benchmarks import stdp_brian2, stdp_nest
from tests.benchmarks.compare import arguments, compare, cpu_seconds, installed, report

SHORT = b.Span(warm=100, timed=500)
MV = 1e-3  # weights are plain numbers in the unit of what receives them, volt


def network() -> NetworkSpec:
    """The network in this package's words."""
    cell = Neuron(
        "dv/dt = -v/tau_m : volt (unless refractory)",
        threshold="v >= v_th",
        reset="v = v_reset",
        refractory=b.REFRACTORY_MS * ms,
        input="v",
        parameters={"tau_m": b.TAU_M_MS * ms, "v_th": b.V_TH_MV * mV, "v_reset": b.V_RESET_MV * mV},
    )
    stdp = PairSTDP(
        a_plus=b.A_PLUS_MV * MV,
        a_minus=b.A_MINUS_MV * MV,
        tau_plus=b.TAU_STDP_MS * ms,
        tau_minus=b.TAU_STDP_MS * ms,
    )
    drive = FixedFanIn(b.FROM_INPUTS, Constant(b.INPUT_MV * MV))
    excitation = FixedFanIn(b.FROM_EXCITATORY, Constant(b.J_MV * MV))
    inhibition = FixedFanIn(b.FROM_INHIBITORY, Constant(-b.G * b.J_MV * MV))
    delay = b.DELAY_MS * ms
    net = Network(inputs=Poisson(b.NEURONS, rate=b.INPUT_HZ * Hz), dt=b.DT_MS * ms)
    net.population("e", cell, n=b.EXCITATORY)
    net.population("i", cell, n=b.INHIBITORY)
    net.connect("inputs", "e", drive)
    net.connect("inputs", "i", drive)
    net.connect("e", "e", excitation, stdp, delay=delay, w_min=0.0, w_max=b.W_MAX_MV * MV)
    net.connect("e", "i", excitation, delay=delay)
    net.connect("i", "e", inhibition, delay=delay)
    net.connect("i", "i", inhibition, delay=delay)
    return net.freeze()


def _stream(milliseconds: float) -> Samples:
    """One long sample."""
    on, off = np.ones(1, bool), np.zeros(1, bool)
    flags = {"learn": on, "teach": on, "reset": off, "preview": off, "record": off}
    return Samples(steps=round(milliseconds / b.DT_MS), signals={"values": np.ones((1, b.NEURONS))}, **flags)


def simulate(program: Program, candidate: Candidate, span: b.Span) -> b.Measured:
    """This package's side."""
    short, few = _run(program, candidate, span.warm)
    long, many = _run(program, candidate, span.warm + span.timed)
    biological = span.timed * 1e-3
    return b.Measured((long - short) / biological, (_spikes(many) - _spikes(few)) / b.NEURONS / biological)


def _run(program: Program, candidate: Candidate, milliseconds: float) -> tuple[float, Outcome]:
    begin = cpu_seconds(resource.RUSAGE_CHILDREN)
    (outcome,) = program.advance([candidate], [_stream(milliseconds)], [None])
    return cpu_seconds(resource.RUSAGE_CHILDREN) - begin, outcome


def _spikes(outcome: Outcome) -> int:
    return sum(int(outcome.totals[f"{name}.spike_count"].sum()) for name in ("e", "i"))


def measure(rounds: int, span: b.Span, dtype: str) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds by side and round, and each side's mean rate in Hz."""
    rates: dict[str, list[float]] = {}

    def side(name: str, simulated: Callable[[], b.Measured]) -> Callable[[], float]:
        def run() -> float:
            measured = simulated()
            rates.setdefault(name, []).append(measured.rate_hz)
            return measured.seconds

        return run

    candidate = Candidate(network(), 1)
    program = load_program(candidate, "standalone", dtype)
    with tempfile.TemporaryDirectory() as folder:
        stdp_brian2.build(folder, dtype, span)
        sides = {
            "snnsearch": side("snnsearch", lambda: simulate(program, candidate, span)),
            "brian2": side("brian2", lambda: stdp_brian2.simulate(folder, span)),
        }
        if installed("nest", "bench"):
            sides["nest"] = side("nest", lambda: stdp_nest.simulate(span))
        measured = compare(sides, rounds)
    return measured, {name: statistics.mean(values) for name, values in rates.items()}


def main() -> None:
    parser = arguments(__doc__, rounds=5, short="half a second instead of one")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64", help="precision of all but NEST")
    given = parser.parse_args()
    measured, rates = measure(given.rounds, SHORT if given.short else b.Span(), given.dtype)
    report("balanced network with pair STDP", "seconds_per_biological_second", measured, given.json, rates_hz=rates)


if __name__ == "__main__":
    main()
