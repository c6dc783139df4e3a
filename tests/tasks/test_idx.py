"""The IDX reader: what it accepts, and that whatever else it is given ends in a DataError that says what was found."""

from __future__ import annotations

import gzip
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.errors import DataError
from tasks.idx import read_idx
from tests.support.idx_files import idx_bytes

ARRAY = np.arange(2 * 3 * 4).reshape(2, 3, 4)
DATA = idx_bytes(ARRAY)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some-idx3-ubyte"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_reads_what_was_written(path, pack):
    path.write_bytes(pack(DATA))
    array = read_idx(path, (None, 3, 4))
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, ARRAY)


def test_reads_an_array_of_several_chunks(path):
    labels = np.random.default_rng(0).integers(0, 256, 3_000_001)
    path.write_bytes(gzip.compress(idx_bytes(labels)))
    np.testing.assert_array_equal(read_idx(path, (None,)), labels)


def damaged(data: bytes) -> bytes:
    """A gzip file whose check sum does not fit its data."""
    packed = bytearray(gzip.compress(data))
    packed[-8] ^= 0xFF
    return bytes(packed)


WRONG = {
    "empty": (b"", "begins 00 00 08 03, found an empty file"),
    "not IDX": (b"P5 28 28 255", "begins 00 00 08 03, found 50 35 20 32"),
    "signed bytes": (b"\0\0\x09\x03" + DATA[4:], "found 00 00 09 03"),
    "another dimension": (idx_bytes(ARRAY.ravel()), "found 00 00 08 01"),
    "header cut": (DATA[:9], "expected 3 sizes of 4 bytes in the header, found 5 bytes"),
    "another shape": (idx_bytes(ARRAY.reshape(2, 4, 3)), "expected any x 3 x 4 values, found 2 x 4 x 3"),
    "data cut": (DATA[:-1], "expected 40 bytes for 2 x 3 x 4 values, found a file that holds at most 39"),
    "data too long": (DATA + b"\0", "expected 24 bytes of data for 2 x 3 x 4 values, found more"),
    "gzip cut": (gzip.compress(DATA)[:-9], "expected a whole gzip file, found a truncated or damaged one"),
    "gzip of cut data": (gzip.compress(DATA[:-1]), "expected 24 bytes of data for 2 x 3 x 4 values, found 23"),
    "gzip of too much": (gzip.compress(DATA + b"\0"), "expected 24 bytes of data for 2 x 3 x 4 values, found more"),
    "gzip with garbage": (gzip.compress(DATA)[:10] + b"\xff" * 30, "found a truncated or damaged one"),
    "gzip's check sum": (damaged(DATA), "found a truncated or damaged one"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_names_file_expected_and_found(path, content, message):
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read_idx(path, (None, 3, 4))
    assert str(caught.value).startswith(f"{path}: expected")


def test_missing_file_and_folder_in_its_place(path):
    with pytest.raises(DataError, match=rf"{path}: expected .* found no such file"):
        read_idx(path, (None,))
    path.mkdir()
    with pytest.raises(DataError, match=rf"{path}: expected a readable file, found: Is a directory"):
        read_idx(path, (None,))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("count", [250_000, 0xFFFFFFFF], ids=["within the limit", "beyond it"])
def test_a_header_that_promises_much_takes_no_memory(path, pack, count):
    header = bytes((0, 0, 8, 3)) + count.to_bytes(4, "big") + (28).to_bytes(4, "big") * 2
    path.write_bytes(pack(header + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"found a (header that announces|file that holds)"):
            read_idx(path, (None, 28, 28))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=200, deadline=None)
@given(packed=st.booleans(), cut=st.integers(0, 60), flips=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 255))))
def test_a_damaged_file_is_an_error_or_has_the_shape_it_states(tmp_path_factory, packed, cut, flips):
    content = bytearray(gzip.compress(DATA) if packed else DATA)[:cut]
    for position, change in flips:
        if position < len(content):
            content[position] ^= change
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        array = read_idx(path, (None, 3, 4))
    except DataError as error:
        assert str(error).startswith(f"{path}: expected")
    else:
        assert array.shape == (2, 3, 4)
        if packed:  # gzip's check sum covers the data
            np.testing.assert_array_equal(array, ARRAY)
