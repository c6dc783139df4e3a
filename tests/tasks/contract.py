"""What every task promises; a new task's tests inherit it by giving one fixture, `task`."""

from __future__ import annotations

import numpy as np

from tasks import Task


class TaskContract:
    """Inherit, and give the fixture `task`: an object of the task, small enough to load in a moment."""

    def test_values_and_labels(self, task):
        data = task.data
        assert data.values.dtype == np.float64
        assert data.values.ndim in (2, 3) and len(data.values) == len(data.labels) > 0
        assert data.values.min() >= 0 and data.values.max() <= 1
        assert np.issubdtype(data.labels.dtype, np.integer) and data.labels.ndim == 1
        assert set(np.unique(data.labels)) <= set(range(data.classes))

    def test_the_parts_of_the_split_are_disjoint_and_hold_every_sample(self, task):
        n = len(task.data.labels)
        split = task.split(n)
        parts = (split.stream, split.validation, split.test)
        assert all(len(part) for part in parts)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(n))

    def test_data_and_split_are_the_same_every_time(self, task):
        again = Task.from_json(task.to_json())
        np.testing.assert_array_equal(again.data.values, task.data.values)
        np.testing.assert_array_equal(again.data.labels, task.data.labels)
        n = len(task.data.labels)
        for part in ("stream", "validation", "test"):
            np.testing.assert_array_equal(getattr(again.split(n), part), getattr(task.split(n), part))

    def test_every_part_has_every_class(self, task):
        split = task.split(len(task.data.labels))
        for part in (split.stream, split.validation, split.test):
            assert len(np.unique(task.data.labels[part])) == task.data.classes

    def test_json_round_trip(self, task):
        again = Task.from_json(task.to_json())
        assert again == task
        assert again.to_json() == task.to_json()
