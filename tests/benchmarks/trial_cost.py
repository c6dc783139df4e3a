"""CPU seconds that a trial costs, everything included: ``python -m tests.benchmarks.trial_cost``.

The trial is that of `tests.benchmarks.trial`; each one has other weights and another learning rate. Counted is the CPU
of the process and of its children, from the network's description to the losses:

- snnsearch: network, plan, files, the program's process, reading; the program is in the cache
- brian2_warm: plain Brian2 in one process, Cython, all code compiled before; objects are made anew
- brian2_rebuilt: plain Brian2 on C++ standalone, generated and compiled for each trial, `make -j2`
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
from brian2 import ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, SpikeTrains
from snn.backends.program import Candidate, Samples
from snn.backends.registry import load_program
from snn.connectivity.weights import FromArray
from snn.network.spec import NetworkSpec
from tests.benchmarks import trial as t
from tests.benchmarks import trial_brian2
from tests.benchmarks.compare import arguments, compare, cpu_seconds, report


def network(trial: t.Trial) -> NetworkSpec:
    """The trial's network in this package's words."""
    rule = EProp(lr=trial.lr)
    net = Network(inputs=SpikeTrains(t.INPUTS), dt=t.DT_MS * ms)
    net.population("hidden", LIF(tau_m=t.TAU_M_MS * ms, v_th=t.V_TH), n=t.HIDDEN)
    net.readout(LeakyReadout(t.CLASSES, tau=t.TAU_OUT_MS * ms))
    net.connect("inputs", "hidden", Dense(FromArray(trial.w_in)), rule)
    net.connect("hidden", "hidden", Dense(FromArray(trial.w_rec), autapses=True), rule)
    net.connect("hidden", "readout", Dense(FromArray(trial.w_out)), rule)
    return net.freeze()


def losses(trial: t.Trial, stream: t.Stream, dtype: str = "float32") -> np.ndarray:
    """A trial by this package; the loss of each sample."""
    on, off = np.ones(len(stream), bool), np.zeros(len(stream), bool)
    samples = Samples(
        steps=t.STEPS,
        signals={"values": stream.spikes, "label": stream.labels},
        learn=on,
        teach=on,
        reset=on,
        preview=off,
        record=off,
    )
    candidate = Candidate(network(trial), 0)
    (outcome,) = load_program(candidate, "standalone", dtype).advance([candidate], [samples], [None])
    return outcome.outputs["readout.loss"].sum(axis=1)


def measure(rounds: int, samples: int) -> dict[str, list[float]]:
    """CPU seconds by side and round."""
    stream = t.stream(samples)
    numbers = count()

    def in_this_process(run: Callable[[t.Trial, t.Stream], np.ndarray]) -> Callable[[], float]:
        def side() -> float:
            trial = t.draw(next(numbers))
            begin = cpu_seconds()
            run(trial, stream)
            return cpu_seconds() - begin

        return side

    sides = {
        "snnsearch": in_this_process(losses),
        "brian2_warm": in_this_process(trial_brian2.on_cython),
        "brian2_rebuilt": lambda: trial_brian2.rebuilt(next(numbers), samples)[0],
    }
    for name in ("snnsearch", "brian2_warm"):  # compiled and imported here; there is nothing to warm in the third
        sides[name]()
    return compare(sides, rounds, warm=False)


def main() -> None:
    parser = arguments(__doc__, rounds=5, short="20 samples instead of 200")
    given = parser.parse_args()
    report("a trial of e-prop", "cpu_seconds_per_trial", measure(given.rounds, 20 if given.short else 200), given.json)


if __name__ == "__main__":
    main()
