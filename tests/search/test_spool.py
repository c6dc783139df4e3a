"""Results that wait: what was kept is loaded, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.spool import Spool
from search.storage import Location
from tests.search.test_crash import wait_for

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=25, deadline=None)  # each waits for the disk
@given(results=st.dictionaries(st.integers(0, 10**6), st.dictionaries(st.text(), VALUES), max_size=5))
def test_what_was_kept_is_loaded(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("spool") / "states" / "study"
    spool = Spool(folder)
    assert spool.load() == {}
    for number, data in results.items():
        spool.keep(number, {"an earlier": "result"})
        spool.keep(number, data)
    assert Spool(folder).load() == results and list(spool.load()) == sorted(results)
    for number in results:
        spool.remove(number)
        spool.remove(number)
    assert spool.load() == {} and not list(folder.glob("*"))


def test_studies_of_one_storage_have_folders_of_their_own(tmp_path):
    location = Location.of(None, tmp_path / "digits")
    names = ["first", "second/../first", "..", ".", "", "First", "a" * 300, "a" * 301]
    for number, name in enumerate(names):
        Spool(location.folder(name)).keep(number, {"name": name})
    assert location.states == tmp_path / "digits.states"
    assert sorted(path.parent for path in location.states.iterdir()) == [location.states] * len(names)
    for number, name in enumerate(names):
        assert Spool(location.folder(name)).load() == {number: {"name": name}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"number": 7, "data": {}', '{"number": 8, "data": {}}', '{"number": 7, "data": 1}', "[" * 100_000,
     "\x80\x04K\x01."],
)  # fmt: skip
def test_a_file_that_is_no_result_is_set_aside_and_said(tmp_path, text):
    said = []
    spool = Spool(tmp_path, said.append)
    spool.keep(3, {"values": [1.0]})
    (tmp_path / "result-7.json").write_text(text, encoding="latin1")
    (tmp_path / "state-7.npz").write_bytes(b"another's")
    assert spool.load() == {3: {"values": [1.0]}}
    assert len(said) == 1 and "result-7.json must hold the result of a trial" in said[0]
    assert (tmp_path / "result-7.bad").read_text(encoding="latin1") == text
    assert spool.load() == {3: {"values": [1.0]}} and len(said) == 1


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text(json.dumps({"number": 7, "data": {}}))
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "result-7.json").symlink_to(tmp_path / "secret")
    assert Spool(tmp_path / "spool").load() == {}


def test_what_is_not_json_leaves_nothing_behind(tmp_path):
    spool = Spool(tmp_path / "spool")
    with pytest.raises(TypeError):
        spool.keep(1, {"values": {1, 2}})
    assert spool.load() == {} and not list(spool.folder.glob("*"))


def test_a_writer_that_is_killed_leaves_whole_results_only(tmp_path):
    for moment in (0.01, 0.03, 0.1):
        pid = os.fork()
        if pid == 0:
            spool = Spool(tmp_path)
            for number in range(10**6):
                spool.keep(number % 50, {"values": [number] * 1000})
            os._exit(0)
        wait_for(lambda: Spool(tmp_path).load())  # it writes
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        said = []
        found = Spool(tmp_path, said.append).load()
        assert not said and all(len(set(data["values"])) == 1 for data in found.values())
    assert found
