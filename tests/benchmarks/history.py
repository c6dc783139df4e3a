"""How long a study with a long history takes to go on and to be shown: ``python -m tests.benchmarks.history``.

The journal holds what the driver writes for each trial of the digits study, operation by operation, with results that
are drawn. `resume` is `snnsearch run` with a total that has been reached, so it reads and tells and ends; it has scored
its best before. Both are processes of their own, imports included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FixedTrial, TrialState

from search.analysis.outcome import CURVE
from search.spec.seeds import trial_seed
from search.storage import record
from search.storage.attributes import NETWORK, ORIGIN, RESULT, SEED
from search.storage.journal.lines import LineChecker
from tests.benchmarks.compare import Side, arguments, compare, report
from tests.benchmarks.digits_study import CHECKOUT, digits_study

TRIALS, SHORT = 10_000, 300
SPACE = {
    "rate_hz": FloatDistribution(120, 300, log=True),
    "tau_m_ms": FloatDistribution(12, 40, log=True),
    "v_th": FloatDistribution(0.5, 1.2, log=True),
    "n": IntDistribution(160, 256, log=True),
    "tau_out_ms": FloatDistribution(2, 8, log=True),
    "lr": FloatDistribution(3e-5, 2e-4, log=True),
    "lr_out": FloatDistribution(0.03, 0.08, log=True),
    "gain": FloatDistribution(0.7, 1.5, log=True),
}


class Lines(BaseJournalBackend):
    """A journal in memory, so that writing it does not wait for the disk after every line."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        return iter(self.lines[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.lines += logs


def write_history(path: Path, trials: int) -> None:
    """A journal in which so many trials of the digits study are complete, and their best scored."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    module = digits_study()
    plan = module.study.plan(storage=path)
    journal = Lines()
    storage = JournalStorage(journal)
    study = optuna.create_study(study_name=plan.name, storage=storage, directions=["maximize", "minimize"])
    with warnings.catch_warnings(action="ignore"):  # it is experimental
        study.set_metric_names([objective.name for objective in plan.objectives])
    random = np.random.default_rng(0)
    for number in range(trials):
        trial_id = storage.create_new_trial(study._study_id)
        params = {name: draw(space, random) for name, space in SPACE.items()}
        for name, space in SPACE.items():
            storage.set_trial_param(trial_id, name, space.to_internal_repr(params[name]), space)
        if number == 0:
            network = module.network(FixedTrial(params)).freeze().to_json()  # 1.5 kB, much the same for every trial
        attributes = {
            SEED: trial_seed(0, number),
            NETWORK: network,
            ORIGIN: plan.origin(),
            RESULT: result(random),
        }
        for name, value in attributes.items():
            storage.set_trial_user_attr(trial_id, name, value)
        storage.set_trial_state_values(trial_id, TrialState.COMPLETE, attributes[RESULT]["values"])
    path.write_bytes(LineChecker().sealed(journal.lines))


def draw(space: FloatDistribution | IntDistribution, random: np.random.Generator) -> float:
    """A value of a parameter."""
    value = float(np.exp(random.uniform(np.log(space.low), np.log(space.high))))
    return round(value) if isinstance(space, IntDistribution) else value


def result(random: np.random.Generator) -> dict[str, Any]:
    """What is kept of a trial, as `Underway.kept` has it; two objectives that get in each other's way."""
    accuracy, noise = random.uniform(0.1, 0.9), random.normal()
    operations = 1e5 * np.exp(accuracy + 0.3 * noise)
    scores = {name: accuracy for name in record.SCORES} | {name: operations for name in record.COSTS}
    curve = [round(float(value), 5) for value in random.uniform(0, 1, CURVE)]
    versions = {"snnsearch": "0.1.0", "brian2": "2.9.0", "numpy": "2.3.0", "optuna": "5.0.0"}
    hashes = {"network": "0123456789abcdef", "structure": "fedcba9876543210"}
    runs = [["worker 0", 1.7e9 + k, 1.7e9 + k + 0.5] for k in range(4)]
    rungs = sorted(random.uniform(0.1, 0.9, 4).tolist())
    return {"values": [accuracy, operations], **scores, "peak_memory_bytes": 5_000_000, "curve": curve,
            "builds": 0, "hashes": hashes, "versions": versions,
            "rungs": rungs, "upto": 1.0, "samples": 1617, "runs": runs, "seconds": 1.234}  # fmt: skip


def sides(path: Path, trials: int, clock: Callable[[], float] = time.perf_counter) -> dict[str, Side]:
    """What is timed; the first `resume` scores the best too, and is not to be counted."""
    where = ("studies/digits.py", "--storage", path)
    return {
        "resume": lambda: command(clock, "run", *where, "--trials", trials, "--workers", 1, "--json"),
        "show": lambda: command(clock, "show", *where),
    }


def command(clock: Callable[[], float], *words: object) -> float:
    """Seconds of a command line, which must succeed."""
    began = clock()
    done = subprocess.run(
        [sys.executable, "-m", "search.cli", *map(str, words)], capture_output=True, text=True, cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return clock() - began


def main() -> None:
    given = arguments(__doc__, rounds=3, short=f"{SHORT} trials instead of {TRIALS:,}").parse_args()
    trials = SHORT if given.short else TRIALS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.journal"
        write_history(path, trials)
        measured = compare(sides(path, trials), given.rounds)
        size = path.stat().st_size
    report(f"a study of {trials:,} trials", "seconds", measured, given.json, trials=trials, journal_bytes=size)


if __name__ == "__main__":
    main()
