"""What a trial costs beyond its binary, and a program's first build: ``python -m tests.benchmarks.driver_cost``.

The search is taken to 90 trials, then on to 91 and on to 111; both continuations start and finish alike, so their
difference is the cost of 19 trials around the 100th. Each round has a folder and a cache of its own.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile

from optuna.trial import FixedTrial

from snn.backends.program import Candidate
from snn.backends.registry import load_program
from tests.benchmarks.compare import arguments, cpu_seconds, medians, ranges
from tests.benchmarks.digits_study import digits_study, quiet

STEPS, SHORT = (90, 91, 111), (7, 8, 20)
MIDDLE = {
    "rate_hz": 200.0,
    "tau_m_ms": 20.0,
    "v_th": 0.5,
    "n": 100,
    "tau_out_ms": 5.0,
    "lr": 1e-4,
    "lr_out": 0.1,
    "gain": 1.0,
}


def measure(steps: tuple[int, int, int]) -> dict[str, float]:
    """Milliseconds of CPU a trial, and seconds of CPU for the build."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        os.environ["SNNSEARCH_CACHE"] = f"{folder}/programs"
        module = digits_study()
        build = _build_cost(module)
        used = []
        for trials in steps:
            before = cpu_seconds(resource.RUSAGE_SELF)
            module.study.run(trials=trials, workers=1, storage=f"{folder}/digits.journal")
            used.append(cpu_seconds(resource.RUSAGE_SELF) - before)
    return {"driver_ms_per_trial": 1e3 * (used[2] - used[1]) / (steps[2] - steps[1] - 1), "build_cpu_seconds": build}


def _build_cost(module) -> float:
    before = cpu_seconds(resource.RUSAGE_CHILDREN)
    program = load_program(Candidate(module.network(FixedTrial(MIDDLE)).freeze(), 0))
    assert program.built
    return cpu_seconds(resource.RUSAGE_CHILDREN) - before


def main() -> None:
    given = arguments(__doc__, rounds=1, short="a search of 20 trials instead of 111").parse_args()
    rounds = [measure(SHORT if given.short else STEPS) for _ in range(given.rounds)]
    measured = {name: [found[name] for found in rounds] for name in rounds[0]}
    middle = medians(measured)
    if given.json:
        print(json.dumps(middle | {"ranges": ranges(measured)}))
    else:
        print(f"driver: {middle['driver_ms_per_trial']:.1f} ms of CPU a trial at the 100th trial")
        print(f"build:  {middle['build_cpu_seconds']:.1f} s of CPU for a structure's first program")


if __name__ == "__main__":
    main()
