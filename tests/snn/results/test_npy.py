"""Arrays from files without Python's parser: what NumPy writes is read as NumPy reads it, and nothing else is read."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from snn.backends.state import State
from snn.npy import read_npz
from tests.support.programs import ROOT

ARRAYS = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "none": np.zeros((0, 7), np.int32),
    "one": np.array(5),
    "flags": np.array([True, False]),
    "bytes": np.arange(4, dtype=np.uint8),
    "text": np.array("läuft"),
    "other order": np.arange(3, dtype=">i8"),
    "half": np.ones((1, 1, 1), np.float16),
}


def members(**contents: bytes) -> io.BytesIO:
    """A zip file of that."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in contents.items():
            archive.writestr(f"{name}.npy", data)
    return file


def written(array, version=(1, 0)) -> bytes:
    """An array as NumPy writes it."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_that_numpy_reads(save):
    file = io.BytesIO()
    save(file, **ARRAYS)
    found = read_npz(file)
    file.seek(0)
    with np.load(file) as data:
        assert list(found) == data.files == list(ARRAYS)
        for name, array in found.items():
            assert array.dtype == data[name].dtype and array.shape == data[name].shape
            assert array.flags.f_contiguous == data[name].flags.f_contiguous and array.flags.writeable
            np.testing.assert_array_equal(array, data[name])


def test_both_versions_of_the_header():
    found = read_npz(members(old=written(np.arange(3)), new=written(np.arange(3), (2, 0))))
    assert found["old"].tolist() == found["new"].tolist() == [0, 1, 2]


def test_the_parser_is_not_called(tmp_path, monkeypatch):
    State(7, {"x": np.arange(3.0)}).save(tmp_path / "state")
    monkeypatch.setattr(ast, "parse", None)
    monkeypatch.setattr(ast, "literal_eval", None)
    state = State.load(tmp_path / "state")
    assert state.step == 7 and state.arrays["x"].tolist() == [0, 1, 2]


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


HOSTILE = {
    "objects": written(np.array([1, "a"], object)),
    "fields": written(np.zeros(2, [("a", "f8"), ("b", "i4")])),
    "complex numbers": written(np.ones(2, complex)),
    "cut short": written(np.arange(9.0))[:-1],
    "too long": written(np.arange(9.0)) + b"x",
    "a size beyond all memory": header("{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999999,), }\n"),
    "a size that overflows": header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }\n"),
    "a text of any length": header("{'descr': '<U999999999', 'fortran_order': False, 'shape': (99999,), }\n"),
    "a negative size": header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n"),
    "code": header("{'descr': print(), 'fortran_order': False, 'shape': (1,), }\n"),
    "a header that is cut short": written(np.arange(9.0))[:40],
    "a header that is too long": b"\x93NUMPY\x02\x00" + (10**9).to_bytes(4, "little") + b" " * 20_000,
    "an unknown version": b"\x93NUMPY\x09\x00" + bytes(100),
    "nothing": b"",
    "a pickle": b"\x80\x04K\x05.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_refused(content):
    with pytest.raises((ValueError, EOFError, TypeError)):
        read_npz(members(x=content))


def test_a_member_that_is_not_an_array_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.pkl", b"")
    with pytest.raises(ValueError, match=r"x\.pkl is not an array"):
        read_npz(file)


MEET = """
import ast, gc, runpy, sys, threading
for _ in "ab":  # a second call changes nothing
    runpy.run_path("snn/system/ast_guard.py")["guard_ast"]()
inside, done, errors = threading.Event(), threading.Event(), []

class Garbage:  # collected while one thread parses, it lets the other thread parse
    def __init__(self):
        self.me = self

    def __del__(self):
        if threading.current_thread().name == "deep" and not inside.is_set():
            frame = sys._getframe()
            while frame is not None and frame.f_code.co_name != "parse":
                frame = frame.f_back
            if frame is not None:
                inside.set()
                done.wait(0.5)

def parse(text):
    try:
        ast.parse(text)
    except SystemError as error:
        errors.append(str(error))

def deep(depth):
    if depth:
        return deep(depth - 1)
    while not done.is_set():
        Garbage()
        parse("[1, 2, (3, 4), {5: 6}, f(7, 8, x=[9])]")

def other():
    inside.wait()
    parse("x")
    done.set()

gc.set_threshold(20)
threads = [threading.Thread(target=deep, args=(50,), name="deep"), threading.Thread(target=other)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(inside.is_set(), errors)
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later versions collect no garbage while they parse")
def test_two_threads_that_parse_at_the_same_time():
    """Without the guard this ends in a SystemError, on Python 3.11.7 for one, at the first try."""
    ended = subprocess.run([sys.executable, "-c", MEET], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == "True []", ended.stderr


def test_a_fork_can_parse_while_another_thread_does():
    """The lock is free in the fork, whoever held it."""
    code = """
import ast, os, runpy, threading
runpy.run_path("snn/system/ast_guard.py")["guard_ast"]()
over = threading.Event()
def parse():
    while not over.is_set():
        ast.parse("[1, 2, 3]*100")
threading.Thread(target=parse).start()
for _ in range(30):
    child = os.fork()
    if not child:
        ast.parse("x")
        os._exit(0)
    os.waitpid(child, 0)
over.set()
print("done")
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.stdout.strip() == "done", ended.stderr
