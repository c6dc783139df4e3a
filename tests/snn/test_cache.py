"""The program cache and the processes that programs are: damage, races, crashes, interruption."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from snn import LIF, Dense, LeakyReadout, Network, Sparse, SpikeTrains
from snn.backends import cache
from snn.backends.arrays import read_arrays, write_arrays
from snn.backends.build import compile_source
from snn.backends.load import load_program
from snn.backends.process import RunOptions, run_process
from snn.backends.program import Candidate
from snn.errors import BuildError, Cancelled, RunError, RunTimeout
from tests.snn.networks import CLASSES, INPUTS, run, stream


def spec(model=None):
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("hidden", model or LIF(), n=3)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense())
    return net.freeze()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cache with one program, built by two processes at once."""
    folder = tmp_path_factory.mktemp("programs")
    network = folder / "network.json"
    network.write_text(spec().to_json())
    code = (
        "import sys; from snn import NetworkSpec; from snn.backends.load import *; "
        "print(load_program(Candidate(NetworkSpec.from_json(open(sys.argv[1]).read()), 0)).built)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNSEARCH_CACHE", str(folder))
        both = [
            subprocess.Popen([sys.executable, "-c", code, network], stdout=subprocess.PIPE, text=True) for _ in "ab"
        ]
        said = sorted(process.communicate()[0].strip() for process in both)
    assert said == ["False", "True"], "two processes that want one program build it once"
    return folder


@pytest.fixture
def entry(folder, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(folder))
    program = load_program(Candidate(spec(), 0))
    assert not program.built
    return program.binary.parent


def damage_binary(entry):
    data = bytearray((entry / "program").read_bytes())
    data[len(data) // 2] ^= 1
    (entry / "program").write_bytes(data)


def cut_binary(entry):
    (entry / "program").write_bytes((entry / "program").read_bytes()[:-1000])


DAMAGES = {
    "a bit": damage_binary,
    "cut": cut_binary,
    "no manifest": lambda entry: (entry / "manifest.json").unlink(),
    "half a manifest": lambda entry: (entry / "manifest.json").write_text('{"sha'),
    "a manifest of something else": lambda entry: (entry / "manifest.json").write_text("[1]"),
    "no binary": lambda entry: (entry / "program").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_not_used(entry, damage, tmp_path):
    copy = tmp_path / "entry"
    copy.mkdir()
    for name in ("program", "manifest.json"):
        (copy / name).write_bytes((entry / name).read_bytes())
    assert cache.intact(copy) is not None
    DAMAGES[damage](copy)
    assert cache.intact(copy) is None


def test_a_damaged_entry_is_built_again(entry):
    before = (entry / "program").read_bytes()
    damage_binary(entry)
    program = load_program(Candidate(spec(), 0))
    assert program.built
    assert cache.intact(entry) is not None
    assert len((entry / "program").read_bytes()) == len(before)
    assert run(spec(), stream(n=1, spikes=True), "standalone", "float32").outputs["readout.score"].shape == (1, CLASSES)


def test_given_weights_of_another_seed_are_no_part_of_a_program(entry):
    """A sparse network trained with one seed is put back: its program must not draw synapses with another."""
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("hidden", LIF(), n=30)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", "hidden", Sparse(p=0.5))
    net.connect("hidden", "readout", Dense())
    sparse, samples = net.freeze(), stream(n=1, spikes=True)
    candidate = Candidate(sparse, 12)
    weights = candidate.plan.synapses["inputs_to_hidden"].variables["weight"].value
    trained = sparse.with_weights({"inputs->hidden": weights + 1.0})
    assert len(Candidate(sparse, 0).plan.synapses["inputs_to_hidden"].pre) != len(weights)
    outcome = run(trained, samples, "standalone", "float32", seed=12)  # the first run of this structure builds it
    np.testing.assert_allclose(outcome.state.arrays["inputs_to_hidden.weight"], weights + 1.0, rtol=1e-6)


def test_numbers_do_not_change_the_program_and_equations_do(entry):
    keys = [
        cache.program_key(Candidate(spec(model), 0).plan.structure(), "float32")
        for model in (LIF(), LIF(tau_m=7 * ms, v_th=2.0, refractory=3 * ms), LIF(reset="zero"))
    ]
    assert keys[0] == keys[1] == entry.name
    assert keys[2] != keys[0]
    assert cache.program_key(Candidate(spec(), 0).plan.structure(), "float64") != keys[0]


def test_a_missing_compiler_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    cache._compiler.cache_clear()
    with pytest.raises(BuildError, match=r"^A C\+\+ compiler is needed, but g\+\+ was not found; install it"):
        load_program(Candidate(spec(), 0))
    cache._compiler.cache_clear()


def test_the_compilers_words_are_kept(tmp_path):
    source = tmp_path / "program.cpp"
    source.write_text("int main() { return undeclared_thing; }")
    with pytest.raises(BuildError, match="undeclared_thing"):
        compile_source(source)


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BuildError, match=r"set SNNSEARCH_CACHE to a folder that can be written"):
        load_program(Candidate(spec(), 0))


def test_a_build_can_be_cancelled(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path))
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        load_program(Candidate(spec(), 0), options=RunOptions(cancel=cancel))
    assert time.monotonic() - begin < 2
    assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing half-built stays"


