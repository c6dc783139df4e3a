"""The command `snnsearch`; each command imports its slow modules itself, so that `--help` is fast."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from search.commands import best, cache, confirm, dashboard, doctor, explain, repair, replay, report, run, show
from search.output import only_result, replace_characters
from search.text import readable

COMMANDS = (run, show, report, dashboard, confirm, best, replay, explain, repair, cache, doctor)
DONE, USER_ERROR, INTERRUPTED = 0, 2, 130

NEGATIVE = re.compile(r"-(\.?\d|inf\b|nan\b)", re.IGNORECASE)

EXAMPLES = """\
examples:
  snnsearch run my_study.py --trials 200 --workers 8
  snnsearch show my_study.py
  snnsearch report my_study.py -o report.html
  snnsearch dashboard my_study.py
  snnsearch confirm my_study.py --top 5 --seeds 10
  snnsearch best my_study.py -o net.json
  snnsearch replay my_study.py 17
  snnsearch explain my_study.py
  snnsearch repair my_study.py
  snnsearch cache size
  snnsearch doctor
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence and name the nearest flag."""

    def __init__(self, **settings: Any):
        settings |= {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(**settings)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, or explain what is unknown."""
        found, unknown = self.parse_known_args(_joined(sys.argv[1:] if args is None else args), namespace)
        if unknown:
            found.parser.refuse(unknown[0])
        return found

    def refuse(self, argument: str) -> NoReturn:
        """End because of an argument that is not known."""
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        if not argument.startswith("-"):
            self.error(f"unknown argument {argument}")
        self.error(f"unknown flag {argument}; {_nearest(argument.partition('=')[0], flags)}")

    def _commands(self) -> list[str]:
        return [name for action in self._actions for name in action.choices or () if action.nargs == argparse.PARSER]

    def error(self, message: str) -> NoReturn:
        """End with one sentence."""
        if unknown := re.search(r"invalid choice: '([^']*)'", message):
            message = f"unknown command {unknown[1]!r}; {_nearest(unknown[1], self._commands())}"
        message = message.removeprefix("argument ")
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(USER_ERROR)


def _joined(words: Sequence[str]) -> list[str]:
    """The words, a negative value with its flag in one: alone, `-1GiB` looks like a flag.

    >>> _joined(["run", "a.py", "--memory-limit", "-1GiB", "--json"])
    ['run', 'a.py', '--memory-limit=-1GiB', '--json']
    """
    found: list[str] = []
    for word in words:
        before = found[-1] if found else ""
        if NEGATIVE.match(word) and before.startswith("--") and "=" not in before and len(before) > 2:
            found[-1] = f"{before}={word}"
        else:
            found.append(word)
    return found


def _nearest(name: str, choices: Sequence[str]) -> str:
    close = get_close_matches(name, choices, n=1, cutoff=0.5)
    return f"choices: {', '.join(choices)}" + (f"; nearest: {close[0]}" if close else "")


class Version(argparse.Action):
    """Prints the version; asked for only here, since reading it takes time."""

    def __init__(self, **settings: Any):
        super().__init__(**{**settings, "nargs": 0})

    def __call__(self, *args: Any) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"snnsearch {version('snnsearch')}")
        except PackageNotFoundError:
            print("snnsearch (a checkout that is not installed)")
        raise SystemExit(DONE)


def parser() -> Parser:
    """The parser of the whole command line."""
    top = Parser(
        prog="snnsearch",
        description="Search for spiking networks and plasticity rules that learn a task online.",
        epilog=EXAMPLES,
    )
    top.add_argument("--version", action=Version, help="print the version and exit")
    top.set_defaults(parser=top)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for module in COMMANDS:
        one = module.add(commands)
        one.set_defaults(parser=one, execute=module.execute)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit status. Without `arguments` it is that of this process, which then ends soon."""
    status = _run(arguments)
    if arguments is None:
        from search.ending import end_soon

        end_soon(status)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    replace_characters()
    try:
        chosen = parser().parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else USER_ERROR
    if arguments is None:
        sys.argv = list(map(readable, sys.argv))  # Brian2 writes them to its log, which surrogates would end
    chosen.out = None  # where a command prints its result: standard output
    if not _is_data(chosen):
        return _execute(chosen)
    with only_result(to_the_end=arguments is None) as chosen.out:
        return _execute(chosen)


def _is_data(chosen: argparse.Namespace) -> bool:
    """Whether a program reads the command's standard output, in which a script's prints have no place."""
    return getattr(chosen, "json", False) or (chosen.command == best.NAME and chosen.output is None)


def _execute(chosen: argparse.Namespace) -> int:
    try:
        return chosen.execute(chosen)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `snnsearch show ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), (chosen.out or sys.stdout).fileno())
        return DONE
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    from search.storage.location import mask
    from snn.errors import SNNError

    if isinstance(error, SNNError | OSError):
        print(f"snnsearch: {mask(str(error))}", file=sys.stderr)
        return USER_ERROR
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    ours = type(error).__name__ == "StorageInternalError"  # of Optuna, around one of the others
    if ours or packages & {"sqlalchemy", "redis", "psycopg2", "psycopg", "pymysql"}:
        print(f"snnsearch: the storage failed; the same command goes on: {mask(str(error))}", file=sys.stderr)
        return USER_ERROR
    raise error


if __name__ == "__main__":
    sys.exit(main())
