"""The command `snnsearch show`, which prints the best trials so far."""

from __future__ import annotations

import argparse
from typing import Any

from search.commands.common import add_place, read_plan, read_study

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
    from search.analysis.listing import print_table
    from search.analysis.summary import summarise

    plan = read_plan(arguments)
    summary = summarise(read_study(plan), plan.location)
    if arguments.json:
        print(summary.to_json(), file=arguments.out, flush=True)
        return 0
    print_table(summary)
    print(summary)
    return 0
