"""Results that wait: what was kept is loaded, whatever happened in between."""

from __future__ import annotations

import json
import os
import signal
import time

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from search.storage.identity import Identity
from search.storage.journal.file import open_journal
from search.storage.location import Location
from search.storage.pending import Spool
from tests.support.waiting import wait_for

IDENTITY, OTHER = Identity("a" * 32), Identity("b" * 32)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def numbered(number, **params):
    """A trial that runs, with floats as parameters."""
    spaces = {name: FloatDistribution(-1e9, 1e9) for name in params}
    trial = create_trial(state=TrialState.RUNNING, params=params, distributions=spaces)
    trial.number = number
    return trial


TRIALS = [numbered(number, x=number / 7) for number in range(50)]


@settings(max_examples=25, deadline=None)  # each waits for the disk
@given(results=st.dictionaries(st.integers(0, 49), st.dictionaries(st.text(), VALUES), max_size=5))
def test_what_was_kept_is_loaded(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("spool") / "states" / "study"
    spool = Spool(folder, IDENTITY)
    assert spool.load(TRIALS) == {}
    for number, data in results.items():
        spool.keep(TRIALS[number], {"an earlier": "result"})
        spool.keep(TRIALS[number], data)
    assert Spool(folder, IDENTITY).load(TRIALS) == results and list(spool.load(TRIALS)) == sorted(results)
    for number in results:
        spool.remove(TRIALS[number])
        spool.remove(TRIALS[number])
    assert spool.load(TRIALS) == {} and not list(folder.glob("*"))


def test_studies_of_one_storage_have_folders_of_their_own(tmp_path):
    location = Location.of(None, tmp_path / "digits")
    names = ["first", "second/../first", "..", ".", "", "First", "a" * 300, "a" * 301]
    for number, name in enumerate(names):
        Spool(location.folder(name), IDENTITY).keep(TRIALS[number], {"name": name})
    assert location.states == tmp_path / "digits.states"
    assert sorted(path.parent for path in location.states.iterdir()) == [location.states] * len(names)
    for number, name in enumerate(names):
        assert Spool(location.folder(name), IDENTITY).load(TRIALS) == {number: {"name": name}}


def test_what_belongs_to_another_study_or_to_other_parameters_is_neither_loaded_nor_removed(tmp_path):
    said = []
    spool = Spool(tmp_path, IDENTITY, said.append)
    spool.keep(TRIALS[3], {"mine": 3})
    Spool(tmp_path, OTHER).keep(TRIALS[3], {"another": 3})
    spool.keep(numbered(4, x=0.25), {"before a backup was put back": 4})
    spool.keep(numbered(50, x=0.25), {"that has no trial any more": 50})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert spool.load(TRIALS) == {3: {"mine": 3}} and not said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before and len(before) == 4
    spool.remove(TRIALS[3])
    assert len(list(tmp_path.iterdir())) == 3 and Spool(tmp_path, OTHER).load(TRIALS) == {3: {"another": 3}}


def test_a_live_trial_and_the_same_one_read_again_have_one_mark(tmp_path):
    """A value that was enqueued as a whole number is a float when it is read again."""
    study = optuna.create_study(study_name="s", storage=open_journal(tmp_path / "s.journal"))
    study.enqueue_trial({"x": 1, "n": 3.0, "kind": None})
    trial = study.ask()
    trial.suggest_float("x", 0, 2), trial.suggest_int("n", 0, 5), trial.suggest_categorical("kind", ["a", None, 2.5])
    (read,) = optuna.load_study(study_name="s", storage=open_journal(tmp_path / "s.journal")).trials
    assert repr(trial.params) != repr(read.params) and IDENTITY.mark(trial) == IDENTITY.mark(read)
    assert IDENTITY.find(IDENTITY.mark(trial), 0, [read]) is read
    assert OTHER.find(IDENTITY.mark(trial), 0, [read]) is None


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"number": 7, "mark": "MARK", "data": {}', '{"number": 8, "mark": "MARK", "data": {}}',
     '{"number": 7, "mark": "MARK", "data": 1}', '{"number": 7, "data": {}}', "[" * 100_000, "\x80\x04K\x01."],
)  # fmt: skip
def test_a_file_that_is_no_result_is_set_aside_and_said(tmp_path, text):
    said = []
    spool = Spool(tmp_path, IDENTITY, said.append)
    spool.keep(TRIALS[3], {"values": [1.0]})
    name = f"result-7.{IDENTITY.mark(TRIALS[7])}"
    text = text.replace("MARK", IDENTITY.mark(TRIALS[7]))
    (tmp_path / f"{name}.json").write_text(text, encoding="latin1")
    (tmp_path / "state-7.npz").write_bytes(b"another's")
    assert spool.load(TRIALS) == {3: {"values": [1.0]}}
    assert len(said) == 1 and f"{name}.json must hold the result of a trial" in said[0]
    assert (tmp_path / f"{name}.bad").read_text(encoding="latin1") == text
    assert spool.load(TRIALS) == {3: {"values": [1.0]}} and len(said) == 1


def test_a_link_is_not_followed(tmp_path):
    mark = IDENTITY.mark(TRIALS[7])
    (tmp_path / "secret").write_text(json.dumps({"number": 7, "mark": mark, "data": {}}))
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / f"result-7.{mark}.json").symlink_to(tmp_path / "secret")
    assert Spool(tmp_path / "spool", IDENTITY).load(TRIALS) == {}


def test_what_is_not_json_leaves_nothing_behind(tmp_path):
    spool = Spool(tmp_path / "spool", IDENTITY)
    with pytest.raises(TypeError):
        spool.keep(TRIALS[1], {"values": {1, 2}})
    assert spool.load(TRIALS) == {} and not list(spool.folder.glob("*"))


def test_a_writer_that_is_killed_leaves_whole_results_only(tmp_path):
    for moment in (0.01, 0.03, 0.1):
        pid = os.fork()
        if pid == 0:
            spool = Spool(tmp_path, IDENTITY)
            for number in range(10**6):
                spool.keep(TRIALS[number % 50], {"values": [number] * 1000})
            os._exit(0)
        wait_for(lambda: Spool(tmp_path, IDENTITY).load(TRIALS))  # it writes
        time.sleep(moment)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        said = []
        found = Spool(tmp_path, IDENTITY, said.append).load(TRIALS)
        assert not said and all(len(set(data["values"])) == 1 for data in found.values())
    assert found