PYTHON = [sys.executable, "-c"]


def test_a_crash_is_its_signal_and_last_words():
    with pytest.raises(RunError, match="killed by SIGSEGV: so long"):
        run_process(
            [*PYTHON, "import os, sys; print('so long', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)"],
            RunOptions(),
        )
    with pytest.raises(RunError, match="ended with status 3"):
        run_process([*PYTHON, "raise SystemExit(3)"], RunOptions())


def test_a_timeout_kills_the_whole_group(tmp_path):
    mark = tmp_path / "mark"
    code = f"import subprocess, time; subprocess.Popen(['sh', '-c', 'sleep 1.5; touch {mark}']); time.sleep(60)"
    begin = time.monotonic()
    with pytest.raises(RunTimeout):
        run_process([*PYTHON, code], RunOptions(timeout=0.5))
    assert time.monotonic() - begin < 1.4
    time.sleep(max(0.0, begin + 2.5 - time.monotonic()))
    assert not mark.exists()


def test_cancelling_ends_a_run_at_once():
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        run_process([*PYTHON, "import time; time.sleep(60)"], RunOptions(cancel=cancel))
    assert time.monotonic() - begin < 1.5


def test_a_program_ends_with_its_caller(entry):
    """A run of hours, started by a process that is then killed: the binary is gone soon after."""
    code = """
import dataclasses
from snn.backends.load import load_program
from snn.backends.program import Candidate
from tests.snn.networks import stream
from tests.snn.test_cache import spec
from snn import Regular
spec = dataclasses.replace(spec(), inputs=Regular(12))
candidate = Candidate(spec, 0)
long = stream(n=300_000, steps=300, inputs=12)
load_program(candidate).advance([candidate], [long], [None])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)

    def running():
        """Whether a program of this cache runs, by the command lines of all processes."""
        wanted = re.compile(re.escape(str(entry.parent)) + r"/[0-9a-f]+/program\0")
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it has just ended
                if wanted.match(file.read_text(errors="replace")):
                    return True
        return False

    deadline = time.monotonic() + 30
    while not running():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    process.stderr.close()
    deadline = time.monotonic() + 5
    while running():
        assert time.monotonic() < deadline, "the program outlived its caller"
        time.sleep(0.05)


def test_the_array_file_is_exact(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "a.b": rng.normal(size=17),
        "c": rng.normal(size=5).astype(np.float32),
        "d": np.array([-1, 2**40]),
        "e": np.array([3], np.int32),
        "f": np.array([True, False]),
        "empty": np.empty(0),
    }
    write_arrays(tmp_path / "x", arrays)
    back = read_arrays(tmp_path / "x")
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"x", lambda d: b"no" + d, lambda d: b""])
def test_a_damaged_array_file_is_refused(tmp_path, change):
    write_arrays(tmp_path / "x", {"a": np.arange(4.0)})
    (tmp_path / "x").write_bytes(change((tmp_path / "x").read_bytes()))
    with pytest.raises(ValueError, match="x"):
        read_arrays(tmp_path / "x")


@pytest.mark.parametrize("change", [
    lambda a: a.pop("size:hidden"),
    lambda a: a.update({"set:hidden.v_th": np.zeros(2, np.float32)}),
    lambda a: a.update({"set:hidden.nothing": np.zeros(1, np.float32)}),
    lambda a: a.update({"set:hidden.v_th": np.zeros(1)}),
    lambda a: a.update({"set:inputs_to_hidden._synaptic_post": a["set:inputs_to_hidden._synaptic_post"][::-1].copy()}),
    lambda a: a.update({"set:inputs_to_hidden._synaptic_post": a["set:inputs_to_hidden._synaptic_post"] + 1}),
    lambda a: a.update({"run:learn": np.zeros(9, bool)}),
    lambda a: a.update({"signal:values": np.zeros(7)}),
])  # fmt: skip
def test_a_program_refuses_arguments_that_it_cannot_use(entry, tmp_path, change):
    program = load_program(Candidate(spec(), 0))
    arrays = program._input(Candidate(spec(), 0).plan, stream(n=2, spikes=True), None, [])
    change(arrays)
    write_arrays(tmp_path / "in", arrays)
    with pytest.raises(RunError, match=r"status 2: .+"):
        run_process([str(program.binary), str(tmp_path / "in"), str(tmp_path / "out")], RunOptions())
    assert not (tmp_path / "out").exists()


def test_the_manifest_is_plain(entry):
    assert set(json.loads((entry / "manifest.json").read_text())) == {"sha256"}
