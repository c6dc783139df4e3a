"""The lock of an entry: who holds it, and what waiting for it ends with."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from dataclasses import asdict, replace

import pytest

from snn.backends.options import PLAIN, RunOptions
from snn.backends.standalone.cache import store
from snn.backends.standalone.cache.store import find_or_build
from snn.errors import BuildError, RunTimeout
from snn.system.lock import Holder, Lock, process_start_time
from tests.support.programs import held, meanwhile


def test_one_at_a_time_and_free_once_its_holder_is_dead(tmp_path):
    path = tmp_path / "lock"
    with meanwhile(lambda: held(path)) as pid:
        assert not Lock(path).acquire()
        assert Lock(path).holder().pid == pid
    assert path.exists() and Lock(path).acquire()


def test_two_threads_exclude_each_other_too(tmp_path):
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.acquire() and not second.acquire()
    first.release(remove=False)
    assert second.acquire()


def test_a_lock_that_was_removed_while_one_waited_is_made_again(tmp_path):
    path = tmp_path / "lock"
    first = held(path)
    first.release(remove=True)
    assert not path.exists()
    second = held(path)
    assert path.exists() and not Lock(path).acquire()
    second.release(remove=False)
    assert path.read_bytes() == b"", "nobody holds it, and nobody is named"


def test_waiting_ends_with_who_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(store, "LOCK_TIMEOUT", 0.3)
    key = "0" * 24
    with meanwhile(lambda: held(tmp_path / f"{key}.lock")) as pid, pytest.raises(BuildError) as caught:
        find_or_build(key, "{}", "float32", PLAIN)
    text = str(caught.value)
    today = time.strftime("%Y-%m-%d")
    who = rf"process {pid} of \S+ on {re.escape(socket.gethostname())}, since {today} \d\d:\d\d:\d\d \(it still runs\)"
    assert re.search(who, text) and str(tmp_path / key) in text and "End it, or set SNNSEARCH_CACHE" in text


def test_waiting_ends_with_the_runs_time(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path))
    key = "0" * 24
    with meanwhile(lambda: held(tmp_path / f"{key}.lock")), pytest.raises(RunTimeout):
        find_or_build(key, "{}", "float32", RunOptions(timeout=0.3))


def test_a_holder_is_dead_alive_or_elsewhere():
    here = Holder.here()
    assert here.pid == os.getpid() and here.ticks == process_start_time(os.getpid())
    assert "(it still runs)" in str(here)
    assert "it has ended" in str(replace(here, ticks=here.ticks - 1)), "a later process of the same number"
    assert "is known there" in str(replace(here, host="elsewhere"))


@pytest.mark.parametrize("change", [
    {"user": "\x1b[2Jann"}, {"host": 3}, {"pid": "7"}, {"since": None},
])  # fmt: skip
def test_a_holder_that_somebody_made_up_is_none(change):
    fields = asdict(Holder.here())
    assert Holder.parse(json.dumps(fields).encode()) == Holder(**fields)
    assert Holder.parse(json.dumps(fields | change).encode()) is None
    assert Holder.parse(b"[1]") is Holder.parse(b"") is Holder.parse(b"\xff") is None


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_lock_that_is_a_link_writes_into_nobodys_file(copy, link, tmp_path):
    """Somebody else might plant it in a folder that is shared."""
    mine = tmp_path / "mine"
    mine.write_text("precious")
    link(mine, copy.parent / f"{copy.name}.lock")
    assert find_or_build(copy.name, "{}", "float32", PLAIN)[1] is False
    shutil.rmtree(copy)
    with pytest.raises(BuildError, match=rf"cannot be used: .*{copy.name}\.lock"):
        find_or_build(copy.name, "{}", "float32", PLAIN)
    assert mine.read_text() == "precious"
