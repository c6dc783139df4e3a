"""`snnsearch run`: search, or go on with a search."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from search.commands.common import add_place, place, read_plan, seconds, whole

NAME = "run"
EXAMPLES = """\
examples:
  snnsearch run my_study.py --trials 200 --workers 8
      search until the study has 200 trials; the same command again goes on where it was
  snnsearch run my_study.py --trials 50 --timeout 60 --backend runtime --dtype float64
  snnsearch run my_study.py --storage postgresql://user:password@host/db --name second
  snnsearch run my_study.py --trials 24 --json > result.json
  snnsearch run my_study.py --trials 24 --profile
      and say where the CPU went: ask, lower, build, write, run, read, score, tell

exit status: 0 done, 2 a mistake in the script or the arguments, 130 interrupted (the same command goes on)
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME, help="search, or go on with a search", description="Search, or go on with a search.", epilog=EXAMPLES
    )
    add_place(parser)
    parser.add_argument(
        "--trials", type=whole(0), default=100, metavar="N", help="total of complete, pruned and failed (default: 100)"
    )
    parser.add_argument("--workers", type=whole(1), metavar="W", help="trials at a time (default: one for each CPU)")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds that a trial may take (default: any)")
    parser.add_argument("--seed", type=whole(0), metavar="S", help="seed of the study (default: the script's)")
    parser.add_argument("--backend", metavar="B", help="standalone, runtime or runtime:cython (default: the script's)")
    parser.add_argument("--dtype", metavar="D", help="float32 or float64 (default: the script's)")
    parser.add_argument("--profile", action="store_true", help="say where the CPU of driver and programs went")
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.interrupt import Interrupt

    began = sum(os.times()[:4])  # before the long imports
    with Interrupt() as interrupt:  # from here on, so that Ctrl-C while Brian2 is imported ends in order too
        from search.searching import available_cpus, search

        changes = {name: getattr(arguments, name) for name in ("seed", "backend", "dtype", "timeout")}
        plan = read_plan(arguments, **changes)
        workers = arguments.workers or available_cpus()
        profiled_from = began if arguments.profile else None
        summary, interrupted = search(plan, arguments.trials, workers, interrupt, profiled_from)
    if arguments.json:
        print(summary.to_json(), flush=True)
    if interrupted:
        print(
            f"Interrupted; to go on: snnsearch run {place(arguments)} --trials {arguments.trials} --workers {workers}",
            file=sys.stderr,
        )
        return 130
    if not arguments.json:
        print(summary)
        print(f"Next: snnsearch show {place(arguments)}\n      snnsearch dashboard {place(arguments)}")
        if summary.best:
            print(f"      snnsearch replay {place(arguments)} {summary.best[0].number}")
    return 2 if summary.trials["fail"] and not summary.trials["complete"] + summary.trials["pruned"] else 0
