"""The file of arrays that goes to a program and comes back."""

from __future__ import annotations

import numpy as np
import pytest

from snn.backends.options import RunOptions
from snn.backends.process import run_process
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.arrays import read_arrays, write_arrays
from snn.errors import RunError
from tests.support.programs import spec
from tests.support.runs import stream


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
