"""Networks that an older version has described give the numbers that it has recorded, in float64."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pytest

from snn import NetworkSpec
from tests.compatibility.networks import CASES
from tests.compatibility.numbers import arrays, run
from tests.compatibility.stored import DATA, networks, read, surroundings

QUICK = ("digits", "pair_stdp", "own_neuron")  # of those that Brian2 steps in this process; all others are slow
FORMS = [
    ("runtime", name) if name in QUICK else pytest.param("runtime", name, marks=pytest.mark.slow) for name in CASES
]
FORMS += [pytest.param("standalone", name, marks=pytest.mark.slow) for name in CASES]
SAME = surroundings() == read("recorded.json")["surroundings"]


@functools.cache
def stored(backend: str) -> Mapping[str, np.ndarray]:
    """All recorded arrays of a backend."""
    with np.load(DATA / f"{backend}.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def of_case(backend: str, name: str) -> dict[str, np.ndarray]:
    """The recorded arrays of one network."""
    start = f"{name}/"
    return {key.removeprefix(start): array for key, array in stored(backend).items() if key.startswith(start)}


@functools.cache
def now(backend: str, name: str) -> dict[str, np.ndarray]:
    """The same arrays, by this version, of the network as the older version wrote it."""
    spec = NetworkSpec.from_json(networks()[f"case {name}"])
    return arrays(spec, run(name, spec, backend))


@pytest.mark.parametrize(("backend", "name"), FORMS)
def test_numbers_are_those_recorded(backend, name):
    """Spikes and decisions are equal, and all other numbers within what another exp() or compiler makes of them."""
    before, after = of_case(backend, name), now(backend, name)
    assert sorted(after) == sorted(before)
    for what, array in before.items():
        assert after[what].shape == array.shape, what
        if what.endswith((".spikes", " predictions")):
            np.testing.assert_array_equal(after[what], array, err_msg=what)
        np.testing.assert_allclose(after[what], array, rtol=1e-9, atol=1e-12, err_msg=what)


@pytest.mark.skipif(not SAME, reason="recorded with other libraries, another compiler or another processor")
@pytest.mark.parametrize(("backend", "name"), FORMS)
def test_numbers_are_those_recorded_to_the_last_bit(backend, name):
    before, after = of_case(backend, name), now(backend, name)
    for what, array in before.items():
        assert after[what].dtype == array.dtype and after[what].tobytes() == array.tobytes(), what


@pytest.mark.parametrize("name", CASES)
def test_every_recorded_network_spikes_and_learns(name):
    """A guard of the data themselves: silent networks would agree whatever is computed."""
    before = of_case("standalone", name)
    assert sum(len(array) for key, array in before.items() if key.endswith(".spikes")) > 50
    weights = [array for key, array in before.items() if key.startswith("recorded") and key.endswith(".weight")]
    assert any(np.ptp(array, axis=0).any() for array in weights) or name in ("reward", "local")


@pytest.mark.parametrize("name", CASES)
def test_both_backends_have_recorded_the_same(name):
    one, other = of_case("runtime", name), of_case("standalone", name)
    assert sorted(one) == sorted(other)
    for what, array in one.items():
        np.testing.assert_allclose(array, other[what], rtol=1e-9, atol=1e-12, err_msg=what)
