"""A trial in words: what the dashboard shows of it, and the commands that concern it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.record import Record
from search.report.facts import spread
from search.storage import mask
from search.table import number, setting

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search.plan import Plan


FLAGS = {"constraints": "constraint", "memory": "memory-limit", "warm_start": "warm-start"}  # named otherwise


def place(plan: Plan) -> str:
    """STUDY and the options that name the same study for another command; passwords hidden."""
    default = plan.script.folder / f"{plan.script.stem}.journal"
    words = [str(plan.script.file or plan.script.stem)]
    if plan.location.text != str(default):
        words += ["--storage", plan.location.shown]
    if plan.name != plan.script.stem:
        words += ["--name", plan.name]
    return shlex.join(words)


def options(given: Mapping[str, Any]) -> list[str]:
    """Settings of a run as words of its command line, which follow `place`; None was not given; passwords hidden."""
    words = []
    for name, value in given.items():
        for one in value if isinstance(value, list | tuple) else [] if value is None else [value]:
            text = json.dumps(one) if isinstance(one, Mapping) else f"{one}B" if name == "memory" else str(one)
            words += [f"--{FLAGS.get(name, name)}", mask(text)]
    return words


def valued(trial: FrozenTrial) -> list[str]:
    """The trial's values in the order of the objectives, each with its standard deviation over replicates, if any."""
    values = trial.values or []
    deviations: Sequence[float | None] = spread(trial) or [None] * len(values)
    return [
        number(value) if deviation is None else f"{number(value)} ± {number(float(f'{deviation:.2g}'))}"
        for value, deviation in zip(values, deviations, strict=False)
    ]


def markdown(trial: FrozenTrial, names: Sequence[str], attrs: Mapping[str, Any], where: str = "") -> str:
    """A trial as a note of the dashboard.

    Parameters
    ----------
    trial : FrozenTrial
        One of a study's trials.
    names : sequence of str
        The study's objectives.
    attrs : mapping
        Seed, scores and costs, as `Record.attrs` gives them.
    where : str
        What `place` gives of the study; without it the note says nothing of how to run the trial again.
    """
    result = Record(trial).result
    lines = [
        f"# Trial {trial.number}",
        *_table("Parameters", {name: setting(trial.params, name) for name in trial.params}),
        *_table("Objectives", dict(zip(names, valued(trial), strict=False))),
        *_table("Scores and costs", {name: number(value) for name, value in _shown(attrs).items()}),
    ]
    if (same := result.get("same_as")) is not None:
        lines += ["", f"The same network as trial {same}, whose values it was given."]
    if replicates := result.get("replicates"):
        lines += ["", f"Values are means over {len(replicates)} seeds, ± their standard deviation."]
    if where:
        lines += ["", "## Run it again", "", f"    snnsearch replay {where} {trial.number}"]
    return "\n".join(lines)


def _shown(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, and the score on the test part even before it is known."""
    score = "loss" if attrs.get("accuracy") is None and attrs.get("loss") is not None else "accuracy"
    return {
        name: value
        for name, value in attrs.items()
        if (isinstance(value, int | float) and not isinstance(value, bool)) or name == f"test_{score}"
    }


def _table(title: str, rows: Mapping[str, str]) -> list[str]:
    if not rows:
        return []
    body = [f"| {_cell(name)} | {_cell(shown)} |" for name, shown in rows.items()]
    return ["", f"## {title}", "", "| name | value |", "| --- | --- |", *body]


def _cell(text: str) -> str:
    """Text that Markdown takes for nothing but text."""
    return re.sub(r"([\\`*\[\]<>|!~$#&])", r"\\\1", " ".join(text.split()))
