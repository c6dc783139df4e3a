"""A study in words and tables: for a terminal and for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.summary import Best, Summary

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


def describe(summary: Summary) -> str:
    """The best network, the counts, and where the study lies."""
    counts = summary.trials
    lines = [
        f"Study {summary.study}: {counts['complete']} complete, {counts['fail']} failed, {counts['pruned']} pruned, "
        f"{counts['running']} running; programs built: {summary.builds}; {summary.seconds:.1f} s",
    ]
    if summary.best:
        lines += _best(summary.best[0], len(summary.best))
    elif counts["fail"] and not counts["pruned"] + counts["running"]:
        lines.append("No trial is complete: all of them failed, and there is no best network.")
    elif counts["fail"] + counts["pruned"]:
        lines.append("No trial is complete, so there is no best network.")
    for reason, times in summary.reasons[:3]:
        lines.append(f"  failed {'once' if times == 1 else f'{times} times'}: {reason.splitlines()[0]}")
    if summary.profile is not None:
        lines += _profile(summary.profile)
    lines.append(f"Stored in {summary.storage}")
    if summary.files:
        lines.append(f"States of running trials, results not stored yet: {summary.files['states']}")
        lines.append(f"Images of the best: {summary.files['images']}")
    return "\n".join(lines)


def _profile(profile: dict[str, Any]) -> list[str]:
    """Where the CPU went, a line a stage."""
    seconds, each = profile["cpu_seconds"], profile["cpu_seconds_per_trial"]
    total = sum(seconds.values())
    peak, trials = profile["peak_memory_bytes"], profile["trials"]
    lines = [f"CPU of driver and children, trials: {trials}", f"  {'stage':<8}{'s':>10}{'%':>8}{'ms/trial':>12}"]
    for name, value in [*seconds.items(), ("total", total)]:
        one = total / trials if name == "total" and trials else each.get(name)
        shown = "-" if one is None else f"{1e3 * one:.2f}"
        lines.append(f"  {name:<8}{value:>10.3f}{100 * value / total:>8.1f}{shown:>12}")
    return lines if peak is None else [*lines, f"Peak memory of a program: {peak / 2**20:,.1f} MiB"]


def _best(best: Best, members: int) -> list[str]:
    of = f" (of {members} on the Pareto front, the best by the first objective)" if members > 1 else ""
    attrs = best.attrs
    final = f"test_{_score(attrs)}"
    lines = [f"Best network: trial {best.number}{of}"]
    lines += _rows("parameters", {name: setting(best.params, name) for name in best.params})
    lines += _rows("objectives", values_of(best))
    if broken := {f"[{name}]": by for name, by in attrs.get("constraints", {}).items() if by > 0}:
        lines += _rows("breaks constraints, as every complete trial does, by", broken)
    names = ("accuracy", "loss", "prequential_accuracy", "prequential_loss")
    scores = {name: attrs[name] for name in names if attrs[name] is not None}
    lines += _rows("scores", {**scores, final: "after the last trial" if attrs[final] is None else attrs[final]})
    lines += _rows("costs per sample", {name: attrs[name] for name in PER_SAMPLE if attrs.get(name) is not None})
    more = {name: attrs[name] for name in ("memory_bits", "settling_time_ms") if attrs.get(name) is not None}
    return lines + (_rows("network", more) if more else [])


def values_of(best: Best) -> dict[str, str]:
    """Objectives, each with its standard deviation over replicates if there are several."""
    spread = best.attrs.get("spread") or [None] * len(best.values)
    shown = zip(best.values.items(), spread, strict=False)
    return {name: number(value) + ("" if by is None else f" ± {number(by)}") for (name, value), by in shown}


def _score(attrs: dict[str, Any]) -> str:
    """What networks are compared by: a task without labels has no accuracy."""
    return "loss" if attrs["accuracy"] is None and attrs["loss"] is not None else "accuracy"


def _rows(title: str, values: dict[str, Any]) -> list[str]:
    return [f"  {title}: " + (", ".join(f"{name} = {number(value)}" for name, value in values.items()) or "none")]


def columns(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table of best trials: objectives, score on the test part, costs, parameters."""
    if not summary.best:
        return [], []
    objectives = list(summary.best[0].values)
    score = _score(summary.best[0].attrs)
    costs = [c for c in (score, *PER_SAMPLE[:3]) if c not in objectives]
    params = list(dict.fromkeys(name for best in summary.best for name in best.params))
    rows = []
    for best in summary.best:
        attrs = [best.attrs[f"test_{score}"], *(best.attrs[name] for name in costs)]
        values = [best.number, *values_of(best).values(), *attrs]
        rows.append([*map(number, values), *(setting(best.params, name) for name in params)])
    return ["trial", *objectives, f"test_{score}", *costs, *params], rows


def print_table(summary: Summary) -> None:
    """The best trials on standard output."""
    headings, rows = columns(summary)
    print_rows(f"Best trials of {summary.study}", headings, rows)


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
