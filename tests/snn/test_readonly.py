"""What is handed out cannot be changed by whoever gets it, and can do everything else."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

from snn.backends.state import State
from snn.readonly import ReadOnlyDict, readonly
from snn.results.part import Part
from snn.results.result import Result


def result() -> Result:
    part = Part(np.arange(3), np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3]), np.arange(3))
    return Result(
        task="T", seed=1, backend="standalone", dtype="float32", stream=part, validation=part, test=part,
        counts={"spikes": 6.0, "synaptic_operations": 1.0, "weight_writes": 1.0, "samples": 3},
        weights={"a->b": np.ones(4)}, recordings={"b.v": np.zeros((5, 2))}, dt_ms=1.0, period=5,
        versions={"numpy": "2"}, hashes={"task": "x"}, state=State(15, {"b.v": np.zeros(2)}),
    )  # fmt: skip


def test_a_view_is_handed_out_and_the_array_itself_stays_changeable():
    array = np.arange(4)
    view = readonly(array)
    assert np.shares_memory(view, array) and array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    array[0] = 7
    assert view[0] == 7 and readonly(view) is view


@pytest.mark.parametrize("change", [
    lambda r: r.stream.predictions.__setitem__(0, 1),
    lambda r: r.validation.labels.sort(),
    lambda r: r.test.losses.fill(0),
    lambda r: r.stream.settled.resize(0),
    lambda r: np.multiply(r.weights["a->b"], 2, out=r.weights["a->b"]),
    lambda r: r.recordings["b.v"].__iadd__(1),
    lambda r: r.state.arrays["b.v"].put(0, 1),
    lambda r: Result.from_bytes(r.to_bytes()).stream.losses.fill(0),
    lambda r: Result.from_bytes(r.to_bytes()).state.arrays["b.v"].fill(0),
    lambda r: r.followed_by(r).stream.losses.fill(0),
    lambda r: r.stream.first(2).losses.fill(0),
    lambda r: dataclasses.replace(r, weights={"w": np.ones(2)}).weights["w"].fill(0),
])  # fmt: skip
def test_arrays_of_a_result_are_read_only(change):
    with pytest.raises(ValueError, match=r"read-only|cannot resize|does not own its data"):
        change(result())


@pytest.mark.parametrize("name", ["counts", "weights", "recordings", "versions", "hashes"])
@pytest.mark.parametrize("change", [
    lambda m: m.__setitem__("new", 1), lambda m: m.update(new=1), lambda m: m.clear(), lambda m: m.popitem(),
    lambda m: m.pop(next(iter(m))), lambda m: m.__delitem__(next(iter(m))), lambda m: m.setdefault("new", 1),
    lambda m: m.__ior__({"new": 1}),
], ids=["set", "update", "clear", "popitem", "pop", "del", "setdefault", "ior"])  # fmt: skip
def test_mappings_of_a_result_are_read_only(name, change):
    mapping = getattr(result(), name)
    before = list(mapping)
    with pytest.raises(TypeError, match=r"read-only; change a copy of it: dict\(mapping\)"):
        change(mapping)
    assert list(mapping) == before


def test_a_read_only_mapping_does_all_else_that_a_dict_does():
    mapping = readonly({"a": 1, "b": {"c": 2}})
    assert isinstance(mapping, ReadOnlyDict) and isinstance(mapping["b"], ReadOnlyDict)
    assert mapping == {"a": 1, "b": {"c": 2}} and mapping == {"a": 1, "b": {"c": 2}}
    assert json.loads(json.dumps(mapping)) == mapping
    assert mapping | {"a": 3} == {"a": 3, "b": {"c": 2}}
    for again in (pickle.loads(pickle.dumps(mapping)), copy.copy(mapping), copy.deepcopy(mapping)):
        assert again == mapping and type(again) is ReadOnlyDict
    changed = dict(mapping)
    changed["a"] = 5
    assert mapping["a"] == 1


def test_a_result_survives_files_pickles_and_copies():
    one = result()
    for again in (Result.from_bytes(one.to_bytes()), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert again.counts == one.counts and again.hashes == one.hashes
        np.testing.assert_array_equal(again.weights["a->b"], one.weights["a->b"])
        np.testing.assert_array_equal(again.stream.losses, one.stream.losses)
    assert dataclasses.asdict(one)["counts"] == one.counts


def test_copies_can_be_changed():
    one = result()
    weights = {name: array.copy() for name, array in one.weights.items()}
    weights["a->b"] *= 2
    assert one.weights["a->b"].sum() == 4 and weights["a->b"].sum() == 8
