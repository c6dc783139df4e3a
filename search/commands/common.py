"""What the commands share: arguments, and finding the study that STUDY names."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

    from search.plan import Plan


def add_place(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which study is meant."""
    parser.add_argument("study", metavar="STUDY", help="Python file that defines `study`")
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="storage URL of Optuna, or path of a journal file (default: STUDY with the suffix .journal)",
    )
    parser.add_argument("--name", help="name of the study (default: the script's, or the name of the file)")


def whole(least: int) -> Callable[[str], int]:
    """A parser of whole numbers of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, but is {text!r}")
        return value

    return parse


def seconds(text: str) -> float:
    """A duration above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, but is {text!r}")
    return value


def read_plan(arguments: argparse.Namespace, **changes: Any) -> Plan:
    """The plan of the study that the arguments name."""
    from search.script import Script, load_study

    script = Script.read(arguments.study)
    return load_study(script).plan(script, name=arguments.name, storage=arguments.storage, **changes)


def read_study(plan: Plan) -> optuna.Study:
    """The plan's study in its storage, which must be there.

    Raises
    ------
    StudyError
        If it has never been run.
    """
    import optuna

    from search.storage import load

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return load(plan.location.open(create=False), plan.name, plan.location)


def place(arguments: argparse.Namespace) -> str:
    """The arguments of the same study for another command, passwords hidden."""
    from search.storage import mask

    storage = f" --storage {mask(arguments.storage)}" if arguments.storage else ""
    return f"{arguments.study}{storage}{f' --name {arguments.name}' if arguments.name else ''}"
