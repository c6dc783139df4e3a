"""The note of a trial, as Markdown for the dashboard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.analysis.tables import number, setting, valued
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


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
