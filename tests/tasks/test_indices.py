"""Splits and orders: no sample is learned from and scored, none counts twice."""

import re

import numpy as np
import pytest

from snn.errors import DataError
from tasks import Split
from tests.support.given import N, given, learner

ALL = np.arange(N)


def parts(stream=ALL[:12], validation=ALL[12:16], test=ALL[16:]):
    return given(cut=lambda n: Split(stream, validation, test))


@pytest.mark.parametrize("form", [list, tuple, np.float64, np.uint8, lambda a: a[:, None], lambda a: a.astype(object)],
                         ids=["list", "tuple", "float", "uint8", "column", "objects"])  # fmt: skip
def test_indices_are_read_in_every_form(form):
    task = parts(*(form(part) for part in (ALL[:12], ALL[12:16], ALL[16:])))
    for name, expected in (("stream", ALL[:12]), ("validation", ALL[12:16]), ("test", ALL[16:])):
        part = getattr(task.parts, name)
        assert part.dtype == np.int64 and not part.flags.writeable
        np.testing.assert_array_equal(part, expected)


def test_empty_parts_and_samples_left_out_are_fine():
    task = parts([0, 1, 2], [], [5])
    assert [len(getattr(task.parts, name)) for name in ("stream", "validation", "test")] == [3, 0, 1]
    assert len(given(cut=lambda n: Split(range(3), [], []), ).parts.stream) == 3  # fmt: skip


@pytest.mark.parametrize(("task", "words"), [
    (parts(test=ALL[:4]), "`stream` and `test` of Handed must have no sample in common, but share 4, the first"),
    (parts(validation=ALL[16:]), "`validation` and `test` of Handed must have no sample in common, but share 4"),
    (parts(validation=ALL[11:16]), "`stream` and `validation` of Handed must have no sample in common, but share 1"),
    (parts(stream=np.zeros(5, int)), "but has sample 0 5 times (repeated: 1 of 1)"),
    (parts(test=[16, 17, 30]), "`test` of Handed must be indices of the 20 samples, 0 to 19, but [2] is 30"),
    (parts(test=[-1]), "but [0] is -1"),
    (parts(stream=ALL < 12), "must be indices, but is True and False; write np.flatnonzero(...)"),
    (parts(stream=slice(12)), "must be indices, but is slice(None, 12, None); write np.arange(n)[...]"),
    (parts(stream=[0.5]), "must be whole numbers, but [0] is 0.5"),
    (parts(stream=None), "must be an array of numbers, but is None"),
    (parts(stream=ALL[:12].reshape(3, 4)), "must be of shape (n,), but are of shape (3, 4)"),
    (given(cut=lambda n: ([0], [1], [2])), "must return tasks.Split, but returned ([0], [1], [2]); write"),
    (given(cut=lambda n: None), "must return tasks.Split, but returned None"),
    (given(cut=lambda n: Split.of([12, 4])), "three whole numbers of samples, [stream, validation, test], but"),
    (given(cut=lambda n: Split.of([0.6, 0.2, 0.2])), "but are [0.6, 0.2, 0.2]"),
    (given(cut=lambda n: Split.of([30, -5, -5])), "but are [30, -5, -5]"),
    (given(cut=lambda n: Split.cut(np.arange(n), [12, 4, 3])), "must add up to its 20 samples, but are [12, 4, 3]"),
    (given(cut=lambda n: 1 / 0), "`split` of Handed failed in line"),
])  # fmt: skip
def test_a_split_that_is_wrong_is_one_sentence(task, words):
    with pytest.raises(DataError, match=re.escape(words)) as error:
        task.run(learner())
    assert len(error.value.problems) == 1


def test_a_split_larger_than_the_data_is_refused():
    with pytest.raises(DataError, match="sizes of the parts must add up to 20 at most"):
        _ = given(cut=lambda n: Split.of([30, 10, 10])).parts


def test_every_wrong_part_is_told_at_once():
    with pytest.raises(DataError) as error:
        _ = parts([0, 0], [99], [True]).parts
    assert [text.split(" of ")[0] for text in error.value.problems] == ["`stream`", "`validation`", "`test`"]


def test_a_validation_part_that_is_streamed_too_is_no_overlap():
    from dataclasses import replace

    whole = replace(parts(), hold_out=False).parts
    np.testing.assert_array_equal(whole.stream, ALL[:16])
    assert len(whole.validation) == 0 and not whole.stream.flags.writeable


@pytest.mark.slow
def test_an_order_may_shuffle_the_stream_in_place_and_changes_nothing_but_the_order():
    def shuffle(stream):
        np.random.default_rng(3).shuffle(stream)
        return stream

    task = given(arrange=shuffle)
    before = task.parts.stream.copy()
    first, again = (task.run(learner()) for _ in range(2))
    np.testing.assert_array_equal(task.parts.stream, before)
    np.testing.assert_array_equal(first.stream.losses, again.stream.losses)


@pytest.mark.parametrize("arrange", [
    lambda stream: stream[:5], lambda stream: np.tile(stream, 2), lambda stream: np.full_like(stream, stream[0]),
    lambda stream: np.arange(len(stream)), lambda stream: None, lambda stream: stream + N,
], ids=["fewer", "twice", "one", "of the test part too", "None", "beyond"])  # fmt: skip
def test_an_order_holds_each_index_of_the_stream_once(arrange):
    with pytest.raises(DataError, match="`order` of Handed must return the 12 indices of the stream, each once"):
        given(arrange=arrange).run(learner())
