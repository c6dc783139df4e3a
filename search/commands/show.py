"""`snnsearch show`: the best trials so far."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from search.analysis.summary import shown_score, values_of
from search.analysis.tables import PER_SAMPLE, number, print_rows, setting
from search.commands.common import add_place, read_plan, read_study

if TYPE_CHECKING:
    from search.analysis.summary import Summary

NAME = "show"
EXAMPLES = """\
examples:
  snnsearch show my_study.py
  snnsearch show my_study.py --json
  snnsearch show my_study.py | column -t
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the best trials: parameters, scores, costs",
        description="Show the best trials of a study: parameters, scores, costs. It may be running.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.analysis.summary import summarise

    plan = read_plan(arguments)
    summary = summarise(read_study(plan), plan.location)
    if arguments.json:
        print(summary.to_json(), file=arguments.out, flush=True)
        return 0
    print_table(summary)
    print(summary)
    return 0


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
