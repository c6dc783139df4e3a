"""The command `snnsearch cache`, which lists and removes compiled programs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from snn.backends.standalone.cache.upkeep import Entry

DAY = 86400.0

NAME = "cache"
EXAMPLES = """\
examples:
  snnsearch cache list
  snnsearch cache size --json
  snnsearch cache clear --older 30
      remove the programs that have not been used for 30 days
  snnsearch cache clear 289df1f783417cd39f995ce7

environment:
  SNNSEARCH_CACHE        the folder; it may be shared by several users (default: in the user's cache folder)
  SNNSEARCH_CACHE_LIMIT  what it may grow to, such as 2GiB or 500MB (default: 4GiB); each program that is built
                         makes those that were used longest ago give way
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        NAME,
        help="the compiled programs on disk: list, size, clear",
        description="Look at the compiled programs that are kept on disk, or remove them.",
        epilog=EXAMPLES,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(parser))
    for name, act, about in (
        ("list", _list, "every program: its network, its size, and when it was last used"),
        ("size", _size, "how much there is, how much there may be, and where"),
        ("clear", _clear, "remove programs, except those that are being built or used"),
    ):
        one = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=EXAMPLES)
        one.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
        one.set_defaults(parser=one, act=act)
    one.add_argument("keys", nargs="*", metavar="KEY", help="programs, by the names that `list` shows (default: all)")
    one.add_argument("--older", type=_days, metavar="DAYS", help="only those that have not been used for so long")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from snn.backends.standalone.cache.folder import cache_folder
    from snn.backends.standalone.disk import unusable

    folder = cache_folder()
    try:
        arguments.act(arguments, folder)
    except BrokenPipeError:  # nobody reads on
        raise
    except OSError as error:
        raise unusable(folder, error) from error
    return 0


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of days of at least 0, but is {text!r}")
    return value


def _list(arguments: argparse.Namespace, folder: Path) -> None:
    from snn.backends.standalone.cache.upkeep import entries
    from snn.backends.standalone.manifest import read_manifest

    programs = [(entry, read_manifest(entry.path)) for entry in reversed(entries(folder))]
    if arguments.json:
        nothing = dict.fromkeys(("structure", "dtype", "compiler", "brian2", "created", "build_cpu_seconds"))
        print(json.dumps({
            "folder": str(folder),
            "programs": [_facts(entry) | (manifest or nothing) for entry, manifest in programs],
        }), file=arguments.out, flush=True)  # fmt: skip
        return
    from search.analysis.tables import print_rows

    headings = ["key", "network", "dtype", "size", "last use"]
    print_rows(f"Programs in {folder}", headings, [_row(entry, manifest) for entry, manifest in programs])
    if not programs:
        print(f"There are no programs in {folder}.")


def _facts(entry: Entry) -> dict[str, Any]:
    from snn.system.lock import user_name

    used = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(entry.used))
    return {"key": entry.path.name, "bytes": entry.bytes, "used": used, "owner": user_name(entry.owner)}


def _row(entry: Entry, manifest: dict[str, Any] | None) -> list[str]:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
    if manifest is None:
        return [entry.path.name, "unknown: damaged, or of another version", "-", size(entry.bytes), used]
    parts = [", ".join(f"{name} {kind}" for name, kind in part.items()) for part in manifest["structure"].values()]
    words = [_plain("; ".join(filter(None, parts))), _plain(manifest["dtype"])]
    return [entry.path.name, *words, size(entry.bytes), used]


def _plain(text: str) -> str:
    """Return the text of another user's file without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def size(count: float) -> str:
    """A number of bytes in words.

    >>> size(3_400_000)
    '3.2 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _size(arguments: argparse.Namespace, folder: Path) -> None:
    from snn.backends.standalone.cache.folder import LIMIT, cache_limit
    from snn.backends.standalone.cache.upkeep import entries, leftovers

    limit, programs = cache_limit(), entries(folder)
    total = sum(entry.bytes for entry in [*programs, *leftovers(folder)])
    if arguments.json:
        facts = {"folder": str(folder), "programs": len(programs), "bytes": total, "limit": limit}
        print(json.dumps(facts), file=arguments.out, flush=True)
        return
    print(f"{size(total)} in {_programs(len(programs))}, of {size(limit)} at most ({LIMIT}), in {folder}")


def _programs(count: int) -> str:
    return "1 program" if count == 1 else f"{count} programs"


def _clear(arguments: argparse.Namespace, folder: Path) -> None:
    from snn.backends.standalone.cache.upkeep import remove, sweep

    chosen = _chosen(arguments, folder)
    reasons = {entry: remove(entry) for entry in chosen}
    removed = [entry for entry, reason in reasons.items() if reason is None]
    kept = {entry.path.name: reason for entry, reason in reasons.items() if reason is not None}
    freed = sum(entry.bytes for entry in removed)
    if not arguments.keys:
        freed += sweep(folder, before=time.time() - (arguments.older or 0) * DAY)
    if arguments.json:
        print(json.dumps({
            "folder": str(folder), "removed": [entry.path.name for entry in removed], "bytes": freed, "kept": kept,
        }), file=arguments.out, flush=True)  # fmt: skip
        return
    print(f"Removed {_programs(len(removed))}, {size(freed)}, from {folder}")
    for key, reason in kept.items():
        print(f"{key} stays: it {_plain(reason)}", file=sys.stderr)


def _chosen(arguments: argparse.Namespace, folder: Path) -> list[Entry]:
    """The entries that the arguments mean."""
    from snn.backends.standalone.cache.upkeep import entries
    from snn.errors import SNNError

    found = entries(folder)
    by_key = {entry.path.name: entry for entry in found}
    for key in arguments.keys:
        if key not in by_key:
            close = get_close_matches(key, by_key, n=1, cutoff=0.5)
            raise SNNError(
                f"There is no program {key!r} in {folder}; "
                + (f"nearest: {close[0]!r}." if close else "`snnsearch cache list` shows what there is.")
            )
    chosen = [by_key[key] for key in dict.fromkeys(arguments.keys)] if arguments.keys else found
    if arguments.older is None:
        return chosen
    return [entry for entry in chosen if entry.used < time.time() - arguments.older * DAY]
