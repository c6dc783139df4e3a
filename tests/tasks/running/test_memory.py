"""Streams of any length run in bounded memory, and how much a program held is said."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import LIF, Dense, EProp, LeakyReadout, Network, Poisson, SpikeTrains
from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.compiler import BINARY
from snn.errors import RunError
from snn.results.result import Result
from tasks import Data, Drawn, Split, Task
from tasks.running import assembly, run
from tests.support.choices import COMPILED

INPUTS, CLASSES, MIB = 784, 10, 2**20


def drawn(shape: tuple[int, ...], share: int) -> Drawn:
    """Rows of zeros and, in one place of so many, ones: made when they are asked for."""

    def draw(rows: np.ndarray) -> np.ndarray:
        places = np.arange(np.prod(shape[1:]), dtype=np.int32).reshape(shape[1:])
        first = rows.astype(np.int32).reshape(-1, *[1] * (len(shape) - 1))
        return ((places * 7 + first * 131) % share == 0).astype(np.uint8)

    return Drawn(shape, draw)


@dataclass(frozen=True)
class Spikes(Task):
    """Explicit spikes of 784 inputs over 100 steps."""

    n: int = 100

    def load(self) -> Data:
        return Data(drawn((self.n + 2, 100, INPUTS), 40), np.arange(self.n + 2) % CLASSES, CLASSES)

    def split(self, n: int) -> Split:
        return Split.cut(np.arange(n), [n - 2, 1, 1])


@dataclass(frozen=True)
class Images(Spikes):
    """Images of 784 pixels."""

    def load(self) -> Data:
        return Data(drawn((self.n + 2, INPUTS), 5), np.arange(self.n + 2) % CLASSES, CLASSES)


def network(inputs) -> Network:
    net = Network(inputs=inputs, dt=1 * ms)
    net.population("hidden", LIF(), n=4)
    net.readout(LeakyReadout(CLASSES))
    net.connect("inputs", "hidden", Dense(), EProp(lr=1e-4))
    net.connect("hidden", "readout", Dense(), EProp(lr=1e-4))
    return net


@contextmanager
def watched() -> Iterator[SimpleNamespace]:
    """The high water mark of memory of the compiled programs that this process runs, as the system keeps it."""
    seen, over = SimpleNamespace(peak=0, programs=set()), threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            for pid in _children():
                try:
                    if Path(os.readlink(f"/proc/{pid}/exe")).name != BINARY:  # not yet, or another
                        continue
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                except OSError:  # it has ended
                    continue
                marks = [int(text.split()[1]) * 1024 for text in lines if text.startswith("VmHWM")]
                seen.peak = max([seen.peak, *marks])
                seen.programs |= {pid} if marks else set()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _children() -> list[str]:
    threads = Path("/proc/self/task").glob("*/children")
    return " ".join(path.read_text() for path in threads if path.exists()).split()


def peak(one: Task, net: Network) -> tuple[int, int]:
    """The peak of a run's programs, and how many there were."""
    with watched() as seen:
        result = one.run(net)
    if result.peak_memory_bytes is not None:
        assert 0.8 * seen.peak < result.peak_memory_bytes < 1.3 * seen.peak + 4 * MIB
    return seen.peak, len(seen.programs)


@pytest.mark.slow
def test_the_peak_does_not_grow_with_the_stream():
    """All spikes of the long stream would take 251 MB as numbers of 64 bits, and 31 MB as bytes; a piece, a quarter."""
    assert run.PIECE == 64 * MIB
    short, _ = peak(Spikes(sample=100 * ms, n=100), network(SpikeTrains(INPUTS)))
    long, programs = peak(Spikes(sample=100 * ms, n=400), network(SpikeTrains(INPUTS)))
    assert programs >= 4
    assert short > run.PIECE / 8 and long < 1.1 * short
    assert long < run.PIECE + 16 * MIB < 400 * 100 * INPUTS * 8 / 2


