"""The command `snnsearch replay`, which runs a trial again and compares the numbers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from search.commands.common import add_place, read_plan, read_study, whole

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NAME = "replay"
EXAMPLES = """\
examples:
  snnsearch replay my_study.py 17
      run trial 17 again, with its stored network, seed, task, backend and precision

exit status: 0 the same numbers, 1 other numbers, 2 it cannot be run again
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="run a trial again to the same numbers",
        description="Run a trial again and compare with what is stored.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("number", metavar="N", type=whole(0), help="number of the trial")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.analysis.outcome import outcome
    from search.execution.local import local_executor
    from search.spec.spec import replay_jobs
    from search.start.resources import available_cpus

    plan = read_plan(arguments)
    trial = _trial(read_study(plan), arguments.number)
    executor = local_executor(plan.task, workers=min(plan.replicates, available_cpus()))
    try:
        futures = [executor.submit(job) for job in replay_jobs(plan, trial)]
        results = [future.result().result for future in futures]
    finally:
        executor.stop()
    differences = _differences(trial, outcome(plan.objectives, results))
    if differences:
        print(f"trial {trial.number}: different\n" + "\n".join(differences))
        return 1
    print(f"trial {trial.number}: same")
    return 0


def _trial(study: Study, number: int) -> FrozenTrial:
    """The trial, if it is one that can be run again."""
    from search.errors import StudyError
    from search.storage.record import Record

    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        last = f"0 to {len(trials) - 1}" if trials else "none"
        raise StudyError(f"N must be the number of a trial ({last}), but is {number}.")
    trial = trials[number]
    if trial.state.name != "COMPLETE":
        why = f": {Record(trial).reason}" if trial.state.name == "FAIL" else ""
        raise StudyError(f"Only a complete trial can be compared, but trial {number} is {trial.state.name}{why}")
    return trial


def _differences(trial: FrozenTrial, now: dict[str, Any]) -> list[str]:
    from search.storage.record import COSTS, SCORES, Record

    stored = Record(trial).result
    names = ("values", *SCORES, *COSTS, "curve")
    found = [name for name in names if stored.get(name) != now[name]]
    lines = [f"  {name}: stored {stored.get(name)}, now {now[name]}" for name in found]
    return [*lines, *_versions(stored.get("versions") or {}, now["versions"])] if found else []


def _versions(stored: dict[str, str], now: dict[str, str]) -> list[str]:
    """One line that names the versions behind the stored numbers, for those packages that have changed since."""
    changed = [name for name in now if stored.get(name) != now[name]]
    if not changed:
        return []
    before = ", ".join(f"{name} {stored.get(name, 'of unknown version')}" for name in changed)
    here = ", ".join(f"{name} {now[name]}" for name in changed)
    return [f"  The stored numbers were made with {before}. This is {here}. See CHANGELOG.md for numbers that changed."]
