"""Damaged journals: each damaged line is named, and what can be read is kept."""

import json
import random
import re
import threading

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.errors import StudyError
from search.storage.journal.file import open_journal
from search.storage.journal.lines import Damage, LineChecker, seal, unseal
from search.storage.journal.repair import repair
from tests.support.journals import check_repair, content, trials_of


def flip(lines, place, rng):
    at = rng.randrange(len(lines[place]))
    lines[place] = lines[place][:at] + bytes([lines[place][at] ^ 1 << rng.randrange(8)]) + lines[place][at + 1 :]


def remove(lines, place, rng):
    del lines[place]


def double(lines, place, rng):
    lines.insert(place, lines[place])


def shorten(lines, place, rng):
    at = rng.randrange(1, len(lines[place]))
    lines[place] = lines[place][:at] + b"\n"


def join(lines, place, rng):
    lines[place] = lines[place][:-1] + b"x"


def swap(lines, place, rng):
    lines[place : place + 2] = lines[place : place + 2][::-1]


def blank(lines, place, rng):
    lines[place] = b"\0" * len(lines[place])


DAMAGES = (flip, remove, double, shorten, join, swap, blank)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_damage_anywhere_is_named_and_the_other_trials_are_kept(sound, damage, step, tmp_path):
    data, before = sound
    lines = data.splitlines(keepends=True)
    rng = random.Random(0)
    path = tmp_path / "s.journal"
    for place in range(DAMAGES.index(damage) % step, len(lines) - 1, step):
        damaged = list(lines)
        damage(damaged, place, rng)
        path.write_bytes(b"".join(damaged))
        named = r"s\.journal is damaged: line \d+ .*`snnsearch repair .*s\.journal`"
        with pytest.raises(StudyError, match=named) as caught:
            open_journal(path)
        line = int(re.search(r"line (\d+)", str(caught.value))[1])
        assert place + 1 <= line <= place + 2
        check_repair(b"".join(damaged), before, tmp_path / "repaired.journal")


def test_the_end_of_a_journal_that_was_not_written_is_no_damage(sound, tmp_path):
    data, before = sound
    path = tmp_path / "s.journal"
    for end in {*range(data.rindex(b"\n", 0, -1) + 1, len(data), 9), len(data) - 1}:
        path.write_bytes(data[:end])
        assert len(trials_of(path)) == len(before)
        assert repair(data[:end]).whole


def test_a_last_line_with_another_byte_for_its_newline_is_damage(sound, tmp_path):
    path = tmp_path / "s.journal"
    damaged = sound[0][:-1] + b"x"
    path.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(StudyError, match=rf"line {len(damaged.splitlines())} has another byte"):
            open_journal(path)
    assert path.read_bytes() == damaged
    assert not repair(damaged).whole


def test_damage_that_comes_while_a_journal_is_in_use_is_named_at_each_call(tmp_path):
    path = tmp_path / "s.journal"
    study = optuna.create_study(study_name="s", storage=open_journal(path))
    other = optuna.load_study(study_name="s", storage=open_journal(path))
    study.ask()
    whole = path.read_bytes()
    path.write_bytes(whole[:-30] + b"#" + whole[-29:])
    for _ in range(2):
        with pytest.raises(StudyError, match="line 2 does not match its checksum"):
            _ = other.trials
        with pytest.raises(StudyError, match="line 2 does not match its checksum"):
            other.ask()  # nothing is written behind it
    assert path.read_bytes().count(b"\n") == 2


def test_a_journal_of_an_earlier_version_goes_on(old, tmp_path):
    data, before = old
    path = tmp_path / "s.journal"
    path.write_bytes(data)
    study = optuna.load_study(study_name="s", storage=open_journal(path))
    study.tell(study.ask(), 0.5)
    assert [content(one) for one in trials_of(path)[:-1]] == [content(one) for one in before]
    lines = path.read_bytes()[len(data) :].splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))
    assert json.loads(lines[0])["id"] == len(before)
    path.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if b'"id":' not in line))
    with pytest.raises(StudyError, match="has the number 2, but 1 must follow: a line is missing before it"):
        open_journal(path)


