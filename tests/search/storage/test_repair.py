"""`snnsearch repair` keeps what can be read, in a new file, and says what is lost."""

import json

import pytest
from optuna.trial import TrialState

from search.storage.journal.repair import StudyLost, repair
from search.storage.location import Location
from tests.support.journals import trials_of


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
