"""The settings of a search and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from search.pruners.make import problems_with_pruner
from search.samplers.make import problems_with as problems_with_sampler
from search.spec.bounds import MOST_BATCH, MOST_REPLICATES, MOST_SEEDS
from search.spec.constraints import problems_with_constraints
from search.spec.objectives import make_objective, problems_with
from search.spec.rungs import MOST_RUNGS
from snn.errors import nearest
from snn.serial import is_registered, undecorated
from tasks import Task
from tasks.running.arguments import COMMON, Check, check_flag, whole

SETTINGS = (
    *("constraints", "name", "storage", "seed", "sampler", "backend", "dtype", "pruner", "rungs", "replicates"),
    *("warm_start", "enqueue"),
)
"""What a run may change of a study."""
ELSEWHERE = ("name", "storage", "warm_start", "enqueue")
"""Of these: which study it is, and what is done once and remembered by itself."""


def problems_with_parts(network: object, task: object, objectives: Any, constraints: Any, sampler: Any) -> list[str]:
    """Check what a study is made of: its function, task, objectives, constraints and sampler."""
    problems = []
    if not callable(network):
        problems.append(f"`network` must be a function of a trial, but is {network!r}: write `def network(trial)`.")
    if not isinstance(task, Task):
        problems.append(f"`task` must be a Task, but is {task!r}: give an instance such as Digits().")
    elif not is_registered(type(task)):
        problems.append(undecorated(type(task)))
    if unknown := problems_with(objectives):
        return problems + unknown
    problems += problems_with_constraints(constraints, map(make_objective, objectives))
    return problems + problems_with_sampler(sampler, len(objectives))


def plain_number(value: Any) -> Any:
    """Python's number for one of NumPy's, which JSON does not take; everything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def is_plain(value: Any) -> bool:
    """Whether a command line can say it: an object of Optuna's it cannot."""
    return all(isinstance(item, str | int | float) for item in (value if isinstance(value, list | tuple) else [value]))


def check_settings(*required: str, **settings: Any) -> list[str]:
    """Return all problems of the settings of a study or of a run, one sentence each.

    None stands for not given, which is wrong for the required ones.
    """
    checks: dict[str, Check] = {
        **COMMON,
        "profile": check_flag,
        "constraints": lambda name, value: None,  # they and the sampler need the objectives
        "sampler": lambda name, value: None,
        "name": _check_text,
        "storage": lambda name, value: _check_text(name, str(value) if isinstance(value, Path) else value),
        "seed": lambda name, value: _check_whole(name, value, 0),
        "trials": lambda name, value: _check_whole(name, value, 0),
        "workers": lambda name, value: _check_whole(name, value, 1),
        "batch": lambda name, value: _check_whole(name, value, 1, MOST_BATCH),
        "top": lambda name, value: _check_whole(name, value, 1),
        "seeds": lambda name, value: _check_whole(name, value, 1, MOST_SEEDS),
        "rungs": lambda name, value: _check_whole(name, value, 1, MOST_RUNGS),
        "replicates": lambda name, value: _check_whole(name, value, 1, MOST_REPLICATES),
        "pruner": lambda name, value: next(iter(problems_with_pruner(value)), None),
        "warm_start": _check_other,
        "enqueue": _check_enqueue,
    }
    problems = [f"a run has no setting {name!r}; {nearest(name, checks)}." for name in settings if name not in checks]
    for name, value in settings.items():
        given = value is not None or name in required
        if name in checks and given and (problem := checks[name](name, value)):
            problems.append(problem)
    return problems


def _check_text(name: str, value: Any) -> str | None:
    return None if isinstance(value, str) and value else f"`{name}` must be a text and not empty, but is {value!r}."


def _check_other(name: str, value: Any) -> str | None:
    if isinstance(value, Path) or (isinstance(value, str) and value) or hasattr(type(value), "plan"):  # a `Study`
        return None
    return f"`{name}` must be another study: its script, its storage, or a Study, but is {value!r}."


def _check_enqueue(name: str, value: Any) -> str | None:
    if isinstance(value, Sequence) and not isinstance(value, str) and all(map(_are_params, value)):
        return None
    return f"`{name}` must be a list of parameters with plain values, such as [{{'lr': 0.01}}], but is {value!r}."


def _are_params(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and (item is None or isinstance(item, str | int | float)) for key, item in value.items()
    )


def _check_whole(name: str, value: Any, least: int, most: int | None = None) -> str | None:
    return whole(least, most)(name, value)
