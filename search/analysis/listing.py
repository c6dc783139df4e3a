"""The table of a study's best trials on a terminal."""

from __future__ import annotations

from search.analysis.summary import Summary, shown_score, values_of
from search.analysis.tables import PER_SAMPLE, number, print_rows, setting


def columns(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table of best trials: objectives, score on the test part, costs, parameters."""
    if not summary.best:
        return [], []
    objectives = list(summary.best[0].values)
    score = shown_score(summary.best[0].attrs)
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
