"""A conditional space with a known best, for tests of samplers."""

from __future__ import annotations

import numpy as np
import optuna
from optuna.trial import FrozenTrial

optuna.logging.set_verbosity(optuna.logging.WARNING)


def network(trial) -> dict:
    """Parameters as a script asks for them: which exist depends on others."""
    values = {"lr": trial.suggest_float("lr", 1e-5, 1.0, log=True), "n": trial.suggest_int("n", 16, 512, log=True)}
    values["rule"] = trial.suggest_categorical("rule", ["stdp", "eprop", "none"])
    if values["rule"] == "eprop":
        values["beta"] = trial.suggest_float("beta", 0.0, 2.0)
        values["delay"] = trial.suggest_int("delay", 1, 5)
    if values["rule"] == "stdp":
        values["tau"] = trial.suggest_float("tau", 5.0, 50.0, step=5.0)
    return values


def score(values: dict) -> float:
    """At most 1, near 1 only with e-prop in a corner of its own."""
    off = abs(np.log10(values["lr"]) + 3) + abs(np.log2(values["n"] / 200)) / 2
    if values["rule"] == "eprop":
        return 1 / (1 + off + abs(values["beta"] - 0.5) + abs(values["delay"] - 4) / 4)
    return 0.5 / (1 + off + abs(values.get("tau", 5.0) - 20) / 20)


def run(sampler, trials: int, direction: str = "maximize") -> optuna.Study:
    study = optuna.create_study(direction=direction, sampler=sampler)
    sign = 1 if direction == "maximize" else -1
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, sign * score(network(trial)))
    return study


def past(number: int, seed: int = 0) -> list[FrozenTrial]:
    """Complete random trials."""
    return run(optuna.samplers.RandomSampler(seed=seed), number).get_trials(deepcopy=False)
