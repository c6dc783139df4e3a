"""Seconds an iteration of the two published e-prop runs, after compiling: ``python -m tests.benchmarks.eprop``.

The difference between a long and a short run, so that starting and scoring do not count; the best of three.
"""

from __future__ import annotations

import time

from studies.eprop import oracle

RUNS = {"regression": (1, 10, 110), "classification": (32, 1, 4)}
"""Batch, and iterations of the short and of the long run."""


def seconds(kind: str, dtype: str) -> float:
    """Of one iteration."""
    batch, *lengths = RUNS[kind]
    oracle(kind, 1, batch, "standalone", dtype)  # compiles
    taken = []
    for length in lengths:
        begun = time.perf_counter()
        oracle(kind, length, batch, "standalone", dtype)
        taken.append(time.perf_counter() - begun)
    return (taken[1] - taken[0]) / (lengths[1] - lengths[0])


def main() -> None:
    for kind, (batch, *_) in RUNS.items():
        for dtype in ("float32", "float64"):
            best = min(seconds(kind, dtype) for _ in range(3))
            print(f"{kind}, batch {batch}, {dtype}: {best:.3f} s an iteration")


if __name__ == "__main__":
    main()
