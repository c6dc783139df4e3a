"""Finding programs on disk and building them: damage, races, interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time

import numpy as np
import pytest
from brian2 import ms

from snn import LIF, Dense, LeakyReadout, Network, Sparse, SpikeTrains
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.cache.entry import intact
from snn.backends.standalone.cache.key import program_key
from snn.backends.standalone.compiler import BINARY, SOURCE
from snn.backends.standalone.manifest import read_manifest
from snn.errors import BuildError, Cancelled
from snn.profile import Profile
from tests.support.programs import answer, damage_binary, spec, start, use
from tests.support.runs import CLASSES, INPUTS, run, stream


def cut_binary(entry):
    (entry / BINARY).write_bytes((entry / BINARY).read_bytes()[:-1000])


DAMAGES = {
    "a bit": damage_binary,
    "cut": cut_binary,
    "no manifest": lambda entry: (entry / "manifest.json").unlink(),
    "half a manifest": lambda entry: (entry / "manifest.json").write_text('{"sha'),
    "a manifest of something else": lambda entry: (entry / "manifest.json").write_text("[1]"),
    "a manifest without a checksum": lambda entry: (entry / "manifest.json").write_text("{}"),
    "no binary": lambda entry: (entry / BINARY).unlink(),
    "no right to run it": lambda entry: (entry / BINARY).chmod(0o644),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_not_used(copy, damage):
    assert intact(copy) is not None
    DAMAGES[damage](copy)
    assert intact(copy) is None


def test_damage_of_the_same_size_and_time_is_seen(copy):
    """As when a file is put back from a broken copy."""
    assert intact(copy) is not None
    before = (copy / BINARY).stat()
    damage_binary(copy)
    os.utime(copy / BINARY, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (copy / BINARY).stat().st_mtime_ns == before.st_mtime_ns
    assert intact(copy) is None


def test_a_program_is_read_once_in_a_process(copy):
    def counted():
        with open("/proc/self/io") as file:
            return int(file.readline().split()[1])

    intact(copy)
    begin = counted()
    for _ in range(50):
        assert intact(copy) is not None
    assert counted() - begin < (copy / BINARY).stat().st_size


@pytest.mark.slow
def test_a_damaged_entry_is_built_again(copy):
    _, before = use()
    damage_binary(copy)
    assert use() == (True, before)
    assert intact(copy) is not None
    assert sorted(path.name for path in copy.parent.iterdir()) == [copy.name, f"{copy.name}.lock"]


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
        program_key(Candidate(spec(model), 0).plan.structure(), "float32")
        for model in (LIF(), LIF(tau_m=7 * ms, v_th=2.0, refractory=3 * ms), LIF(reset="zero"))
    ]
    assert keys[0] == keys[1] == entry.name
    assert keys[2] != keys[0]
    assert program_key(Candidate(spec(), 0).plan.structure(), "float64") != keys[0]


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BuildError, match=r"set SNNSEARCH_CACHE to a folder that can be written"):
        load_program(Candidate(spec(), 0))


def test_a_build_can_be_cancelled(entry, monkeypatch, tmp_path):
    """Its compiler is ended, by what it has used of the time of a whole build."""
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path))
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    profile = Profile()
    with pytest.raises(Cancelled), profile.stage("build"):
        load_program(Candidate(spec(), 0), options=RunOptions(cancel=cancel, profile=profile))
    assert profile.seconds["build"] < 0.7 * read_manifest(entry)["build_cpu_seconds"]
    assert not list(tmp_path.iterdir()), "nothing half-built stays"


@pytest.mark.slow
def test_a_killed_build_does_not_stop_the_next(entry, tmp_path):
    """The next one is given a limit that nothing meets: it removes the others, and keeps its own."""
    cache = tmp_path / "cache"
    process = start(cache)
    deadline = time.monotonic() + 120
    while not list(cache.glob(f"*/{SOURCE}")):  # the compiler is at work
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = cache.glob("*.????????")
    assert json.loads((cache / f"{entry.name}.lock").read_text())["pid"] == process.pid
    os.utime(left, (0, 0))
    shutil.copytree(entry, cache / ("0" * 24))
    assert answer(start(cache, SNNSEARCH_CACHE_LIMIT="1 B"))[0] is True
    assert sorted(path.name for path in cache.iterdir()) == [entry.name, f"{entry.name}.lock"]


def test_the_manifest_tells_what_was_built(entry):
    manifest = read_manifest(entry)
    assert manifest["structure"] == {
        "populations": {"inputs": "SpikeTrains", "hidden": "LIF", "readout": "LeakyReadout"},
        "projections": {"inputs->hidden": "Dense Static", "hidden->readout": "Dense Static"},
    }
    assert (manifest["dtype"], 0.5 < manifest["build_cpu_seconds"] < 100) == ("float32", True)
    assert "g++" in manifest["compiler"] or "c++" in manifest["compiler"]
    assert manifest["brian2"].startswith("2.") and manifest["created"].endswith("+00:00")
    assert sorted(path.name for path in entry.iterdir()) == ["manifest.json", "network.json", "program", "program.cpp"]


@pytest.mark.parametrize("text", ["", "[1]", '{"sha256": 1}', '{"structure": {"populations": 3}}', '{"structure": []}'])
def test_a_manifest_that_tells_nothing_is_none(copy, text):
    (copy / "manifest.json").write_text(text)
    assert read_manifest(copy) is None
