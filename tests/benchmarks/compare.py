"""What the benchmarks share: sides that take turns, medians and ranges, and one line of JSON or a table.

Machines drift: they warm up, and others use them. So the sides of a comparison alternate within one run, and what is
quoted is a ratio of medians, never a time alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Side = Callable[[], float]


def arguments(about: str | None, rounds: int, short: str | None = None) -> argparse.ArgumentParser:
    """The arguments that every benchmark has; `short` says what ``--short`` leaves out."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=_whole, default=rounds, help=f"turns of each side (default {rounds})")
    if short is not None:
        parser.add_argument("--short", action="store_true", help=f"{short}; shows the order only")
    return parser


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"at least one round is needed, but --rounds is {value}")
    return value


def installed(module: str, extra: str) -> bool:
    """Whether a peer can be imported; where not, a line on standard error says what brings it."""
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"{module} is not installed and is left out; `pip install .[{extra}]` brings it.", file=sys.stderr)
    return False


def cpu_seconds(*whose: int) -> float:
    """CPU seconds so far, of `resource.RUSAGE_SELF` and `RUSAGE_CHILDREN` (those that have ended) unless told."""
    used = map(resource.getrusage, whose or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def compare(sides: Mapping[str, Side], rounds: int, warm: bool = True) -> dict[str, list[float]]:
    """Let sides take turns, in the order given.

    Parameters
    ----------
    sides : mapping of str to callable
        Each runs its side once and returns what was measured.
    rounds : int
        How many times each side runs.
    warm : bool
        Whether each side runs once before, uncounted: it builds its programs and fills caches.

    Returns
    -------
    dict of str to list of float
        By side, what was measured in each round.
    """
    if warm:
        for side in sides.values():
            side()
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            measured[name].append(side())
    return measured


def medians(measured: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """By side, the median."""
    return {name: statistics.median(values) for name, values in measured.items()}


def ranges(measured: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """By side, the lowest and the highest."""
    return {name: [min(values), max(values)] for name, values in measured.items()}


def report(title: str, unit: str, measured: Mapping[str, Sequence[float]], as_json: bool, **more: Any) -> None:
    """Print medians and ranges: one line of JSON, or a table with each side's ratio to the first.

    Parameters
    ----------
    title : str
        What was measured, for the table.
    unit : str
        The key of the medians in the JSON, such as ``"cpu_seconds_per_trial"``.
    measured : mapping of str to sequence of float
        As `compare` returns it.
    as_json : bool
    more
        Further entries of the JSON.
    """
    middle, spread = medians(measured), ranges(measured)
    if as_json:
        print(json.dumps({unit: middle, "ranges": spread, **more}))
        return
    first = next(iter(middle.values()))
    width = max(len(name) for name in middle)
    print(f"{title}, {unit.replace('_', ' ')}: median (range), and ratio to the first")
    for name, value in middle.items():
        low, high = spread[name]
        print(f"  {name:<{width}}  {value:10.4g}  ({low:.4g} to {high:.4g})  {value / first:8.2f}")
    for name, value in more.items():
        print(f"  {name.replace('_', ' ')}: {value}")
