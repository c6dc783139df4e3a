"""Forty equal trials with one worker and with two: ``python -m tests.benchmarks.workers``.

What is compared is the time in which trials ran, of the whole search less its start and end.
"""

from __future__ import annotations

import tempfile

from optuna.trial import FixedTrial

from search import Study
from tests.benchmarks.compare import arguments, compare, report
from tests.benchmarks.digits_study import digits_study, quiet

TRIALS, SHORT = 40, 6
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


def seconds(workers: int, trials: int) -> float:
    """Seconds in which trials ran."""
    task = digits_study().study.task
    with tempfile.TemporaryDirectory() as folder, quiet():
        study = Study(network, task, ["accuracy", "synaptic_operations"], storage=f"{folder}/equal.journal")
        return study.run(trials=trials, workers=workers).seconds


def main() -> None:
    given = arguments(__doc__, rounds=3, short=f"{SHORT} trials instead of {TRIALS}").parse_args()
    trials = SHORT if given.short else TRIALS
    sides = {"two_workers": lambda: seconds(2, trials), "one_worker": lambda: seconds(1, trials)}
    report(f"{trials} equal trials", "seconds", compare(sides, given.rounds), given.json)


if __name__ == "__main__":
    main()
