import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pytest

from search.errors import StudyError
from search.owner import ATTRIBUTE, SILENCE, Owner, claim, release


@pytest.fixture
def study():
    return optuna.create_study()


def test_this_process_lives_and_may_claim_again(study):
    assert Owner.here().lives()
    claim(study)
    claim(study)
    release(study)
    assert study.user_attrs[ATTRIBUTE] is None


@pytest.fixture
def other():
    """Another process of this machine, alive."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
    yield process, Owner(socket.gethostname(), process.pid, ticks, time.time())
    process.kill()
    process.communicate()


def test_a_living_driver_is_named(study, other):
    process, owner = other
    study.set_user_attr(ATTRIBUTE, asdict(owner))
    with pytest.raises(StudyError, match=f"driven by process {process.pid} on"):
        claim(study)


def test_a_dead_driver_is_dead_at_once_even_as_a_zombie(study, other):
    process, owner = other
    study.set_user_attr(ATTRIBUTE, asdict(owner))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
    assert not owner.lives()
    claim(study)
    assert study.user_attrs[ATTRIBUTE]["pid"] == os.getpid()


def test_a_later_process_with_the_same_pid_is_another(other):
    assert not replace(other[1], ticks=other[1].ticks - 1).lives()


def test_a_driver_elsewhere_counts_as_dead_after_silence():
    elsewhere = Owner("elsewhere.example", 1, 1, time.time())
    assert elsewhere.lives()
    assert not replace(elsewhere, seen=time.time() - SILENCE - 1).lives()
