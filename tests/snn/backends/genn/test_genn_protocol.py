"""The boundary to the process that runs GeNN, with Brian2 for NumPy behind it: what crosses it, and what goes wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from snn import Neuron, SNNError
from snn.backends.genn import exchange
from snn.backends.genn.environment import check_genn, examine, interpreter, variables
from snn.backends.genn.exchange import EngineOptions, Request, read_outcomes, write_error, write_outcomes
from snn.backends.genn.program import WORKER, GennProgram
from snn.backends.genn.requirements import PYTHON, notes, problems
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.errors import BuildError, Cancelled, Killed, NetworkError, NotFinite, RunError, RunTimeout
from tests.support.genn import HERE, advance
from tests.support.networks import spec_of, stream_for
from tests.support.programs import fill, spec, start
from tests.support.results import run as run_task
from tests.support.runs import assert_same, run, stream

pytestmark = pytest.mark.genn

RECORD = ("spikes", "hidden.v", "inputs_to_hidden.weight")


def request(folder, candidates, samples, states, **options):
    return Request("runtime", "float64", candidates, samples, states, EngineOptions(folder=folder, **options))


@pytest.fixture(scope="module")
def outcome():
    """A run in this process."""
    return run(spec_of("eprop_alif"), stream_for("eprop_alif", n=2), record=RECORD)


@pytest.fixture
def script(tmp_path):
    """An interpreter that does something else with the folder, which is its third argument."""

    def write(text: str) -> str:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


# What crosses


@pytest.mark.slow
def test_runs_of_another_process_are_those_of_this_one():
    """To the last bit: recordings and states too, from the beginning and from a state, with other seeds and samples."""
    network, samples = spec_of("eprop_alif"), stream_for("eprop_alif", n=3, preview=np.arange(3) == 1)
    other = stream_for("eprop_alif", n=2, learn=np.arange(2) == 0)
    begun = run(network, samples, seed=4, record=RECORD)
    here = [run(network, samples, record=RECORD), run(network, other, seed=4, state=begun.state, record=RECORD)]
    there = HERE.advance(
        [Candidate(network, 3), Candidate(network, 4)], [samples, other], [None, begun.state], RunOptions(RECORD)
    )
    for one, two in zip(here, there, strict=True):
        assert_same(one, two, 0)
        for part in ("outputs", "totals", "recordings"):
            for name, array in getattr(one, part).items():
                assert getattr(two, part)[name].dtype == array.dtype, name
        assert {name: a.dtype for name, a in two.state.arrays.items()} == {
            name: a.dtype for name, a in one.state.arrays.items()
        }


def test_a_request_is_read_as_it_was_written(tmp_path, outcome):
    network, samples = spec_of("explicit_spikes"), stream_for("explicit_spikes", n=2, record=np.arange(2) == 1)
    samples = dataclasses.replace(samples, gap=3)
    written = request(tmp_path, [Candidate(network, 7)] * 2, [samples] * 2, [None, outcome.state], record=RECORD)
    written.write()
    read = Request.read(tmp_path)
    assert (read.engine, read.dtype, read.options) == (written.engine, written.dtype, written.options)
    assert [c.spec.to_json() for c in read.candidates] == [network.to_json()] * 2 and read.candidates[1].seed == 7
    for piece in read.samples:
        for field in dataclasses.fields(samples):
            if field.name != "signals":
                np.testing.assert_array_equal(getattr(piece, field.name), getattr(samples, field.name))
        assert piece.signals.keys() == samples.signals.keys()
        for name, signal_ in samples.signals.items():
            np.testing.assert_array_equal(piece.signals[name], signal_)
            assert piece.signals[name].dtype == np.asarray(signal_).dtype
    assert read.states[0] is None and read.states[1].step == outcome.state.step
    for name, array in outcome.state.arrays.items():
        np.testing.assert_array_equal(read.states[1].arrays[name], array)


@pytest.mark.parametrize(
    "error",
    [
        NetworkError(["One rule.", "And another."]),
        *(kind("It says so.") for kind in (SNNError, BuildError, RunError, RunTimeout, NotFinite, Cancelled, Killed)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_read_as_it_was_written(tmp_path, error):
    write_error(tmp_path, error)
    with pytest.raises(SNNError) as read:
        read_outcomes(tmp_path)
    assert type(read.value) is type(error) and str(read.value) == str(error)
    assert getattr(read.value, "problems", None) == getattr(error, "problems", None)


@pytest.mark.slow
def test_numbers_that_are_none_are_named_on_both_sides():
    runaway = Neuron("dx/dt = 1000*x/ms : 1\ndv/dt = (I - v)/(9*ms) : 1\nI : 1", threshold="v > 1", initial={"x": 1.0})
    outcome = advance(HERE, Candidate(spec(runaway), 0), stream(n=6, spikes=True))
    assert outcome.not_finite == "hidden.x"


def test_what_is_recorded_is_checked_before_anything_is_started(script):
    never = GennProgram(script("exit 7"), "float64", "runtime")
    with pytest.raises(SNNError, match=r"nearest: 'hidden\.spikes'"):
        advance(never, Candidate(spec(), 0), stream(n=1, spikes=True), record=("hidden.spike",))


@pytest.mark.slow
def test_a_task_runs_behind_the_boundary(monkeypatch):
    """Stream, validation and test parts in turn, each with the state that the one before has left."""
    expected = run_task(spec_of("eprop_lif"), backend="runtime", test=True, record="spikes")
    monkeypatch.setattr("tasks.running.assembly.load_program", lambda candidate, backend, dtype, options: HERE)
    there = run_task(spec_of("eprop_lif"), backend="genn:cpu", test=True, record="spikes")
    for part in ("stream", "validation", "test"):
        np.testing.assert_array_equal(getattr(there, part).predictions, getattr(expected, part).predictions)
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(there.weights[name], weights)
    assert there.counts == expected.counts and there.backend == "genn:cpu"


# What goes wrong


def test_code_that_is_not_the_same_on_both_sides_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "fingerprint", lambda: "another")
    request(tmp_path, [Candidate(spec(), 0)], [stream(n=1, spikes=True)], [None]).write()
    monkeypatch.undo()
    with pytest.raises(BuildError, match="another one: `snnsearch doctor`"):
        Request.read(tmp_path)


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def put_pickle(path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "executed"),))

    np.savez(path, **{"outputs:readout.score": np.array([Evil()], dtype=object)}, allow_pickle=True)


def cut(path):
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize("name", ["outcome-0.npz", "left-0.npz"])
@pytest.mark.parametrize("harm", [damage, cut, put_pickle, Path.unlink])
def test_a_damaged_answer_is_an_error_and_never_executed(tmp_path, outcome, harm, name):
    write_outcomes(tmp_path, [outcome])
    assert_same(outcome, read_outcomes(tmp_path)[0], 0)
    harm(tmp_path / name)
    with pytest.raises(SNNError, match=r"cannot be read|is not a state that can be read"):
        read_outcomes(tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("exit 0", RunError, "worker's answer cannot be read"),
        ("echo so long >&2; exit 3", RunError, "ended with status 3: so long"),
        ("kill -9 $$", Killed, "killed by SIGKILL"),
        ("echo No module named snn >&2; exit 1", BuildError, "pip install brian2genn==.* --no-deps"),
    ],
)
def test_a_worker_that_fails(script, text, kind, words):
    program = GennProgram(script(text), "float64", "runtime")
    with pytest.raises(kind, match=words):
        advance(program, Candidate(spec(), 0), stream(n=1, spikes=True))


def test_an_answer_counts_only_if_it_is_of_all_samples(tmp_path, script, outcome):
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    write_outcomes(prepared, [outcome])
    program, candidate = GennProgram(script(f'cp {prepared}/* "$4"'), "float64"), Candidate(spec_of("eprop_alif"), 3)
    assert_same(outcome, advance(program, candidate, stream_for("eprop_alif", n=2)), 0)
    with pytest.raises(RunError, match="ended before its last sample"):
        advance(program, candidate, stream_for("eprop_alif", n=3))


def test_a_full_disk_is_said(disk):
    fill(disk)
    with pytest.raises(RunError, match=re.escape(f"cannot be written into {disk}: No space left")):
        request(disk, [Candidate(spec(), 0)], [stream(n=200, spikes=True)], [None]).write()


@pytest.mark.slow
def test_time_that_is_up_and_a_run_that_is_cancelled():
    candidate, long = Candidate(spec(), 0), stream(n=20_000, spikes=True)
    begin = time.monotonic()
    with pytest.raises(RunTimeout, match=r"longer than the 0\.5 s"):
        advance(HERE, candidate, long, timeout=0.5)
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(Cancelled):
        advance(HERE, candidate, long, cancel=cancel)
    assert time.monotonic() - begin < 200  # of more than ten minutes


@pytest.mark.slow
def test_memory_is_limited():
    """What the worker has by itself is counted; 60 million neurons, half a GiB for each of their variables, are not."""
    candidate, samples = Candidate(spec(), 0), stream(n=1, spikes=True)
    crowd = dataclasses.replace(candidate.spec.populations[0], name="crowd", n=60_000_000)
    crowded = dataclasses.replace(candidate.spec, populations=(*candidate.spec.populations, crowd))
    with pytest.raises(RunError, match="needs more memory than the 400 MiB that it was given: raise --memory-limit"):
        advance(HERE, Candidate(crowded, 0), samples, memory=400 * 2**20)
    assert_same(run(candidate.spec, samples, seed=0), advance(HERE, candidate, samples, memory=2**31), 0)


@pytest.mark.slow
def test_a_worker_ends_with_its_driver(tmp_path):
    code = """