def test_lines_of_optunas_own_between_ours_are_accepted(sound, tmp_path):
    path = tmp_path / "s.journal"
    path.write_bytes(sound[0])
    ours = optuna.load_study(study_name="s", storage=open_journal(path))
    theirs = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    for place in range(3):
        ours.set_user_attr("ours", place)
        theirs.set_user_attr("theirs", place)
        theirs.ask()
        ours.ask()
    again = optuna.load_study(study_name="s", storage=open_journal(path))
    assert again.user_attrs["ours"] == again.user_attrs["theirs"] == 2
    assert len(again.trials) == len(theirs.trials) == len(sound[1]) + 6
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(len(sound[0].splitlines()), len(lines)):
        path.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
        if b'"crc"' in lines[place] and place < len(lines) - 1:
            with pytest.raises(StudyError, match=r"damaged: line \d+"):
                open_journal(path)
        elif b'"crc"' not in lines[place] and b'"op_code":4' in lines[place]:  # a trial of theirs, without a number
            with pytest.raises(StudyError, match=r"after the creation of trial id \d+, but no line before it"):
                open_journal(path)


def test_numbers_go_on_across_writers(tmp_path):
    path = tmp_path / "s.journal"
    optuna.create_study(study_name="s", storage=open_journal(path))

    def add():
        study = optuna.load_study(study_name="s", storage=open_journal(path))
        for _ in range(20):
            study.ask()

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = [unseal(line) for line in path.read_bytes().splitlines()]
    assert [n for _, n in read] == list(range(1, 62))
    assert [log["id"] for log, _ in read[1:]] == list(range(60))


def test_old_journals_name_what_can_be_noticed(old, tmp_path):
    """A line that is no JSON, that Optuna cannot replay, and the loss of a creation that a later line needs."""
    data, before = old
    lines = data.splitlines(keepends=True)
    path = tmp_path / "s.journal"
    rng = random.Random(1)
    for first, damage in enumerate((shorten, join, blank)):
        for place in range(first, len(lines) - 1, 6):
            damaged = list(lines)
            damage(damaged, place, rng)
            path.write_bytes(b"".join(damaged))
            with pytest.raises(StudyError, match=rf"damaged: line {place + 1} is not valid JSON"):
                open_journal(path)
            check_repair(b"".join(damaged), before, tmp_path / "repaired.journal")
    for place in range(len(lines) - 1):
        if b'"op_code":4' in lines[place]:
            path.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
            with pytest.raises(StudyError, match=r"after the creation of trial id \d+"):
                open_journal(path)
        for key in (b"study_id", b"trial_id", b"datetime_start", b"distribution"):
            if b'"%s":' % key in lines[place]:
                path.write_bytes(b"".join([*lines[:place], lines[place].replace(key, b"xx"), *lines[place + 1 :]]))
                with pytest.raises(StudyError, match=r"s.journal is damaged: line \d+"):
                    open_journal(path)


def test_optunas_own_errors_stay_what_they_are(sound, tmp_path):
    path = tmp_path / "s.journal"
    path.write_bytes(sound[0])
    storage = open_journal(path)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        optuna.create_study(study_name="s", storage=storage)
    with pytest.raises(KeyError):
        storage.set_trial_user_attr(1000, "a", 1)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_user_attr(1, "a", 1)
    assert len(trials_of(path)) == len(sound[1])


def test_a_line_is_read_as_it_was_sealed():
    log = {"op_code": 2, "study_id": 0, "user_attr": {"é": '"crc":"00000000"}'}}
    line = seal(log, 7)[:-1]
    assert unseal(line) == ({**log, "n": 7, "crc": json.loads(line)["crc"]}, 7)
    for place in range(len(line)):
        changed = line[:place] + bytes([line[place] ^ 4]) + line[place + 1 :]
        with pytest.raises(Damage):
            unseal(changed)
            LineChecker(n=6).read(changed)
