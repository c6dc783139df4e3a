"""What a trial costs beyond its binary, and a program's first build: ``python -m tests.benchmarks.driver_cost``.

The search is taken to 90 trials, then on to 91 and on to 111; both continuations start and finish alike, so their
difference is the cost of 20 trials around the 100th.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time

from tests.benchmarks.digits_study import cpu, digits_study, quiet

STEPS = (90, 91, 111)


def measure() -> dict[str, float]:
    """Milliseconds of CPU a trial, and seconds of CPU for the build."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        os.environ["SNNSEARCH_CACHE"] = f"{folder}/programs"
        module = digits_study()
        used = []
        build = None
        for trials in STEPS:
            if build is None:
                build = _build_cost(module)
            before = cpu()
            module.study.run(trials=trials, workers=1, storage=f"{folder}/digits.journal")
            used.append(cpu() - before)
    return {"driver_ms_per_trial": 1e3 * (used[2] - used[1]) / (STEPS[2] - STEPS[1] - 1), "build_cpu_seconds": build}


def _build_cost(module) -> float:
    from optuna.trial import FixedTrial

    from snn.backends.load import load_program
    from snn.backends.program import Candidate

    middle = {
        "rate_hz": 200.0,
        "tau_m_ms": 20.0,
        "v_th": 0.5,
        "n": 100,
        "tau_out_ms": 5.0,
        "lr": 1e-4,
        "lr_out": 0.1,
        "gain": 1.0,
    }
    before, begin = cpu(resource.RUSAGE_CHILDREN), time.monotonic()
    program = load_program(Candidate(module.network(FixedTrial(middle)).freeze(), 0))
    assert program.built, f"built in {time.monotonic() - begin:.1f} s"
    return cpu(resource.RUSAGE_CHILDREN) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps(found))
    else:
        print(f"driver: {found['driver_ms_per_trial']:.1f} ms of CPU a trial at the 100th trial")
        print(f"build:  {found['build_cpu_seconds']:.1f} s of CPU for a structure's first program")


if __name__ == "__main__":
    main()