@pytest.mark.slow
def test_images_are_never_an_array_of_spikes():
    """The spikes of an image over 400 steps are made in the program, step by step."""
    net = network(Poisson(INPUTS, rate=50 * Hz))
    few, _ = peak(Images(sample=20 * ms, n=300), net)
    many, _ = peak(Images(sample=400 * ms, n=300), net)
    assert 300 * 400 * INPUTS > 64 * MIB > few and many < few + 4 * MIB


@pytest.mark.slow
def test_more_images_than_a_piece():
    images = Images(sample=2 * ms, n=25_000)
    most, programs = peak(images, network(Poisson(INPUTS, rate=50 * Hz)))
    assert programs >= 3 and most < 100 * MIB < 25_000 * INPUTS * 8


# ---- what is asked for


@pytest.mark.slow
@pytest.mark.parametrize("backend", COMPILED)
def test_a_state_that_is_not_wanted_is_not_given(backend):
    candidate = Candidate(network(Poisson(INPUTS, rate=50 * Hz)).freeze(), 3)
    images = run.TaskRun(Images(sample=5 * ms, n=4), candidate, None)
    samples = images._samples(np.arange(4), run._flags(4, learn=np.ones(4, bool)))
    program = load_program(candidate, backend)
    with_state, without = (
        program.advance([candidate], [samples], [None], RunOptions(state=state))[0] for state in (True, False)
    )
    assert "inputs_to_hidden.weight" in with_state.state.arrays
    assert without.state.arrays == {} and without.state.step == with_state.state.step == 20
    for name in ("outputs", "totals"):
        left, right = getattr(with_state, name), getattr(without, name)
        assert left.keys() == right.keys()
        for key in left:
            np.testing.assert_array_equal(left[key], right[key])


@pytest.mark.slow
def test_a_run_ends_that_needs_more_memory_than_it_is_given():
    one = Spikes(sample=100 * ms)  # 7.8 MB of spikes
    with pytest.raises(RunError, match="needs more than the 8 MiB of memory that it was given"):
        one.run(network(SpikeTrains(INPUTS)), memory=8 * MIB)
    held, free = (one.run(network(SpikeTrains(INPUTS)), memory=limit) for limit in (64 * MIB, None))
    assert held.loss == free.loss


# ---- what is said

WRAPPER = """\
#!{python} -S
import struct, subprocess, sys
subprocess.run([{binary!r}, *sys.argv[1:]], check=True)
with open({runs!r}, "a+") as file:
    file.write("x")
    run = file.tell()
with open(sys.argv[2], "rb") as file:
    arrays = [file.readline() for _ in range(int(file.readline().split()[1]))]
    numbers = file.read()
with open(sys.argv[2], "wb") as file:
    file.write(b"SNN1 %d\\n" % (len(arrays) + 1) + b"".join(arrays) + b"run:peak_memory l 1\\n" + numbers)
    file.write(struct.pack("q", {peaks!r}[run - 1]))
"""


@pytest.mark.slow
def test_what_programs_say_of_their_memory_is_the_largest_of_all_pieces(tmp_path, monkeypatch):
    """A program around the program says what is known beforehand, in four pieces of the stream and two frozen parts."""
    one = Images(sample=2 * ms, n=7)
    peaks = [11, 5, 3 * MIB, 7, 20, 9]

    def wrapped(candidate, backend, dtype, options):
        program = load_program(candidate, backend, dtype, options)
        wrapper = tmp_path / "wrapper.py"
        names = {"binary": str(program.binary), "runs": str(tmp_path / "runs"), "python": sys.executable}
        wrapper.write_text(WRAPPER.format(**names, peaks=peaks))
        wrapper.chmod(0o755)
        return replace(program, binary=wrapper)

    monkeypatch.setattr(assembly, "load_program", wrapped)
    monkeypatch.setattr(run, "PIECE", 2 * one.data.row_bytes)
    result = one.run(network(Poisson(INPUTS, rate=50 * Hz)), test=True)
    assert (tmp_path / "runs").stat().st_size == len(peaks)
    assert result.peak_memory_bytes == 3 * MIB
    assert "peak memory of the program  3.0 MiB" in result.summary()
    result.save(tmp_path / "result.npz")
    assert Result.load(tmp_path / "result.npz").peak_memory_bytes == 3 * MIB
