"""Scripts with tasks of their own for workers of a cluster, their diaries, and the processes that workers start."""

from __future__ import annotations

from brian2 import Hz, ms

from search.spec.job import Job
from snn import LIF, Dense, LeakyReadout, Network, Poisson
from tasks import Digits

LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")

MINE = """\
import os
import signal
import time
import psutil
from dataclasses import dataclass
from optuna.samplers import RandomSampler
from search import Study
from snn.serial import serialisable
from tests.support.synthetic import Bowl, network


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
from tests.support.synthetic import Bowl


@serialisable
@dataclass(frozen=True)
class Deadly(Bowl):
    def run(self, network, **settings):
        os.kill(psutil.Process(os.getppid()).ppid(), signal.SIGKILL)
"""

FAULTY = """
import os
from dataclasses import dataclass
from snn.errors import MachineError
from snn.serial import serialisable
from tests.support.synthetic import Bowl


@serialisable
@dataclass(frozen=True)
class Faulty(Bowl):
    mark: str = ""

    def run(self, network, **settings):
        if not os.path.exists(self.mark):
            open(self.mark, "w").close()
            raise MachineError("The disk of this machine is full.")
        return super().run(network, **settings)
"""


def at(name):
    """Give the arguments of a study of that name in a journal of its own."""
    return "--name", name, "--storage", f"{name}.journal"


def grandchildren(client):
    """List the processes that the workers have started, without the children of these: a job has one."""
    return [process for found in client.run(children).values() for process in found]


def children():
    import psutil

    return [child.pid for child in psutil.Process().children()]


def entries(diary):
    """Read a diary of `MINE`: the event, the process of the worker, the seed, and the end of the rung."""
    return [
        (what, int(pid), int(seed), float(upto))
        for what, pid, seed, upto in map(str.split, diary.read_text().splitlines())
    ]


def could_be_lost(diary):
    """Find the deadly rung in a search's diary, and all rungs that the death of its worker may have cost.

    A result stays on its worker until the driver has fetched it. The driver has it if the trial's next rung has begun.
    With two workers the driver hands over no fourth rung before.
    """
    told = entries(diary)
    end = next(place for place, (what, *_) in enumerate(told) if what == "dies")
    _, victim, *deadly = told[end]
    begun = [(seed, upto) for what, _, seed, upto in told[:end] if what == "begins"]
    its = [(seed, upto) for what, pid, seed, upto in told[:end] if what == "begins" and pid == victim][-3:]
    return tuple(deadly), {(seed, upto) for seed, upto in its if (seed, 2 * upto) not in begun}


def compiled(sample, upto=1.0):
    """Make a job of the package's own classes."""
    net = Network(inputs=Poisson(64, rate=50 * Hz), dt=1 * ms)
    net.population("hidden", LIF(), n=8)
    net.readout(LeakyReadout(10))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return Job(net.freeze().to_json(), Digits(sample=sample).to_json(), 3, "standalone", "float64", upto=upto)
