"""What halving saves on digits, and what it costs: ``python -m tests.benchmarks.frugality``.

The search of studies/digits.py with 100 trials, with asynchronous halving and without, from several seeds, two workers.
Counted are streamed and validated samples. The most accurate network of each search is run again with fresh seeds, the
same for both, on the test part: its mean there is what the search was good for. The two are compared pair by pair.
"""

from __future__ import annotations

import json
import tempfile

import numpy as np
from optuna.trial import FixedTrial

from search.storage.opening import load, open_storage
from search.storage.record import Record
from tests.benchmarks.compare import arguments
from tests.benchmarks.digits_study import digits_study, quiet

TRIALS, SHORT = 100, 16
SIDES = ("halving", "none")
FRESH = range(2_000_000, 2_000_005)


def search(seed: int, pruner: str, trials: int) -> tuple[int, float]:
    """Samples that a search cost, and the mean test accuracy of its best with fresh seeds."""
    module = digits_study()
    with tempfile.TemporaryDirectory() as folder, quiet():
        own = {"storage": f"{folder}/digits.journal", "seed": seed, "pruner": pruner}
        summary = module.study.run(trials=trials, workers=2, **own)
        plan = module.study.plan(**own)
        stored = load(open_storage(plan.location, create=False), plan.name, plan.location).trials
    best = max(summary.best, key=lambda one: one.values["accuracy"])
    network = module.network(FixedTrial(best.params))
    again = [module.study.task.run(network, seed=fresh, test=True).test_accuracy for fresh in FRESH]
    return sum(Record(trial).result["samples"] for trial in stored), float(np.mean(again))


def main() -> None:
    given = arguments(__doc__, rounds=6, short=f"{SHORT} trials instead of {TRIALS}").parse_args()
    trials = SHORT if given.short else TRIALS
    found = [{side: search(seed, side, trials) for side in SIDES} for seed in range(given.rounds)]
    samples = {side: sum(one[side][0] for one in found) for side in SIDES}
    best = {side: [one[side][1] for one in found] for side in SIDES}
    differences = np.subtract(best["halving"], best["none"])
    error = float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else None
    said = {
        "samples": samples,
        "share_of_samples": samples["halving"] / samples["none"],
        "test_accuracy": {side: float(np.mean(values)) for side, values in best.items()},
        "difference": float(differences.mean()),
        "standard_error": error,
        "trials": trials,
        "seeds": given.rounds,
    }
    if given.json:
        print(json.dumps(said))
        return
    print(f"{trials} trials on digits, {given.rounds} seeds (share of samples, and test accuracy of the best)")
    print(f"  halving {said['share_of_samples']:.3f}  {said['test_accuracy']['halving']:.4f}")
    print(f"  none    1.000  {said['test_accuracy']['none']:.4f}")
    print(f"  difference {said['difference']:+.4f}, standard error {'-' if error is None else f'{error:.4f}'}")


if __name__ == "__main__":
    main()
