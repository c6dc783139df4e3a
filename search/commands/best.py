"""The command `snnsearch best`, which writes the best network as data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from search.commands.common import add_place, output_path, read_plan, read_study, whole

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

NAME = "best"
EXAMPLES = """\
examples:
  snnsearch best my_study.py -o net.json
      the network of the best trial (by the first objective), for NetworkSpec.from_json
  snnsearch best my_study.py --trial 17 > net.json
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the best network as JSON",
        description="Write the network of the best trial (by the first objective), or of another, as JSON. "
        "NetworkSpec.from_json reads it.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("--trial", type=whole(0), metavar="N", help="another trial (default: the best)")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="where it goes (default: standard output)")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.storage.record import Record
    from snn.network.spec import NetworkSpec

    output = None if arguments.output is None else output_path(arguments.output)
    plan = read_plan(arguments)  # imports the script, which may define a neuron or a rule
    study = read_study(plan)
    trial = _best(study) if arguments.trial is None else _numbered(study, arguments.trial)
    text = Record(trial).network
    if text is None:
        _refuse(trial)
    NetworkSpec.from_json(text)  # what cannot be read is an error here, and not where the file is used
    if output is None:
        print(text, file=arguments.out, flush=True)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
    print(_describe(study, trial), file=sys.stderr)
    return 0


def _best(study: optuna.Study) -> FrozenTrial:
    from search.analysis.trials import front
    from search.errors import StudyError

    members = front(study)
    if not members:
        raise StudyError(
            f"Only a study with a complete trial has a best network, but {study.study_name!r} has none; run it further."
        )
    return members[0]


def _numbered(study: optuna.Study, number: int) -> FrozenTrial:
    from search.errors import StudyError

    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        last = f"0 to {len(trials) - 1}" if trials else "none"
        raise StudyError(f"--trial must be the number of a trial ({last}), but is {number}.")
    return trials[number]


def _refuse(trial: FrozenTrial) -> NoReturn:
    from search.errors import StudyError
    from search.storage.attributes import WARM
    from search.storage.record import Record

    state = trial.state.name.lower()
    why = Record(trial).reason if state == "fail" else f"it is {state}"
    if source := trial.user_attrs.get(WARM):
        why = f"it was taken over from {source}"
    raise StudyError(
        f"A trial must have a stored network, but trial {trial.number} has none ({why}); choose another with --trial."
    )


def _describe(study: optuna.Study, trial: FrozenTrial) -> str:
    from search.analysis.tables import valued
    from search.analysis.trials import objective_names

    values = ", ".join(f"{name} = {shown}" for name, shown in zip(objective_names(study), valued(trial), strict=False))
    return f"trial {trial.number}: {values or trial.state.name.lower()}"
