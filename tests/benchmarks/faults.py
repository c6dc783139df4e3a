"""Whether a search survives its faults: ``python -m tests.benchmarks.faults``.

One search of a small compiled network on the digits, in a PostgreSQL server, or in a journal where the server is not
to be restarted. At random moments of it the driver is killed (its process alone, with SIGKILL) and started again,
binaries are killed, and the server is restarted, by turns in order and as in a crash. In a second search, on a cluster
of Dask, workers are killed in mid-rung. Suggestions and seeds depend on the trial's number only, so that both must end
with exactly the trials of a third search that nobody disturbs.

    finished_lost   finished trials that were seen once and later were not there, or were others
    stuck           trials that still run when the search is over, processes that outlive it, drivers that do not end
    duplicates      finished trials that are there twice, by number or by seed
    different       trials that the undisturbed search has not, or has otherwise
    not_replayed    finished trials of which `snnsearch replay` gives other numbers
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna

from search.cli import main as snnsearch
from search.storage.opening import open_storage
from tests.benchmarks.dask_cluster import dask_cluster
from tests.benchmarks.driven import Driver, Trials, binaries, describe, environment, read
from tests.support import postgres

FAULTS = {"driver_kills": 20, "binary_kills": 20, "worker_kills": 5, "server_restarts": 2}
WRONG = ("finished_lost", "stuck", "duplicates", "different", "not_replayed")
TRIALS_PER_FAULT = 3
AFTERWARDS = 5.0  # seconds in which binaries must end whose driver has ended


def kill_binary(driver: Driver, cache: Path) -> bool:
    """Kill one of the compiled programs, as soon as there is one; whether there was before the search was over."""
    while driver.lives():
        for pid in binaries(cache):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        time.sleep(0.01)
    return False


def disturb(driver: Driver, faults: list[tuple[str, Callable[[], bool]]], seen: Trials) -> Counter:
    """Let the faults happen at random moments of the search; how many of each did."""
    done: Counter[str] = Counter()
    random.shuffle(faults)
    for left, (name, fault) in zip(range(len(faults), 0, -1), faults, strict=True):
        driver.wait_for(len(seen) + random.randrange(TRIALS_PER_FAULT), seen)
        time.sleep(random.uniform(0, 0.5))
        while not fault():  # the search was faster than its faults: it goes on
            driver.go_on(TRIALS_PER_FAULT * left)
        done[name] += 1
    driver.wait_for(driver.total, seen)
    driver.end()
    return done


@contextmanager
def place(folder: Path, server_restarts: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """A storage, and what restarts its server."""
    if not server_restarts:
        yield str(folder / "small.journal"), lambda: None
        return
    modes = itertools.cycle(["fast", "immediate"])
    with postgres.server(durable=True) as server:
        yield server.url, lambda: server.restart(next(modes), pause=random.uniform(0, 2))


@contextmanager
def disturbed(folder: Path, cache: Path, given: argparse.Namespace) -> Iterator[tuple[Driver, Trials, Counter]]:
    """A search that has had its faults: its driver, its finished trials as they were first seen, and the faults."""
    count = given.driver_kills + given.binary_kills + given.server_restarts
    with place(folder, given.server_restarts) as (storage, restart), driving(folder, storage, count) as driver:

        def restart_server() -> bool:
            if alive := driver.lives():
                restart()
            return alive

        faults = [("driver_kills", driver.kill)] * given.driver_kills
        faults += [("binary_kills", lambda: kill_binary(driver, cache))] * given.binary_kills
        faults += [("server_restarts", restart_server)] * given.server_restarts
        seen: Trials = {}
        yield driver, seen, disturb(driver, faults, seen)


@contextmanager
def on_cluster(folder: Path, kills: int) -> Iterator[tuple[Driver, Trials, Counter]]:
    """The same of a search on a cluster."""
    storage = str(folder / "dask.journal")
    with dask_cluster(folder) as cluster, driving(folder, storage, kills, cluster.address) as driver:

        def kill() -> bool:
            while driver.lives():
                if cluster.kill():
                    return True
                time.sleep(0.01)
            return False

        seen: Trials = {}
        yield driver, seen, disturb(driver, [("worker_kills", kill)] * kills, seen)


@contextmanager
def driving(folder: Path, storage: str, faults: int, cluster: str = "", trials: int = 0) -> Iterator[Driver]:
    """A driver that does not outlive its use."""
    trials = trials or max(12, TRIALS_PER_FAULT * faults)
    driver = Driver(folder, storage, trials, *(["--cluster", cluster] if cluster else []))
    try:
        yield driver
    finally:
        driver.stop()


def judge(driver: Driver, seen: Trials, undisturbed: Trials, cache: Path) -> dict[str, int]:
    """What has gone wrong, counted."""
    end = time.monotonic() + AFTERWARDS
    while (left := binaries(cache)) and time.monotonic() < end:
        time.sleep(0.05)
    undisturbed = {number: trial for number, trial in undisturbed.items() if number < driver.total}
    study = optuna.load_study(study_name="small", storage=open_storage(driver.location, create=False))
    trials = study.get_trials(deepcopy=False)
    finished = [trial for trial in trials if trial.state.is_finished()]
    now = {trial.number: describe(trial) for trial in finished}
    seeds = {trial.user_attrs.get("seed") for trial in finished}
    return {
        "finished_lost": sum(now.get(number) != trial for number, trial in seen.items()),
        "stuck": driver.stuck + len(trials) - len(finished) + len(left),
        "duplicates": 2 * len(finished) - len(now) - len(seeds),
        "different": sum(now.get(number) != undisturbed.get(number) for number in now.keys() | undisturbed.keys()),
        "not_replayed": sum(not replays(driver, number) for number in sorted(now)),
    }


def replays(driver: Driver, number: int) -> bool:
    """Whether a trial gives its stored numbers again, by the command line."""
    words = ["replay", str(driver.folder / "small.py"), str(number), "--storage", driver.location.text]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return snnsearch(words) == 0 and said.getvalue() == f"trial {number}: same\n"


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """One run of everything."""
    began, found = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="snnsearch-faults-") as name, environment(Path(name)) as cache:
        folder = Path(name)
        with contextlib.ExitStack() as stack:
            searches = []
            if given.driver_kills + given.binary_kills + given.server_restarts:
                searches.append(stack.enter_context(disturbed(folder, cache, given)))
            if given.worker_kills:
                searches.append(stack.enter_context(on_cluster(folder, given.worker_kills)))
            total = max((driver.total for driver, _, _ in searches), default=1)
            calm = stack.enter_context(driving(folder, str(folder / "calm.journal"), 0, trials=total))
            calm.wait_for(calm.total, {})  # as long as it goes on
            calm.end()
            expected = read(calm.location)
            for driver, seen, done in searches:
                found.update(judge(driver, seen, expected, cache))
                found.update(done)
                found["trials"] += len(seen)
    return {name: found[name] for name in (*FAULTS, *WRONG, "trials")} | {"seconds": round(time.monotonic() - began, 1)}


def no_dask() -> str | None:
    """Why there can be no cluster here."""
    return None if importlib.util.find_spec("distributed") else "the extra cluster is not installed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seed", type=int, help="of the random moments (default: another each time)")
    for name, count in FAULTS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=int, default=count, metavar="N", help=f"default: {count}")
    given = parser.parse_args()
    if given.server_restarts and (reason := postgres.missing()):
        parser.error(f"{reason}; --server-restarts 0 leaves it out")
    if given.worker_kills and (reason := no_dask()):
        parser.error(f"{reason}; --worker-kills 0 leaves it out")
    random.seed(given.seed)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = measure(given)
    print(json.dumps(found) if given.json else "\n".join(f"{name:16} {value}" for name, value in found.items()))
    return 1 if any(found[name] for name in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
