"""A small search that is driven by the command line, for `tests.benchmarks.faults`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna

from search.storage.location import Location
from search.storage.opening import open_storage
from snn.system.lock import process_start_time
from tests.benchmarks.digits_study import CHECKOUT

SCRIPT = '''\
import zlib

import numpy as np
from brian2 import Hz, ms
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler

from search import Study
from snn import LIF, Dense, EProp, LeakyReadout, Network, Regular
from tasks import Digits


class ByNumber(BaseSampler):
    """Random suggestions that depend on the trial's number and the parameter's name only."""

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        share = np.random.default_rng([trial.number, zlib.crc32(name.encode())]).random()
        value = distribution.low + share * (distribution.high - distribution.low)
        return int(value) if isinstance(distribution, IntDistribution) else value


def network(trial):
    net = Network(inputs=Regular(64, rate=trial.suggest_float("rate_hz", 100, 300) * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=20 * ms, v_th=0.8), n=trial.suggest_int("n", 60, 120))
    net.readout(LeakyReadout(10, tau=5 * ms))
    net.connect("inputs", "hidden", Dense(), EProp(lr=trial.suggest_float("lr", 1e-5, 1e-4)))
    net.connect("hidden", "readout", Dense(), EProp(lr=0.05))
    return net


study = Study(
    network,
    Digits(sample=30 * ms),
    ["accuracy", "synaptic_operations"],
    sampler=ByNumber(),
    rungs=4,
    pruner="none",  # what is pruned depends on the order in which trials come to an end
)
'''
PATIENCE = 120.0  # seconds without a newly finished trial, after which the search is stuck
Trials = dict[int, tuple]


class Driver:
    """`snnsearch run`, started again whenever it was killed.

    Parameters
    ----------
    folder : Path
        Where the script lies.
    storage : str
        The study's.
    trials : int
        Their total.
    more : str
        More arguments.
    """

    def __init__(self, folder: Path, storage: str, trials: int, *more: str):
        self.folder = folder
        self.location = Location.of(storage, folder / "small")
        self.total = trials
        self.stuck = 0
        self._command = [sys.executable, "-m", "search.cli", "run", "small.py", "--storage", storage]
        self._command += ["--workers", "2", "--json", *more]
        self._log = folder / f"driver-{len(list(folder.glob('*.log')))}.log"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [*self._command, "--trials", str(self.total)]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

    def kill(self) -> bool:
        """Kill its process, and nothing else, and start it again; whether it ran."""
        if not self.lives():
            return False
        self._process.kill()
        self._process.wait()
        self._process = self._start()
        return True

    def go_on(self, trials: int) -> None:
        """Let a search that is over have more trials."""
        self._process.wait()
        self.total += trials
        self._process = self._start()

    def wait_for(self, finished: int, seen: Trials) -> None:
        """Wait until so many trials have finished, noting those that have."""
        progress, least = time.monotonic(), len(seen)
        while len(seen) < finished and self.lives():
            for number, trial in read(self.location).items():
                seen.setdefault(number, trial)
            if len(seen) > least:
                progress, least = time.monotonic(), len(seen)
            if time.monotonic() - progress > PATIENCE:
                raise TimeoutError(f"no trial has finished for {PATIENCE:g} s:\n{self.words()}")
            time.sleep(0.05)

    def lives(self) -> bool:
        """Whether it is not at its end; one whose server was away when it began is started again, as by its user."""
        if self._process.poll() is None:
            return True
        if self._process.returncode == 2 and "must be one that can be opened" in self.words(1):
            self._process = self._start()
            return True
        if self._process.returncode:
            raise RuntimeError(f"the driver ended with {self._process.returncode}:\n{self.words()}")
        return False

    def words(self, lines: int = 15) -> str:
        """The last lines that it has said."""
        return self.location.hide("\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]))

    def end(self) -> None:
        """Let it come to its end; one that does not is stuck."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.stuck += 1
        self.stop()

    def stop(self) -> None:
        """End it in any case."""
        self._process.kill()
        self._process.wait()


def read(location: Location) -> Trials:
    """The finished trials of the study, by number: state, parameters, values, seed, all that must not change."""
    with contextlib.suppress(Exception):  # there is no study yet; or the server has just been restarted
        storage = open_storage(location, create=False)
        study = optuna.load_study(study_name="small", storage=storage)
        found = {t.number: describe(t) for t in study.get_trials(deepcopy=False) if t.state.is_finished()}
        storage.remove_session()
        return found
    return {}


def describe(trial: optuna.trial.FrozenTrial) -> tuple:
    """What must not change of a finished trial."""
    params, values = tuple(sorted(trial.params.items())), tuple(trial.values or ())
    return trial.state.name, params, values, trial.user_attrs.get("seed")


def binaries(cache: Path) -> list[int]:
    """The compiled programs that run, by the command lines of all processes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            if file.read_bytes().startswith(os.fsencode(cache)):
                found.append(int(file.parent.name))
    return [pid for pid in found if process_start_time(pid) is not None]


@contextmanager
def environment(folder: Path) -> Iterator[Path]:
    """The script in a folder of its own, and the cache of its program."""
    (folder / "small.py").write_text(SCRIPT)
    cache = folder / "programs"
    given = {"SNNSEARCH_CACHE": str(cache), "PYTHONPATH": str(CHECKOUT)}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield cache
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
