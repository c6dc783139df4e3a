"""Arguments that several commands have, and the reading of the study that STUDY names."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

    from search.spec.spec import Plan


def add_place(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which study is meant."""
    parser.add_argument("study", metavar="STUDY", help="Python file that defines `study`")
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="journal file, or URL of an SQLite or PostgreSQL database (default: STUDY with the suffix .journal)",
    )
    parser.add_argument("--name", help="name of the study (default: the script's, or the name of the file)")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers of at least `least`, and at most `most` if that is given."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"must be a whole number {bounds}, but is {text!r}")
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


def size(text: str) -> int:
    """A number of bytes, such as 2GiB."""
    from snn.backends.standalone.cache.folder import parse_size
    from snn.errors import SNNError

    try:
        value = -1 if text.lstrip().startswith("-") else parse_size("it", text)
    except SNNError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("it ").removesuffix(".")) from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least one byte, but is {text!r}")
    return value


def parameters(text: str) -> dict[str, Any]:
    """Parameters of a trial, as JSON."""
    import json

    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"must be a JSON object such as '{{\"lr\": 0.01}}', but is {text!r}")
    return value


def read_plan(arguments: argparse.Namespace, **changes: Any) -> Plan:
    """The plan of the study that the arguments name; paths are made absolute before the script is run."""
    from search.spec.script import Script
    from search.storage.address import absolute_reference, absolute_storage
    from search.study import load_study

    script = Script.read(arguments.study)
    changes["storage"] = absolute_storage(arguments.storage) if arguments.storage else arguments.storage
    if changes.get("warm_start"):
        changes["warm_start"] = absolute_reference(changes["warm_start"])
    return load_study(script).plan(script, name=arguments.name, **changes)


def read_study(plan: Plan) -> optuna.Study:
    """The plan's study in its storage, which must be there.

    Raises
    ------
    StudyError
        If it has never been run.
    """
    import optuna

    from search.storage.opening import load, open_storage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return load(open_storage(plan.location, create=False), plan.name, plan.location)


def output_path(given: Path) -> Path:
    """Return the absolute path of a file that is to be written, which must be one that can be.

    To be called before anything takes time, and before a script is run, which may change the working folder.

    Raises
    ------
    StudyError
        If it is a folder, or lies in none.
    """
    from search.errors import StudyError
    from snn.system.paths import absolute

    path = absolute(given)
    if path.is_dir():
        raise StudyError(f"-o must be the path of a file, but {str(given)!r} is a folder.")
    if not path.parent.is_dir():
        raise StudyError(f"-o must lie in a folder that exists, but there is no {str(given.parent)!r}: make it first.")
    return path


def place(arguments: argparse.Namespace) -> str:
    """The arguments of the same study for another command, passwords hidden."""
    from search.storage.location import mask

    words = [arguments.study]
    words += ["--storage", mask(arguments.storage)] if arguments.storage else []
    words += ["--name", arguments.name] if arguments.name else []
    return shlex.join(words)
