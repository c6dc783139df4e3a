"""Studies of the synthetic task: make them, run them, read their trials and compare these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search import Study
from search.analysis.summary import Summary
from search.driver.search import search
from search.samplers.byindex import ByIndex
from search.spec.seeds import replicate_seeds
from search.storage.attributes import RESULT, SEED
from search.storage.journal.file import open_journal
from search.storage.opening import open_storage
from snn.results.result import Result
from tests.support.synthetic import Bowl, network

TIMES = ("seconds", "runs")
ENDED = '"op_code":6'  # the entry of Optuna's journal that ends a trial


def make_study(
    folder: Path,
    name: str = "s",
    *,
    network: Callable[[optuna.Trial], Any] = network,
    task: Bowl | None = None,
    objectives: Sequence[Any] = ("accuracy", "spikes"),
    **settings: Any,
) -> Study:
    """Make a study in a journal of its own; unless told otherwise, each trial is one run, and none is pruned."""
    own = {"sampler": ByIndex(0), "pruner": None, "rungs": 1, "storage": folder / f"{name}.journal"}
    return Study(network, task or Bowl(), list(objectives), name=name, **own | settings)


def run(
    study: Study, trials: int, workers: int = 2, batch: int = 1, **changes: Any
) -> tuple[Summary, list[FrozenTrial]]:
    """Search up to a number of trials; the summary and all trials as stored."""
    summary, interrupted = search(study.plan(**changes), trials, workers, batch=batch)
    assert not interrupted
    return summary, load(study).trials


def load(study: Study) -> optuna.Study:
    """Open what a study has stored."""
    plan = study.plan()
    return optuna.load_study(study_name=plan.name, storage=open_storage(plan.location, create=False))


def journal_trials(journal: Path, name: str) -> list[FrozenTrial]:
    """Read the trials of a journal as Optuna does."""
    return optuna.load_study(study_name=name, storage=open_journal(journal)).trials


def count_ended(script: Path) -> int:
    """Count the trials that have ended, in the journal beside a script."""
    journal = script.with_suffix(".journal")
    return journal.read_text().count(ENDED) if journal.exists() else 0


def runs_slowly(script: Path, log: Path, x: float) -> bool:
    """Tell whether a trial with a higher x is running, by the journal beside a script and the log of the task."""
    running = [t for t in journal_trials(script.with_suffix(".journal"), script.stem) if t.state == TrialState.RUNNING]
    begun = {line.split()[0] for line in log.read_text().splitlines()}
    return any(t.params.get("x", 0.0) > x and str(t.user_attrs.get(SEED)) in begun for t in running)


def read_log(log: Path) -> list[tuple[int, float, int]]:
    """Read the task's log: seed and end of every run on the stream, and the sample from which it went on."""
    lines = map(str.split, log.read_text().splitlines())
    return [(int(seed), float(end), int(start)) for seed, what, end, start in lines if what == "train"]


def result_of(trial: FrozenTrial) -> dict[str, Any]:
    """Give a trial's stored result without its times; none if it has none."""
    return {name: value for name, value in trial.user_attrs.get(RESULT, {}).items() if name not in TIMES}


def run_alone(trial: FrozenTrial, replicate: int = 0) -> Result:
    """Run one of a trial's seeds in one piece, without a search."""
    fixed = network(optuna.trial.FixedTrial(trial.params))
    return Bowl().run(fixed, seed=replicate_seeds(trial.user_attrs[SEED], replicate + 1)[-1])


def numbers(trials: Sequence[FrozenTrial]) -> dict[int, tuple[Any, ...]]:
    """Give what does not depend on where and when trials ran."""
    return {t.number: (t.state.name, t.params, t.values, result_of(t)) for t in trials}


def assert_same(trials: Sequence[FrozenTrial], others: Sequence[FrozenTrial]) -> None:
    """Compare two searches to the last bit, except for their times."""
    assert numbers(trials) == numbers(others)
