"""What a script leaves running does not keep a command from ending, and what it forks does not go on with its study."""

from __future__ import annotations

import json

import pytest

SCRIPT = """\
import multiprocessing, os, sys, threading
from optuna.samplers import RandomSampler
from search import Study
from tests.support import synthetic

LEFT, STOP = [], threading.Event()

def wait():
    os.closerange(0, 1024)  # whoever reads what the search writes does not wait for this process
    STOP.wait(60)

def network(trial):
    if trial.number == 0:
        {leaves}
    return synthetic.network(trial)

study = Study(network, synthetic.Bowl(), ['accuracy'], sampler=RandomSampler, pruner=None)
"""

LEAVES = {
    "pool": "from concurrent.futures import ThreadPoolExecutor as P; P(1).submit(STOP.wait)",
    "process": "multiprocessing.get_context('fork').Process(target=wait).start()",
    "thread and fork": "threading.Thread(target=STOP.wait, name='endless').start(); LEFT.append(os.fork())",
    "fork that exits": "LEFT.append(os.fork()) or LEFT[0] or sys.exit(3)",
}
SAID = {"thread and fork": "thread 'endless'", "pool": "thread 'ThreadPool", "process": "process 'ForkProcess"}


@pytest.mark.slow
@pytest.mark.parametrize("what", LEAVES)
def test_what_a_script_leaves_behind_keeps_nothing_from_ending(start, write, what):
    script = write(SCRIPT.format(leaves=LEAVES[what]))
    process = start("run", script, "--trials", 4, "--workers", 2, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err
    assert json.loads(out)["trials"] == {"complete": 4, "fail": 0, "pruned": 0, "running": 0}
    assert SAID.get(what, "") in err and (what in SAID) == ("still ran." in err)
    journal = script.with_suffix(".journal").read_text()
    assert journal.count('"op_code":6') == 4  # each trial was told once, by one process
