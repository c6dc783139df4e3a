"""What the tests of the cluster look at: scripts with tasks of their own, stored trials, processes of workers."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import optuna
from brian2 import Hz, ms

from search.job import Job
from search.record import RESULT
from snn import LIF, Dense, LeakyReadout, Network, Poisson
from tasks import Digits
from tests.search.test_crash import told, wait_for

MINE = """\
import os
from dataclasses import dataclass
from optuna.samplers import RandomSampler
from search import Study
from snn.serial import serialisable
from tests.search.synthetic import Bowl, network


@serialisable
@dataclass(frozen=True)
class Deep(Bowl):
    '''A task that only this script knows; it writes down which worker begins and ends which rung.'''

    diary: str = os.devnull

    def run(self, network, *, seed=0, upto=1.0, **settings):
        self.write("begins", seed, upto)
        result = super().run(network, seed=seed, upto=upto, **settings)
        self.write("ends", seed, upto)
        return result

    def write(self, what, seed, upto):
        with open(self.diary, "a") as file:
            file.write(f"{{what}} {{os.getppid()}} {{seed}} {{upto:g}}\\n")


study = Study(network, task=Deep({task}), objectives=["accuracy", "spikes"], sampler=RandomSampler, pruner=None)
"""

DEADLY = """\
import os, signal
from dataclasses import dataclass
from snn.serial import serialisable
from tests.search.synthetic import Bowl


@serialisable
@dataclass(frozen=True)
class Deadly(Bowl):
    def run(self, network, **settings):
        os.kill(os.getppid(), signal.SIGKILL)
"""


def trials_of(journal: Path, name: str):
    from search.journal import open_journal

    return optuna.load_study(study_name=name, storage=open_journal(journal)).trials


def stored(journal: Path, name: str):
    """What does not depend on where and when a trial ran."""
    timed = ("seconds", "runs")
    return [
        (trial.params, trial.values, {k: v for k, v in trial.user_attrs[RESULT].items() if k not in timed})
        for trial in trials_of(journal, name)
    ]


def at(name):
    """Arguments of a study of that name in a journal of its own."""
    return "--name", name, "--storage", f"{name}.journal"


def grandchildren(client):
    """Processes that the workers have started."""
    return [process for found in client.run(children).values() for process in found]


def children():
    import psutil

    return [child.pid for child in psutil.Process().children(recursive=True)]


def entries(diary):
    return [line.split() for line in diary.read_text().splitlines()] if diary.exists() else []


def kill_a_busy_worker(diary, journal):
    """Kill a worker, and not the nanny that starts it again, in the middle of a trial's last rung."""
    wait_for(lambda: told(journal) >= 2)

    def busy():
        open_ = Counter()
        for what, pid, _, upto in entries(diary):
            open_[pid] += (1 if what == "begins" else -1) if upto == "1" else 0
        return [int(pid) for pid, times in open_.items() if times > 0]

    wait_for(busy)
    os.kill(busy()[0], signal.SIGKILL)


def optuna_front(journal, name):
    from search.journal import open_journal
    from search.summary import front

    return front(optuna.load_study(study_name=name, storage=open_journal(journal)))


def compiled(sample, upto=1.0):
    """A job of the package's own classes."""
    net = Network(inputs=Poisson(64, rate=50 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=8)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return Job(net.freeze().to_json(), Digits(sample=sample).to_json(), 3, "standalone", "float64", upto=upto)
