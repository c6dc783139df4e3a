"""The command `snnsearch run`, which begins or resumes a search."""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
from typing import Any

from search.commands.common import add_place, parameters, place, read_plan, seconds, size, whole
from search.spec.bounds import MOST_BATCH, MOST_REPLICATES

NAME = "run"
CHANGES = (
    *("seed", "sampler", "backend", "dtype", "timeout", "memory", "constraints", "pruner", "rungs", "replicates"),
    *("warm_start", "enqueue"),
)
EXAMPLES = """\
examples:
  snnsearch run my_study.py --trials 200 --workers 8
      search until the study has 200 trials; the same command again goes on where it was
  snnsearch run my_study.py --trials 50 --timeout 60 --backend runtime --dtype float64
  snnsearch run my_study.py --storage postgresql://user:password@host/db --name second
  snnsearch run my_study.py --trials 2000 --cluster tcp://10.0.0.1:8786
      on the workers of a dask scheduler
  snnsearch run my_study.py --backend genn --workers 1 --batch 64
      64 trials at a time, in one simulation on the GPU
  snnsearch run new_study.py --warm-start my_study.py --enqueue '{"lr": 0.01, "n": 64}'
      learn from the trials of another study, and try these parameters first
  snnsearch run my_study.py --trials 24 --json > result.json
  snnsearch run my_study.py --trials 24 --profile
      and say where the CPU went: ask, lower, build, write, run, read, score, tell

exit status: 0 done, 2 a mistake in the script or the arguments, or no trial that works, 130 interrupted (the same
command goes on)
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
    parser.add_argument(
        "--batch", type=whole(1, MOST_BATCH), default=1, metavar="K",
        help="trials that each worker runs together: GeNN simulates them at once (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="run trials on a dask cluster, one for each of its threads by default"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="seconds that a trial may take (default: any)")
    parser.add_argument(
        "--memory-limit", dest="memory", type=size, metavar="SIZE",
        help="memory that the process of a run may take, such as 2GiB (default: any)",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole(0), metavar="S", help="seed of the study (default: the script's)")
    parser.add_argument(
        "--constraint", action="append", dest="constraints", metavar="C", help="such as 'accuracy >= 0.9'; repeatable"
    )
    parser.add_argument("--sampler", metavar="N", help="tpe, forest, cmaes, nsgaii, gp, qmc or random")
    parser.add_argument("--pruner", metavar="P", help="halving, none, or a pruner of Optuna's such as median")
    parser.add_argument("--rungs", type=whole(1), metavar="N", help="pieces that a trial runs in (default: 4)")
    parser.add_argument(
        "--replicates", type=whole(1, MOST_REPLICATES), metavar="R", help="seeds of a trial (default: 1)"
    )
    parser.add_argument(
        "--warm-start", metavar="OTHER", help="learn from another study: its script, or its storage[#name]"
    )
    parser.add_argument(
        "--enqueue", metavar="JSON", action="append", type=parameters, help="parameters to try first; may be repeated"
    )
    engines = "standalone, runtime, runtime:cython, genn or genn:cpu"
    parser.add_argument("--backend", metavar="B", help=f"{engines} (default: the script's)")
    parser.add_argument("--dtype", metavar="D", help="float32 or float64 (default: the script's)")
    parser.add_argument(
        "--keep-going", action="store_true", help="go on although the first 10 trials fail for one reason"
    )
    parser.add_argument("--profile", action="store_true", help="say where the CPU of driver and programs went")
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.driver.interrupt import Interrupt

    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    began = sum(usage.ru_utime + usage.ru_stime for usage in used)  # as snn.profile counts, before the long imports
    with Interrupt() as interrupt:  # from here on, so that Ctrl-C while Brian2 is imported ends in order too
        from search.dashboard.present import present
        from search.driver.search import search

        changes = {name: getattr(arguments, name) for name in CHANGES}
        plan = read_plan(arguments, **changes)
        profiled_from = began if arguments.profile else None
        places = (arguments.workers, interrupt, profiled_from, arguments.cluster, arguments.batch)
        summary, interrupted = search(plan, arguments.trials, *places, arguments.keep_going, present)
    if arguments.json:
        print(summary.to_json(), file=arguments.out, flush=True)
    if interrupted:
        print(f"Interrupted; to go on: {_again(arguments)}", file=sys.stderr)
        return 130
    if not arguments.json:
        print(summary)
        where = place(arguments)
        print(f"Next: snnsearch show {where}\n      snnsearch dashboard {where}")
        print(f"      snnsearch report {where} -o report.html")
        if summary.best:
            print(f"      snnsearch replay {where} {summary.best[0].number}")
    return 2 if summary.trials["fail"] and not summary.trials["complete"] + summary.trials["pruned"] else 0


def _again(arguments: argparse.Namespace) -> str:
    """The same command, passwords hidden."""
    from search.spec.command_line import options

    given = {name: getattr(arguments, name) for name in ("workers", "batch", "cluster", *CHANGES)}
    given["batch"] = None if arguments.batch == 1 else arguments.batch
    words = ["snnsearch", "run", *shlex.split(place(arguments)), "--trials", str(arguments.trials)]
    words += ["--keep-going"] if arguments.keep_going else []
    return shlex.join([*words, *options(given)])
