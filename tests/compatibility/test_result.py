"""A file of `Result.save` that an older version has written is read."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from snn import Result
from tests.compatibility.stored import DATA, read


@pytest.fixture(scope="module")
def result() -> Result:
    return Result.load(DATA / "result.npz")


def test_its_numbers_are_those_recorded(result):
    known = dict(read("result.json"))
    assert asdict(result.energy_table) == known.pop("energy_table")
    assert dict(result.counts) == known.pop("counts")
    assert dict(result.hashes) == known.pop("hashes")
    assert {name: getattr(result, name) for name in known} == known


def test_its_arrays_are_those_recorded(result):
    with np.load(DATA / "standalone.npz", allow_pickle=False) as file:
        for name, array in result.weights.items():
            np.testing.assert_array_equal(array, file[f"digits/weights {name}"])
        np.testing.assert_array_equal(result.recordings["hidden.spikes"], file["digits/recorded hidden.spikes"])
        np.testing.assert_array_equal(result.stream.losses, file["digits/stream losses"])


def test_it_is_written_and_read_again(result, tmp_path):
    result.save(tmp_path / "again.npz")
    again = Result.load(tmp_path / "again.npz")
    assert again.summary() == result.summary()
    assert dict(again.versions) == dict(result.versions)
    for name, array in result.recordings.items():
        np.testing.assert_array_equal(again.recordings[name], array)