from tests.support.runs import stream
from tests.support.programs import spec
from tests.support.genn import HERE, advance
from snn.backends.program import Candidate
advance(HERE, Candidate(spec(), 0), stream(n=100_000, spikes=True))
"""
    process = start(tmp_path, code, TMPDIR=str(tmp_path))

    def workers():
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has just ended
                words = file.read_text(errors="replace").split("\0")
                if WORKER in words and words[-2].startswith(str(tmp_path)):
                    found.append(int(file.parent.name))
        return found

    deadline = time.monotonic() + 60
    while not workers():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while (left := workers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the worker outlived its driver"


# Which interpreter


@pytest.mark.parametrize("backend", ["genn", "genn:cpu"])
def test_the_interpreter_is_the_one_that_the_environment_names(monkeypatch, backend, script):
    path = script("exit 0")
    monkeypatch.setenv(PYTHON, path)
    program = load_program(Candidate(spec(), 0), backend, "float32")
    assert program == GennProgram(path, "float32", "genn", gpu=backend == "genn")


def test_an_interpreter_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv(PYTHON, str(tmp_path / "python"))
    with pytest.raises(BuildError, match=rf"{PYTHON} must name .* is no program: make one: python3.11 -m venv"):
        interpreter()


def test_without_a_name_it_is_this_one_if_it_has_brian2genn(monkeypatch):
    monkeypatch.delenv(PYTHON, raising=False)
    monkeypatch.setattr("snn.backends.genn.environment.find_spec", lambda name: None)
    with pytest.raises(BuildError, match=rf"export {PYTHON}="):
        load_program(Candidate(spec(), 0), "genn")
    monkeypatch.setattr("snn.backends.genn.environment.find_spec", lambda name: object())
    assert interpreter() == sys.executable


def test_an_interpreter_without_this_package(script, monkeypatch):
    path = script(f'exec {sys.executable} -I -S "$@"')
    monkeypatch.setenv(PYTHON, path)
    with pytest.raises(BuildError, match=r"No module named 'snn'\. Install them: .*python -m pip install"):
        check_genn(gpu=False)


@pytest.mark.slow
def test_what_an_interpreter_has_and_lacks():
    found = examine(sys.executable)
    assert found["interpreter"] == sys.executable and found["brian2"] == version("brian2")
    assert "Brian2GeNN 1.7 with brian2 2.5" in problems(found, gpu=False)[0]
    whole = found | {
        **{"brian2genn": "1.7.0", "brian2": "2.5.4", "numpy": "1.26.4", "genn_folder": "/opt/genn"},
        **{"make": "/bin/make", "compiler": "/bin/g++"},
        **{"cuda_folder": "/opt/cuda", "cuda": "12.4", "gpu": "/dev/nvidia0"},
    }
    assert problems(whole) == [] and notes(whole) == []
    assert [text[:9] for text in problems(whole | {"cuda": None, "gpu": None})] == ["CUDA_PATH", "No NVIDIA"]
    assert problems(whole | {"cuda": None, "gpu": None}, gpu=False) == []
    assert "GENN_PATH" in problems(whole | {"genn_folder": None})[0]
    assert "another version" in problems(whole | {"snnsearch": "0"})[0]
    assert [text.partition(" ")[0] for text in problems(whole | {"compiler": None, "make": None})] == ["g++", "make"]
    assert "CUDA up to 12, and this is 13.0" in notes(whole | {"cuda": "13.0"})[0]


def test_another_interpreter_does_not_see_the_packages_of_this_one(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/packages")
    assert "PYTHONPATH" not in variables("/usr/bin/python3")
    assert variables(sys.executable)["PYTHONPATH"].endswith(f"{os.pathsep}/packages")


@pytest.mark.parametrize(("given", "nearest"), [("gen", "genn"), ("genn-cpu", "genn:cpu"), ("GeNN", "genn")])
def test_a_backend_that_is_not_known(given, nearest):
    with pytest.raises(SNNError, match=f"no backend '{given}'; .*nearest: '{nearest}'"):
        load_program(Candidate(spec(), 0), given)
