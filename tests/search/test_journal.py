"""Damaged journals: each damaged line is named, and `repair` keeps what can be read."""

import json
import random
import re
import threading

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search.errors import StudyError
from search.storage.journal.file import open_journal
from search.storage.journal.lines import Damage, LineChecker, seal, unseal
from search.storage.journal.repair import REPAIRED, StudyLost, repair
from search.storage.location import Location

optuna.logging.set_verbosity(optuna.logging.WARNING)


def journal_of(storage):
    """Trials that overlap, as with several workers: complete, pruned, failed, enqueued, added, running."""
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    study.set_user_attr("objectives", ["accuracy"])
    study.enqueue_trial({"x": 0.25})
    study.add_trial(optuna.trial.create_trial(value=0.5, params={}, distributions={}))
    running = []
    for number in range(9):
        trial = study.ask()
        trial.set_user_attr("seed", number)
        trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("kind", ["a", "b"])
        trial.set_user_attr("network", '{"crc":"00000000"}' * number)
        running.append(trial)
        if number % 2:
            ended = running.pop(0)
            ended.report(0.25, 1)
            state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE, TrialState.FAIL)[number // 2]
            study.tell(ended, number / 8 if state == TrialState.COMPLETE else None, state=state)
    return study


def content(trial):
    attrs = {name: value for name, value in trial.user_attrs.items() if name != REPAIRED}
    return trial.state, trial.values, trial.params, attrs, trial.intermediate_values, trial.system_attrs


def trials_of(path):
    return optuna.load_study(study_name="s", storage=open_journal(path)).trials


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a sound journal, and its trials."""
    path = tmp_path_factory.mktemp("sound") / "s.journal"
    journal_of(open_journal(path))
    return path.read_bytes(), trials_of(path)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """The same written by Optuna alone, as in earlier versions."""
    path = tmp_path_factory.mktemp("old") / "s.journal"
    journal_of(JournalStorage(JournalFileBackend(str(path))))
    return path.read_bytes(), trials_of(path)


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


def check_repair(data, before, path):
    repaired = repair(data, ("s", [2]))
    path.write_bytes(repaired.text)
    after = trials_of(path)
    assert not repaired.whole and repaired.kept <= repaired.lines
    harmed = {number for loss in repaired.losses for _, number in loss.trials} | {n for _, n in repaired.recreated}
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert one.number in harmed or content(one) == content(other)
        if other.values is not None:
            assert one.values == other.values
        assert other.params.items() <= one.params.items()
        said = {name: value for name, value in content(other)[3].items() if name != "reason"}
        assert said.items() <= one.user_attrs.items()
    assert len(harmed) <= 5  # those under way


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


# ---- repair


def test_a_lost_result_leaves_the_trial_running_and_a_lost_creation_leaves_it_its_number(sound):
    lines = sound[0].splitlines(keepends=True)
    end = next(place for place, line in enumerate(lines) if b'"values":[0.125]' in line)
    creation = next(place for place, line in enumerate(lines) if b'"id":4,' in line)
    repaired = repair(b"".join(line for place, line in enumerate(lines) if place not in (end, creation)))
    assert repaired.recreated == (("s", 4),)
    assert all(loss.what == "follows 1 lost line" for loss in repaired.losses) and len(repaired.losses) == 2


def test_the_creation_of_the_study_needs_its_script(sound):
    data = sound[0][sound[0].index(b"\n") + 1 :]
    with pytest.raises(StudyLost, match="creates a study is lost"):
        repair(data)
    named = repair(data, ("s", [2]))
    assert b'"study_name":"s","directions":[2]' in named.text


def test_many_lost_lines_keep_the_numbers_of_the_rest(sound, tmp_path):
    lines = sound[0].splitlines(keepends=True)
    last = next(place for place, line in enumerate(lines) if b'"id":8,' in line)
    path = tmp_path / "s.journal"
    repaired = repair(b"".join(lines[:12] + lines[last:]))
    path.write_bytes(repaired.text)
    after = trials_of(path)
    assert [number for _, number in repaired.recreated] == [3, 4, 5, 6, 7] and len(after) == 10
    assert [after[number].user_attrs.get("seed") for number in (0, 2, 7, 8, 9)] == [0, 1, None, 7, 8]
    assert [one.number for one in after if one.state == TrialState.FAIL] == [3, 4, 5, 6, 7]
    assert "reason" in after[5].user_attrs and "reason" not in after[4].user_attrs  # its end was left


def test_a_trial_of_which_nothing_is_known_fails(sound, tmp_path):
    lines = sound[0].splitlines(keepends=True)
    added = next(place for place, line in enumerate(lines) if b'"op_code":4' in line and b'"value":0.5' in line)
    path = tmp_path / "s.journal"
    path.write_bytes(repair(b"".join(lines[:added] + lines[added + 1 :])).text)
    lost = trials_of(path)[1]
    assert lost.state == TrialState.FAIL
    assert lost.user_attrs["reason"] == "All that the journal had of this trial was lost."


def test_repair_writes_a_new_file_and_says_what_is_lost(write, snnsearch, folder):
    script = write()
    assert snnsearch("run", script, "--trials", 4, "--workers", 1).status == 0
    journal = folder / "bowl.journal"
    whole = journal.read_bytes()
    done = snnsearch("repair", script)
    assert done.status == 0 and "nothing to repair" in done.out
    lines = whole.splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if b'"param_name":"x"' in line)
    damaged = b"".join([*lines[:place], lines[place].replace(b"param", b"pARAM"), *lines[place + 1 :]])
    journal.write_bytes(damaged)
    for command in ("run", "show", "report", "best"):
        done = snnsearch(command, script, *(["-o", "report.html"] if command == "report" else []))
        assert done.status == 2 and f"line {place + 1} does not match its checksum" in done.err
        assert len(done.err.splitlines()) == 1
    done = snnsearch("repair", script)
    assert done.status == 0
    assert f"{len(lines) - 1} of {len(lines)} lines can be read" in done.out
    assert f"line {place + 1} does not match its checksum: trial 0 lost a line" in done.out
    assert journal.read_bytes() == damaged
    again = snnsearch("repair", journal, "--json")
    assert again.status == 2 and "never overwrites a file" in again.err and again.out == ""
    again = snnsearch("repair", journal, "--json", "-o", "other.journal")
    assert json.loads(again.out) == {
        "journal": str(journal), "repaired": str(folder / "other.journal"), "lines": len(lines), "kept": len(lines) - 1,
        "losses": [
            {"line": place + 1, "what": "does not match its checksum", "trials": [{"study": "bowl", "trial": 0}],
             "sure": True}
        ],
        "recreated": [],
    }  # fmt: skip
    for command in (["show", script], ["report", script, "-o", "r.html"], ["run", script, "--trials", 5]):
        done = snnsearch(*command, "--storage", "bowl.repaired.journal")
        assert done.status == 0, done.err
    assert not [path for path in folder.iterdir() if path.name.startswith(".bowl")]


def test_repair_finds_the_journal_of_a_script_that_does_not_run(write, snnsearch, folder):
    snnsearch("run", write(), "--trials", 1)
    script = write("import nothing_of_the_kind\n")
    done = snnsearch("repair", script)
    assert done.status == 0 and "does not run" in done.err and "nothing to repair" in done.out


def test_repair_takes_the_name_of_a_lost_study_from_its_script(write, snnsearch, folder):
    script = write()
    snnsearch("run", script, "--trials", 2)
    journal = folder / "bowl.journal"
    journal.write_bytes(journal.read_bytes().split(b"\n", 1)[1])
    done = snnsearch("repair", journal)
    assert done.status == 2 and "creates a study is lost" in done.err and "snnsearch repair SCRIPT" in done.err
    assert snnsearch("repair", script).status == 0
    shown = json.loads(snnsearch("show", script, "--storage", "bowl.repaired.journal", "--json").out)
    assert shown["study"] == "bowl" and sum(shown["trials"].values()) == 2


def test_databases_are_not_repaired(write, snnsearch, folder):
    write()
    done = snnsearch("repair", "bowl.py", "--storage", "sqlite:///s.db")
    assert done.status == 2 and "is for journals" in done.err and ".recover" in done.err
    done = snnsearch("repair", "nothing.journal")
    assert done.status == 2 and f"there is no {folder / 'nothing.journal'}" in done.err
    assert not Location.of("nothing.journal", folder).file.exists()
