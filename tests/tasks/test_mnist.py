"""MNIST: what a folder may hold, what is said of a folder that is wrong, and fetching from a server."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from snn.errors import DataError
from tasks import Mnist
from tasks.mnist import FOLDER_VARIABLE, fetch, find_folder, load_mnist
from tests.support.idx_files import idx_bytes, write_part
from tests.support.task_contract import TaskContract


class TestMnistOfTestFiles(TaskContract):
    @pytest.fixture
    def task(self, tmp_path):
        write_part(tmp_path, "t10k", 300)
        return Mnist(folder=tmp_path)


class TestMnistOfAllFiles(TaskContract):
    @pytest.fixture
    def task(self, tmp_path):
        write_part(tmp_path, "train", 300)
        write_part(tmp_path, "t10k", 50)
        return Mnist(folder=str(tmp_path))


def test_split_of_the_test_files_alone(tmp_path):
    write_part(tmp_path, "t10k", 10_000)
    split = Mnist(folder=tmp_path).split(10_000)
    order = np.random.default_rng(0).permutation(10_000)
    np.testing.assert_array_equal(split.stream, order[:7_000])
    np.testing.assert_array_equal(split.validation, order[7_000:8_000])
    np.testing.assert_array_equal(split.test, order[8_000:])


def test_split_of_all_files(tmp_path):
    write_part(tmp_path, "train", 600)
    write_part(tmp_path, "t10k", 100)
    split = Mnist(folder=tmp_path).split(700)
    assert (len(split.stream), len(split.validation)) == (500, 100)
    assert set(split.stream) | set(split.validation) == set(range(600))
    np.testing.assert_array_equal(split.test, np.arange(600, 700))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_values_labels_and_order(tmp_path, packed):
    write_part(tmp_path, "t10k", 300, packed=packed)
    values, labels, n_train = load_mnist(tmp_path)
    assert values.shape == (300, 784)
    assert values.dtype == np.float64
    assert values.min() == 0 and values.max() == 1
    np.testing.assert_array_equal(values[:, 0] * 255, np.arange(300) % 256)
    np.testing.assert_array_equal(labels, np.arange(300) % 10)
    assert n_train == 0


def test_training_files_come_first(tmp_path):
    write_part(tmp_path, "t10k", 20)
    write_part(tmp_path, "train", 60, first_label=3)
    values, labels, n_train = load_mnist(tmp_path)
    assert n_train == 60
    np.testing.assert_array_equal(labels[:60], (np.arange(60) + 3) % 10)
    np.testing.assert_array_equal(labels[60:], np.arange(20) % 10)
    np.testing.assert_array_equal(values[:, 783] * 255, [*range(60), *range(20)])


def error_of(folder) -> str:
    with pytest.raises(DataError) as caught:
        load_mnist(folder)
    return str(caught.value)


@pytest.mark.parametrize("missing", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte"])
def test_missing_file(tmp_path, missing):
    write_part(tmp_path, "t10k", 20)
    write_part(tmp_path, "train", 20)
    (tmp_path / f"{missing}.gz").unlink()
    assert error_of(tmp_path) == f"{tmp_path / missing}: expected this file, or the same with .gz, found neither."


def test_truncated_file(tmp_path):
    write_part(tmp_path, "t10k", 20)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert error_of(tmp_path).startswith(f"{path}: expected a whole gzip file, found a truncated or damaged one")


def test_labels_that_do_not_fit_the_images(tmp_path):
    write_part(tmp_path, "t10k", 20, packed=False)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(19)))
    assert error_of(tmp_path) == f"{path}: expected 20 labels, one an image in t10k-images-idx3-ubyte, found 19."


def test_a_label_that_is_no_digit(tmp_path):
    write_part(tmp_path, "t10k", 20, packed=False)
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.array([0] * 18 + [10, 11])))
    assert error_of(tmp_path) == f"{path}: expected labels from 0 to 9, found 10 at position 18."


def test_too_few_images_to_split(tmp_path):
    write_part(tmp_path, "t10k", 9)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    assert error_of(tmp_path) == f"{path}: expected at least 10 images, so as to split them, found 9."


def test_images_of_another_size(tmp_path):
    write_part(tmp_path, "t10k", 20, packed=False)
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(idx_bytes(np.zeros((20, 32, 32))))
    assert error_of(tmp_path) == f"{path}: expected any x 28 x 28 values, found 20 x 32 x 32."


def test_the_argument_goes_before_the_variable(tmp_path, monkeypatch):
    (tmp_path / "variable").mkdir()
    (tmp_path / "argument").mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "variable"))
    assert find_folder(None) == tmp_path / "variable"
    assert find_folder(str(tmp_path / "argument")) == tmp_path / "argument"


def test_a_folder_that_is_not_there_says_who_named_it(tmp_path, monkeypatch):
    variable, argument = tmp_path / "variable", tmp_path / "argument"
    monkeypatch.setenv(FOLDER_VARIABLE, str(variable))
    for folder, path, source in ((None, variable, FOLDER_VARIABLE), (str(argument), argument, "`folder`")):
        with pytest.raises(DataError) as caught:
            find_folder(folder)
        assert str(caught.value).startswith(f"{path}: expected a folder with MNIST's IDX files ({source} names it)")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of ten digits on this machine: its address, and the check sums of its files."""
    served = tmp_path / "served"
    served.mkdir()
    write_part(served, "t10k", 10)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served))
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    checksums = {path.name: "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() for path in served.iterdir()}
    yield f"http://127.0.0.1:{httpd.server_port}/", checksums
    httpd.shutdown()
    httpd.server_close()


def test_fetches_what_is_missing_or_damaged_from_the_first_mirror_that_has_it(tmp_path, server):
    address, checksums = server
    mirrors = (address + "nothing-here/", address)
    folder = fetch(tmp_path / "cache", mirrors, checksums)
    assert len(load_mnist(folder)[1]) == 10
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    assert len(load_mnist(fetch(folder, mirrors, checksums))[1]) == 10


def test_a_file_with_another_checksum_is_not_kept(tmp_path, server):
    address, checksums = server
    other = dict.fromkeys(checksums, "sha256:" + "0" * 64)
    with pytest.raises(DataError, match=rf"expected to fetch it with sha256:0+, found {re.escape(address)}: .*hash"):
        fetch(tmp_path / "cache", (address,), other)
    assert not list((tmp_path / "cache").glob("*"))


def test_no_server_names_the_way_out(tmp_path, server):
    with pytest.raises(DataError, match=f"a folder and name it by `folder=` or {FOLDER_VARIABLE}"):
        fetch(tmp_path / "cache", ("http://127.0.0.1:9/",), server[1])


@pytest.mark.skipif(FOLDER_VARIABLE not in os.environ, reason=f"{FOLDER_VARIABLE} names no folder with MNIST's files")
def test_the_real_files():
    values, labels, n_train = load_mnist(find_folder(None))
    assert len(labels) - n_train == 10_000
    assert n_train in (0, 60_000)
    np.testing.assert_array_equal(labels[n_train : n_train + 10], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # of the digits, in the official test set
    np.testing.assert_array_equal(np.bincount(labels[n_train:]), counts)
    assert values.shape[1] == 784 and values.min() == 0 and values.max() == 1
