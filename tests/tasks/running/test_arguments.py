"""Arguments of a run: types and ranges, everything wrong at once, before anything is read or compiled."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import second

from snn.errors import ArgumentError
from snn.profile import Profile
from snn.serial import serialisable
from tasks import Data, Split, Task
from tasks.running.arguments import MOST_SEED
from tasks.running.batch import together
from tasks.running.settings import run_settings
from tests.support.networks import eprop_lif


@serialisable
@dataclass(frozen=True)
class Unread(Task):
    """Its data must not be asked for."""

    def load(self) -> Data:
        raise AssertionError("the data were read")

    def split(self, n: int) -> Split:
        raise AssertionError("the split was asked for")


WRONG = {
    "seed": (1.5, -1, 2**31, True, None, "1", np.array(3), float("nan")),
    "memory": ("2GiB", "2", 0, -1, 1e9, True, float("nan")),
    "timeout": (float("nan"), float("inf"), 0, -1, "60", True, 60 * second, [60]),
    "backend": ("standalon", None, 3, ["standalone"], np.array(["standalone", "runtime"])),
    "dtype": ("float16", None, np.float32, np.dtype("float32")),
    "record": (None, 3, [3], [None], b"spikes"),
    "record_samples": (None, -1, 1.5, "5"),
    "upto": (None, 0, -0.5, 1.5, float("nan"), True, "0.5"),
    "after": ("half.npz", 0, b""),
    "test": (None, 1, "yes"),
    "settling": (None, 0, "no"),
    "cancel": (True, threading.Lock()),
    "profile": (True, "profile", Profile),
}
RIGHT = {
    "seed": (0, MOST_SEED, np.int64(3), np.uint8(3)),
    "memory": (1, 2 * 2**30, np.int64(2**31), None),
    "timeout": (0.5, 60, np.float32(0.5), np.int32(3), None),
    "backend": ("standalone", "runtime", "genn:cpu"),
    "dtype": ("float32", np.str_("float64")),
    "record": ((), "spikes", ["spikes", "hidden.v"], {"spikes"}, np.array(["spikes"])),
    "record_samples": (0, np.int64(3)),
    "upto": (1, 0.5, np.float32(0.5), np.int64(1)),
    "after": (None,),
    "test": (True, np.bool_(False)),
    "cancel": (threading.Event(), None),
    "profile": (Profile(), None),
}


def check_run(name, value):
    network = value if name == "network" else eprop_lif()
    run_settings(network, {} if name == "network" else {name: value})


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused_by_name(name):
    for value in WRONG[name]:
        with pytest.raises(ArgumentError) as caught:
            check_run(name, value)
        (problem,) = caught.value.problems
        assert name in problem and problem.endswith(".") and (repr(value) in problem or name == "after"), problem


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_argument_is_taken(name):
    for value in RIGHT[name]:
        check_run(name, value)


def test_all_problems_come_at_once_and_before_the_data_are_read():
    wrong = {name: values[0] for name, values in WRONG.items()}
    with pytest.raises(ArgumentError) as caught:
        Unread().run(eprop_lif, **wrong)
    problems = caught.value.problems
    assert len(problems) == len(wrong) + 1
    assert "`network` must be a Network or NetworkSpec, but is a function: call it" in problems[0]
    assert any("write memory=2 * 2**30" in problem for problem in problems)
    assert any("nearest: 'standalone'" in problem for problem in problems)


def test_runs_side_by_side_are_checked_as_a_single_one_is():
    settings = {"dtype": "float32", "record": (), "upto": 1.0, "after": None, "test": False, "settling": False}
    settings |= {"timeout": None, "cancel": None, "profile": None, "memory": None, "backend": "runtime"}
    runs = [Unread().calls(3, seed=seed, **settings) for seed in (1.5, 0)]
    first, second_ = together(runs)
    assert isinstance(first, ArgumentError) and "`seed`" in str(first) and "`network`" in str(first)
    assert isinstance(second_, ArgumentError) and "`seed`" not in str(second_)


def test_what_is_not_a_run_cannot_run_side_by_side():
    with pytest.raises(ArgumentError, match=r"as Task.calls\(...\) makes them, but number 0 is a Unread, 1 is a int"):
        together([Unread(), 3])
