"""Upper bounds of workers, replicates and batches, against slips that would hang or fill the machine."""

from __future__ import annotations

MOST_WORKERS = 1024
"""On this machine: each is a thread, and with Brian2 in process a process too. A cluster gives its own number."""
MOST_REPLICATES = 1000
"""All of a trial's are begun at once, and each keeps a state of its own."""
MOST_BATCH = 4096
"""All jobs of a batch, with their states, are in memory at once, and a simulation of more gains nothing."""
MOST_SEEDS = 10_000
"""Of a confirmation, for each network: all runs are handed over at once."""


def problems_with_workers(workers: int | None, on_cluster: bool) -> list[str]:
    """Return the problems of a number of workers, as sentences."""
    if workers is None or on_cluster or workers <= MOST_WORKERS:
        return []
    return [
        f"`workers` must be at most {MOST_WORKERS} on one machine, where each is a thread or a process, but is "
        f"{workers}: one for each CPU, which is the default, is as fast as more; a cluster may have any number."
    ]


def useful_workers(workers: int, jobs: int, cpus: int) -> int:
    """As many workers as can have something to do: at most one a job, though at least one a CPU for what comes last."""
    return min(workers, max(jobs, cpus))
