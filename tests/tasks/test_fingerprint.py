"""The hash of a task's data: equal for equal content, another one for any change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import ms

from tasks import Data, Digits, Drawn, EvidenceAccumulation, PatternGeneration, Split, fingerprint
from tasks.fingerprint import ROWS, data_hash

N, WIDTH = 300, 5


def data() -> Data:
    rng = np.random.default_rng(2)
    signals = {"target": rng.normal(size=(N, 4, 2)), "teach": rng.normal(size=N)}
    return Data(rng.random((N, WIDTH)), rng.integers(0, 3, N), 3, signals, rng.random(N) < 0.5)


def split() -> Split:
    return Split.of([200, 60, 40])


def test_equal_content_has_one_hash_whatever_its_layout():
    known = data()
    same = dataclasses.replace(
        known,
        values=np.asfortranarray(known.values),
        labels=known.labels.astype(">i4"),
        signals=dict(reversed(known.signals.items())),
        learn=known.learn.astype(np.uint8),
    )
    sliced = dataclasses.replace(known, values=np.repeat(known.values, 2, axis=1)[:, ::2])
    whole = split()
    parts = Split(*(np.asarray(part, np.int32) for part in (whole.stream, whole.validation, whole.test)))
    assert data_hash(known, split()) == data_hash(same, parts) == data_hash(sliced, split())
    assert len(data_hash(known, split())) == 16


def changed(array: np.ndarray, place, by=1) -> np.ndarray:
    copy = array.copy()
    copy[place] = copy[place] + by if copy.dtype != bool else ~copy[place]
    return copy


@pytest.mark.parametrize("change", [
    lambda d: {"values": changed(d.values, (N - 1, WIDTH - 1), 1e-5)},
    lambda d: {"values": d.values[:, ::-1]},
    lambda d: {"values": d.values.reshape(N, 1, WIDTH)},
    lambda d: {"labels": changed(d.labels, 7)},
    lambda d: {"labels": None},
    lambda d: {"classes": 4},
    lambda d: {"learn": changed(d.learn, 0)},
    lambda d: {"learn": None},
    lambda d: {"signals": {**d.signals, "teach": changed(d.signals["teach"], 150, 1e-5)}},
    lambda d: {"signals": {"target": d.signals["target"], "other": d.signals["teach"]}},
    lambda d: {"signals": {}},
], ids=["value", "order", "shape", "label", "none", "classes", "learn", "all", "signal", "name", "few"])  # fmt: skip
def test_any_change_of_the_data_changes_the_hash(change):
    known = data()
    assert data_hash(dataclasses.replace(known, **change(known)), split()) != data_hash(known, split())


def test_another_split_changes_the_hash():
    known, parts = data(), split()
    exchanged = Split(parts.stream, parts.test, parts.validation)
    shorter = Split(parts.stream[:-1], parts.validation, parts.test)
    assert len({data_hash(known, one) for one in (parts, exchanged, shorter, Split.of([200, 60, 40], 1))}) == 4


def test_the_last_digit_of_a_double_does_not_count():
    """Processors and versions of NumPy differ there."""
    known = data()
    close = dataclasses.replace(known, values=np.nextafter(known.values, 2))
    assert data_hash(close, split()) == data_hash(known, split())


def test_pieces_change_nothing(monkeypatch):
    whole = data_hash(data(), split())
    monkeypatch.setattr(fingerprint, "PIECE", 100)
    assert data_hash(data(), split()) == whole


def test_rows_that_are_drawn_are_sampled_with_the_first_and_the_last():
    values, asked = data().values, []

    def hashed(values: np.ndarray) -> str:
        def draw(rows: np.ndarray) -> np.ndarray:
            asked.extend(rows)
            return values[rows]

        return data_hash(Data(Drawn(values.shape, draw), data().labels, 3), split())

    known = hashed(values)
    assert len(asked) == ROWS and asked == sorted(set(asked)) and asked[0] == 0 and asked[-1] == N - 1
    assert max(np.diff(asked)) <= N // ROWS + 1
    assert hashed(values) == known
    assert all(hashed(changed(values, row)) != known for row in (0, N - 1, asked[20]))
    assert hashed(values[:-1]) != known


@pytest.mark.parametrize(
    ("task", "other"),
    [
        (Digits(), Digits(split_seed=1)),
        (Digits(), Digits(hold_out=False)),
        (Digits(), Digits(normalise=True)),
        (EvidenceAccumulation(sequences=5), EvidenceAccumulation(sequences=5, seed=2)),
        (PatternGeneration(iterations=3), PatternGeneration(iterations=3, seed=2)),
    ],
    ids=["split", "hold_out", "normalise", "evidence", "pattern"],
)
def test_tasks_of_the_package(task, other):
    assert task.data_hash == dataclasses.replace(task).data_hash != other.data_hash


def test_how_samples_are_shown_is_no_part_of_the_data():
    assert Digits(sample=50 * ms, reset=False).data_hash == Digits().data_hash
