"""Seconds an iteration of the two published e-prop runs, after compiling: ``python -m tests.benchmarks.eprop``.

The difference between a long and a short run, so that starting and scoring do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from studies.eprop import oracle
from tests.benchmarks.compare import arguments, compare, report

RUNS = {"regression": (1, 10, 110), "classification": (32, 1, 4)}
"""Batch, and iterations of the short and of the long run."""


def side(kind: str, dtype: str) -> Callable[[], float]:
    """Seconds of one iteration."""
    batch, *lengths = RUNS[kind]

    def seconds() -> float:
        taken = []
        for length in lengths:
            begun = time.perf_counter()
            oracle(kind, length, batch, "standalone", dtype)
            taken.append(time.perf_counter() - begun)
        return (taken[1] - taken[0]) / (lengths[1] - lengths[0])

    return seconds


def main() -> None:
    given = arguments(__doc__, rounds=3, short="the regression in float32 alone").parse_args()
    chosen = [("regression", "float32")] if given.short else [(k, d) for k in RUNS for d in ("float32", "float64")]
    measured = compare({f"{kind}_{dtype}": side(kind, dtype) for kind, dtype in chosen}, given.rounds)
    report("published runs of e-prop", "seconds_per_iteration", measured, given.json)


if __name__ == "__main__":
    main()
