"""Numbers, parameters and tables as text, for a terminal and for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

PER_SAMPLE = ("spikes", "synaptic_operations", "weight_writes", "energy_j")


def number(value: Any) -> str:
    """A value as tables show it."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def setting(params: Mapping[str, Any], name: str) -> str:
    """A parameter as tables show it: one that a trial did not ask for is no parameter whose value is None."""
    return "None" if name in params and params[name] is None else number(params.get(name))


def table_text(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a plain table, columns aligned to the right."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in [headings, *rows]]


def print_rows(title: str, headings: list[str], rows: list[list[str]]) -> None:
    """Rows on standard output: a drawn table on a terminal, tab-separated columns elsewhere; nothing for none."""
    if not rows:
        return
    if not sys.stdout.isatty():
        print("\n".join("\t".join(row) for row in [headings, *rows]))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title))
    for place, heading in enumerate(headings):  # what names a row is to be copied: it stays in one line
        table.add_column(heading, justify="right", overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def spread(trial: FrozenTrial) -> list[float] | None:
    """Standard deviation of each value over the trial's replicates; None for one seed."""
    return Record(trial).result.get("spread")


def valued(trial: FrozenTrial) -> list[str]:
    """The trial's values in the order of the objectives, each with its standard deviation over replicates, if any."""
    values = trial.values or []
    deviations: Sequence[float | None] = spread(trial) or [None] * len(values)
    return [
        number(value) if deviation is None else f"{number(value)} ± {number(float(f'{deviation:.2g}'))}"
        for value, deviation in zip(values, deviations, strict=False)
    ]
