"""What every task promises; a new task's tests inherit it by giving one fixture, `task`."""

from __future__ import annotations

import numpy as np

from tasks import Task


def rows(array, indices) -> np.ndarray:
    """Rows of an array that is held or made."""
    return np.asarray(array[np.asarray(indices)])


class TaskContract:
    """Inherit, and give the fixture `task`: an object of the task, small enough to load in a moment."""

    def test_values(self, task):
        data = task.data
        assert len(data.values.shape) in (2, 3) and len(data) == data.values.shape[0] > 0
        values = rows(data.values, np.arange(len(data)))
        assert values.shape == tuple(data.values.shape)
        assert values.dtype in (np.float64, np.bool_, np.uint8)
        assert values.min() >= 0 and values.max() <= 1

    def test_labels_or_a_target(self, task):
        data = task.data
        if data.labels is None:
            assert data.classes is None
            target = rows(data.signals["target"], np.arange(len(data)))
            assert target.shape == data.signals["target"].shape and len(target) == len(data)
            assert np.isfinite(target).all()
            return
        assert len(data.labels) == len(data)
        assert np.issubdtype(data.labels.dtype, np.integer) and data.labels.ndim == 1
        assert set(np.unique(data.labels)) <= set(range(data.classes))

    def test_the_parts_of_the_split_are_disjoint_and_hold_every_sample(self, task):
        n = len(task.data)
        split = task.split(n)
        parts = (split.stream, split.validation, split.test)
        assert all(len(part) for part in parts)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))

    def test_the_order_is_the_seeds_and_holds_the_whole_stream(self, task):
        stream = task.split(len(task.data)).stream
        for seed in (0, 5):
            order = task.order(stream, seed)
            np.testing.assert_array_equal(np.sort(order), np.sort(stream))
            np.testing.assert_array_equal(task.order(stream, seed), order)

    def test_data_and_split_are_the_same_every_time(self, task):
        again = Task.from_json(task.to_json())
        n = len(task.data)
        assert list(again.data.arrays) == list(task.data.arrays)
        for name, array in task.data.arrays.items():
            np.testing.assert_array_equal(rows(again.data.arrays[name], np.arange(n)), rows(array, np.arange(n)))
        for part in ("stream", "validation", "test"):
            np.testing.assert_array_equal(getattr(again.split(n), part), getattr(task.split(n), part))

    def test_any_rows_can_be_asked_for(self, task):
        some = np.array([len(task.data) - 1, 0, 0])
        for array in task.data.arrays.values():
            np.testing.assert_array_equal(rows(array, some), rows(array, np.arange(len(task.data)))[some])

    def test_every_part_has_every_class(self, task):
        if task.data.labels is None:
            return
        split = task.split(len(task.data))
        for part in (split.stream, split.validation, split.test):
            assert len(np.unique(task.data.labels[part])) == task.data.classes

    def test_json_round_trip(self, task):
        again = Task.from_json(task.to_json())
        assert again == task
        assert again.to_json() == task.to_json()
        assert task.problems() == []
