"""Brian2's preference files are for a user's own scripts: they change no number here, and runs change no preference."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from brian2 import prefs

from snn.backends.brian.preferences import own_preferences, set_own_preferences
from snn.backends.genn.engine.simulate import rehearse
from snn.backends.program import Candidate
from tests.support.networks import spec_of, stream_for
from tests.support.programs import ROOT
from tests.support.runs import run

NAME = "pair_stdp"
HOSTILE = """
core.default_float_dtype = float32
core.default_integer_dtype = int64
core.network.default_schedule = ['start', 'groups', 'synapses', 'thresholds', 'resets', 'end']
codegen.target = 'cython'
codegen.loop_invariant_optimisations = False
codegen.cpp.extra_compile_args_gcc = ['-Ofast']
codegen.cpp.headers = ['"no_such_header.h"']
codegen.generators.cpp.restrict_keyword = 'nonsense'
devices.cpp_standalone.openmp_threads = 2
legacy.refractory_timing = True
"""
PROGRAM = f"""
import hashlib, sys
from pathlib import Path
from brian2 import prefs
from snn.backends.standalone.build import write_source
from tests.support.networks import spec_of, stream_for
from tests.support.runs import run
assert prefs.core.default_integer_dtype.__name__ == sys.argv[2], prefs.core.default_integer_dtype
for dtype in ("float32", "float64"):
    print(dtype, run(spec_of("{NAME}"), stream_for("{NAME}", n=1), "runtime", dtype).state.arrays)
assert prefs.core.default_integer_dtype.__name__ == sys.argv[2], "the user's preferences are as they were"
source = write_source(spec_of("{NAME}").skeleton().to_json(), "float32", Path(sys.argv[1]))
print(hashlib.sha256(source.read_bytes()).hexdigest())
"""


def said(folder, preferences, dtype):
    """What runs give, and a hash of a program's text, in a process that starts in a folder with a preference file."""
    folder.mkdir()
    (folder / "brian_preferences").write_text(preferences)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), dtype],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_preference_file_changes_no_number_and_no_program(tmp_path):
    assert said(tmp_path / "theirs", HOSTILE, "int64") == said(tmp_path / "none", "", "int32")


@pytest.fixture
def hostile():
    """Some of these preferences in this process."""
    theirs = {
        "core.default_float_dtype": np.float32,
        "core.default_integer_dtype": np.int64,
        "codegen.loop_invariant_optimisations": False,
        "legacy.refractory_timing": True,
    }
    before = {name: prefs[name] for name in theirs}
    for name, value in theirs.items():
        prefs[name] = value
    yield theirs
    for name, value in before.items():
        prefs[name] = value


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_preferences_of_this_process_are_set_aside_and_put_back(dtype, request):
    spec, samples = spec_of(NAME), stream_for(NAME, n=1)
    expected = run(spec, samples, "runtime", dtype)
    rehearsed = rehearse(Candidate(spec, 3), samples)
    theirs = request.getfixturevalue("hostile")
    for ours, given in (
        (run(spec, samples, "runtime", dtype), expected),
        (rehearse(Candidate(spec, 3), samples), rehearsed),
    ):
        for name, array in given.state.arrays.items():
            np.testing.assert_array_equal(ours.state.arrays[name], array, err_msg=name)
    assert {name: prefs[name] for name in theirs} == theirs


def test_they_are_put_back_after_an_error(hostile):
    with pytest.raises(ZeroDivisionError), own_preferences(np.float32, "cython"):
        assert prefs.core.default_integer_dtype is np.int32 and prefs.codegen.target == "cython"
        raise ZeroDivisionError
    assert {name: prefs[name] for name in hostile} == hostile


def test_what_belongs_to_the_machine_stays_the_users():
    before = prefs.logging.console_log_level, list(prefs.codegen.cpp.include_dirs)
    try:
        prefs.logging.console_log_level, prefs.codegen.cpp.include_dirs = "ERROR", ["/some/where"]
        with own_preferences():
            assert prefs.logging.console_log_level == "ERROR" and prefs.codegen.cpp.include_dirs == ["/some/where"]
        set_own_preferences()
        assert prefs.logging.console_log_level == "ERROR"
    finally:
        prefs.logging.console_log_level, prefs.codegen.cpp.include_dirs = before


def test_float32_in_this_process_gives_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        run(spec_of(NAME), stream_for(NAME, n=1), "runtime", "float32")
