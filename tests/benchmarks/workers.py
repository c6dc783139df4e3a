"""Forty equal trials with one worker and with two: ``python -m tests.benchmarks.workers``.

The two alternate, twice; what is compared is the time in which trials ran, and the time of the whole call.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time

from optuna.trial import FixedTrial

from search import Study
from tests.benchmarks.digits_study import digits_study, quiet

TRIALS, ROUNDS = 40, 2
EQUAL = {
    "rate_hz": 250.0,
    "tau_m_ms": 25.0,
    "v_th": 0.45,
    "n": 256,
    "tau_out_ms": 4.0,
    "lr": 1e-4,
    "lr_out": 0.1,
    "gain": 1.2,
}


def network(trial):
    trial.suggest_float("ignored", 0, 1)
    return digits_study().network(FixedTrial(EQUAL))


def seconds(workers: int) -> tuple[float, float]:
    """Seconds in which trials ran, and of the call."""
    task = digits_study().study.task
    with tempfile.TemporaryDirectory() as folder, quiet():
        study = Study(network, task, ["accuracy", "synaptic_operations"], storage=f"{folder}/equal.journal")
        begin = time.monotonic()
        summary = study.run(trials=TRIALS, workers=workers)
        return summary.seconds, time.monotonic() - begin


def measure() -> dict[str, list[float]]:
    """Ratios of one worker's time to two workers', round by round."""
    seconds(2)  # builds the program, warms the caches
    ratios: dict[str, list[float]] = {"trials": [], "call": []}
    for _ in range(ROUNDS):
        one, two = seconds(1), seconds(2)
        ratios["trials"].append(one[0] / two[0])
        ratios["call"].append(one[1] / two[1])
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    found = measure()
    if arguments.json:
        print(json.dumps({"speedup_of_two_workers": found}))
        return
    for name, ratios in found.items():
        print(
            f"{name:>7}: two workers are {statistics.median(ratios):.2f} times as fast as one "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
