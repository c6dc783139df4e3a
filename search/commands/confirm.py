"""The command `snnsearch confirm`, which runs the best networks on fresh seeds."""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import Any

from search.commands.common import add_place, place, read_plan, whole
from search.spec.bounds import MOST_SEEDS

NAME = "confirm"
EXAMPLES = """\
examples:
  snnsearch confirm my_study.py --top 5 --seeds 10
      run the five best on ten seeds that no trial has had, score them on the test part, and compare with what the
      search saw; the same command with more seeds runs the new ones only

exit status: 0 done, 2 a mistake, or a search that is not over, 130 interrupted (the same command goes on)
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the best networks on fresh seeds and the test part",
        description="Run the best networks of a finished search on fresh seeds, on the test part: mean, 95 % bootstrap "
        "interval, and the difference from what the search saw.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("--top", type=whole(1), default=5, metavar="K", help="how many networks (default: 5)")
    parser.add_argument(
        "--seeds", type=whole(1, MOST_SEEDS), default=10, metavar="S", help="how many seeds (default: 10)"
    )
    parser.add_argument("--workers", type=whole(1), metavar="W", help="runs at a time (default: one for each CPU)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="run on a dask cluster")
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.driver.interrupt import Interrupt

    with Interrupt() as interrupt:  # before the long imports
        from search.analysis.tables import print_rows
        from search.driver.confirm import confirm

        plan = read_plan(arguments)
        confirmation, interrupted = confirm(
            plan, arguments.top, arguments.seeds, arguments.workers, interrupt, arguments.cluster
        )
    if arguments.json:
        print(confirmation.to_json(), file=arguments.out, flush=True)
    else:
        print_rows(f"Confirmation of {confirmation.study}", *confirmation.columns())
        print(confirmation.curse())
    if interrupted:
        again = f"snnsearch confirm {place(arguments)} --top {arguments.top} --seeds {arguments.seeds}"
        again += "" if arguments.workers is None else f" --workers {arguments.workers}"
        again += "" if arguments.cluster is None else f" --cluster {shlex.quote(arguments.cluster)}"
        print(f"Interrupted; to go on: {again}", file=sys.stderr)
        return 130
    return 0
