"""What the tests of the cluster look at: scripts with tasks of their own, stored trials, processes of workers."""

from __future__ import annotations

from pathlib import Path

import optuna
from brian2 import Hz, ms

from search.spec.job import Job
from search.storage.record import RESULT
from snn import LIF, Dense, LeakyReadout, Network, Poisson
from tasks import Digits

MINE = """\
import os
import signal
import time
import psutil
from dataclasses import dataclass
from optuna.samplers import RandomSampler
from search import Study
from snn.serial import serialisable
from tests.search.synthetic import Bowl, network


@serialisable
@dataclass(frozen=True)
class Deep(Bowl):
    '''A task that only this script knows; it writes down which worker begins which rung.

    The first to run half of the stream with the seed `deadly` kills its worker, and not the nanny that starts it again.
    '''

    diary: str = os.devnull
    deadly: int = -1

    def run(self, network, *, seed=0, upto=1.0, **settings):
        worker = psutil.Process(os.getppid()).ppid()  # behind the guard of this process
        self.write("begins", worker, seed, upto)
        if (seed, upto) == (self.deadly, 0.5) and "dies" not in open(self.diary).read():
            time.sleep(0.2)
            self.write("dies", worker, seed, upto)
            os.kill(worker, signal.SIGKILL)
        return super().run(network, seed=seed, upto=upto, **settings)

    def write(self, *words):
        with open(self.diary, "a") as file:
            print(*words, file=file)


study = Study(network, task=Deep({task}), objectives=["accuracy", "spikes"], sampler=RandomSampler, pruner=None)
"""

DEADLY = """\
import os, psutil, signal
from dataclasses import dataclass
from snn.serial import serialisable
from tests.search.synthetic import Bowl


@serialisable
@dataclass(frozen=True)
class Deadly(Bowl):
    def run(self, network, **settings):
        os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGKILL)
"""


def trials_of(journal: Path, name: str):
    from search.storage.journal.file import open_journal

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
    """Processes that the workers have started, without those behind them: a job has one."""
    return [process for found in client.run(children).values() for process in found]


def children():
    import psutil

    return [child.pid for child in psutil.Process().children()]


def entries(diary):
    """What a diary of `MINE` tells: what, the worker's process, the seed, how far a rung goes."""
    return [
        (what, int(pid), int(seed), float(upto))
        for what, pid, seed, upto in map(str.split, diary.read_text().splitlines())
    ]


def could_be_lost(diary):
    """Of the diary of a search with a deadly rung: that rung, and all that its worker's death may have cost.

    What has ended on a worker lies there until the driver has fetched it. It has if the trial's next rung has begun,
    and with two workers it hands over no fourth rung before.
    """
    told = entries(diary)
    end = next(place for place, (what, *_) in enumerate(told) if what == "dies")
    _, victim, *deadly = told[end]
    begun = [(seed, upto) for what, _, seed, upto in told[:end] if what == "begins"]
    its = [(seed, upto) for what, pid, seed, upto in told[:end] if what == "begins" and pid == victim][-3:]
    return tuple(deadly), {(seed, upto) for seed, upto in its if (seed, 2 * upto) not in begun}


def optuna_front(journal, name):
    from search.analysis.trials import front
    from search.storage.journal.file import open_journal

    return front(optuna.load_study(study_name=name, storage=open_journal(journal)))


def compiled(sample, upto=1.0):
    """A job of the package's own classes."""
    net = Network(inputs=Poisson(64, rate=50 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=8)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return Job(net.freeze().to_json(), Digits(sample=sample).to_json(), 3, "standalone", "float64", upto=upto)
