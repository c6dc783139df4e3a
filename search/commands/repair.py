"""The command `snnsearch repair`, which writes the readable part of a damaged journal to a new file."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.commands.common import output_path, read_plan

if TYPE_CHECKING:
    from search.spec.spec import Plan
    from search.storage.journal.repair import Repaired
    from search.storage.location import Location

NAME = "repair"
EXAMPLES = """\
examples:
  snnsearch repair my_study.py
      read the study's journal, write what can be read to my_study.repaired.journal, and say what is lost
  snnsearch repair my_study.journal -o mended.journal
      the same without the script

exit status: 0 nothing is lost, or a new journal was written, 2 it cannot be repaired
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        NAME,
        help="what can be read of a damaged journal, in a new file",
        description="Write what can be read of a damaged journal to a new file, and say what is lost. The damaged "
        "journal stays as it is.",
        epilog=EXAMPLES,
    )
    parser.add_argument("study", metavar="STUDY", help="Python file that defines `study`, or a journal file")
    parser.add_argument("--storage", metavar="FILE", help="journal file (default: STUDY's)")
    parser.add_argument("--name", help="name of the study, needed where the line that creates it is lost")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="the new journal (default: with .repaired before its suffix)"
    )
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.errors import StudyError

    output = None if arguments.output is None else output_path(arguments.output)
    journal = _journal(arguments)
    place = output or output_path(journal.with_name(f"{journal.stem}.repaired{journal.suffix}"))
    repaired = _repair(journal, arguments)
    target = None if repaired.whole else place
    if target is not None and target.exists():
        raise StudyError(f"A repair never overwrites a file, but {str(target)!r} exists: name another with -o.")
    if target is not None:
        _write(target, repaired.text)
    if arguments.json:
        print(json.dumps(_facts(journal, target, repaired)), file=arguments.out, flush=True)
    else:
        _print(journal, target, repaired, arguments)
    return 0


def _journal(arguments: argparse.Namespace) -> Path:
    """The journal that is meant."""
    from search.errors import StudyError
    from search.storage.location import Location

    script = arguments.study.endswith(".py")
    if arguments.storage is not None or not script:
        location = Location.of(arguments.storage or arguments.study, Path(arguments.study).with_suffix(""))
    else:
        location = _of_script(arguments)
    if location.is_url:
        raise StudyError(_elsewhere(location))
    path = Path(location.text)
    if not path.is_file():
        raise StudyError(f"STUDY must have a journal that can be repaired, but there is no {path}.")
    return path


def _of_script(arguments: argparse.Namespace) -> Location:
    """Return the location of a script's study. If the script does not run, it is the journal beside it."""
    from search.errors import StudyError
    from search.spec.script import Script
    from search.storage.location import Location

    try:
        return read_plan(arguments).location
    except StudyError as error:
        script = Script.read(arguments.study)
        location = Location.of(None, script.folder / script.stem)
        if not Path(location.text).is_file():
            raise
        print(f"snnsearch: the script does not run, so the journal beside it is read: {error}", file=sys.stderr)
        return location


def _elsewhere(location: Location) -> str:
    advice = {
        "sqlite": "restore a backup, or try `sqlite3 FILE .recover`",
        "postgresql": "restore a backup with pg_restore",
    }
    remedy = advice.get(location.kind, "restore a backup")
    return f"`snnsearch repair` is for journals, but {location.shown} is a database: {remedy}."


def _repair(journal: Path, arguments: argparse.Namespace) -> Repaired:
    """Read a damaged journal. If the creation of the study is lost, name and objectives come from its script."""
    from search.errors import StudyError
    from search.storage.journal.repair import StudyLost, repair

    data = journal.read_bytes()
    try:
        return repair(data)
    except StudyLost as lost:
        if not arguments.study.endswith(".py"):
            raise StudyError(f"{lost} Repair it by its script: snnsearch repair SCRIPT --storage {journal}") from None
    return repair(data, _begun(read_plan(arguments)))


def _begun(plan: Plan) -> tuple[str, list[int]]:
    """Name and directions of the plan's study, as Optuna numbers them."""
    return plan.name, [1 if objective.direction == "minimize" else 2 for objective in plan.objectives]


def _write(target: Path, text: bytes) -> None:
    """Write the new journal, whole or not at all, and only where no file is."""
    import os

    from search.storage.journal.file import open_journal

    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        open_journal(draft)  # it must be one that can be read
        try:
            os.link(draft, target)  # unlike a rename, it fails where a file is
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            os.rename(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _facts(journal: Path, target: Path | None, repaired: Repaired) -> dict[str, Any]:
    """Return the fields that `--json` writes."""
    return {
        "journal": str(journal),
        "repaired": None if target is None else str(target),
        "lines": repaired.lines,
        "kept": repaired.kept,
        "losses": [
            {"line": loss.line, "what": loss.what, "trials": _objects(loss.trials), "sure": loss.sure}
            for loss in repaired.losses
        ],
        "recreated": _objects(repaired.recreated),
    }


def _objects(trials: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return [{"study": study, "trial": number} for study, number in trials]


def _print(journal: Path, target: Path | None, repaired: Repaired, arguments: argparse.Namespace) -> None:
    if target is None:
        print(f"{journal}: all of its {repaired.lines} lines can be read; there is nothing to repair.")
        return
    print(f"{journal}: {repaired.kept} of {repaired.lines} lines can be read.")
    for loss in repaired.losses:
        print(f"  line {loss.line} {loss.what}{_whose(loss.trials, loss.sure)}")
    if repaired.recreated:
        print(f"The creation of {_named(repaired.recreated)} is lost; what else there is of them is kept.")
    print(f"Written: {target}. {journal} is as it was.")
    script = arguments.study if arguments.study.endswith(".py") else "SCRIPT"
    name = "" if arguments.name is None else f" --name {shlex.quote(arguments.name)}"
    print(f"Next: snnsearch run {shlex.quote(script)} --storage {shlex.quote(str(target))}{name}")


def _whose(trials: tuple[tuple[str, int], ...], sure: bool) -> str:
    if not trials:
        return ""
    return f": {_named(trials)} lost a line" if sure else f": {_named(trials)} may have lost a line"


def _named(trials: tuple[tuple[str, int], ...]) -> str:
    several = len({study for study, _ in trials}) > 1
    names = [f"{number} of {study!r}" if several else str(number) for study, number in trials]
    return f"trial{'' if len(names) == 1 else 's'} {', '.join(names)}"
