import json
import signal
import threading
from functools import partial
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from search.errors import StudyError
from search.storage import outages as patient
from search.storage.attributes import REASON
from search.storage.identity import Identity
from search.storage.journal.file import open_journal
from search.storage.location import Location, file_name, mask
from search.storage.opening import load, open_storage
from search.storage.pending import Spool
from tests.support import postgres
from tests.support.synthetic import Bowl
from tests.support.waiting import wait_for

optuna.logging.set_verbosity(optuna.logging.WARNING)
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<>'\""), min_size=4)


@given(secrets)
def test_a_password_is_never_shown(secret):
    shown = mask(f"cannot open postgresql://ann:{secret}@host/db now")
    assert f":{secret}@" not in shown
    assert shown.startswith("cannot open postgresql://ann:***@")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////x/study.db", "sqlite:////x/study.db"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://host/db?user=ann&password=secret", "postgresql://host/db?user=ann&password=***"),
        ("mysql://ann@host/db", "mysql://ann@host/db"),
    ],
)
def test_masked_urls(url, shown, tmp_path):
    assert Location.of(url, tmp_path / "s").shown == shown


def test_a_password_is_hidden_in_a_drivers_words_too(tmp_path):
    location = Location.of("postgresql://ann:pa%20ss@host/db", tmp_path / "s")
    assert location.hide("login 'pa ss' (pa%20ss) failed") == "login '***' (***) failed"


def test_the_default_is_a_journal_beside_the_script(tmp_path):
    location = Location.of(None, tmp_path / "digits.v2")
    assert location.text == str(tmp_path / "digits.v2.journal")
    assert location.artifacts == tmp_path / "digits.v2.artifacts"
    assert location.states == tmp_path / "digits.v2.states"


@pytest.mark.parametrize("url", ["sqlite:///{}/no/folder/s.db", "nonsense://host/db", "{}/no/folder/s.journal"])
def test_a_storage_that_cannot_be_opened_is_a_users_error(url, tmp_path):
    with pytest.raises(StudyError, match=r"must be one that can be opened|needs a driver"):
        open_storage(Location.of(url.format(tmp_path), tmp_path / "s"), create=True)


def test_reading_a_study_that_was_never_run_creates_nothing(tmp_path):
    for storage in (None, f"sqlite:///{tmp_path}/s.db"):
        with pytest.raises(StudyError, match="must have been run"):
            open_storage(Location.of(storage, tmp_path / "s"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_lists_those_there_are(tmp_path):
    location = Location.of(None, tmp_path / "s")
    storage = open_storage(location, create=True)
    optuna.create_study(study_name="first", storage=storage)
    with pytest.raises(StudyError, match="nearest: 'first'"):
        load(storage, "frist", location)


@pytest.mark.parametrize("keep", [1, 20])
def test_a_line_that_its_writer_did_not_live_to_end_is_cut_off(tmp_path, keep):
    path = tmp_path / "s.journal"
    optuna.create_study(study_name="s", storage=open_journal(path))
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps({"op_code": 4, "study_id": 0}).encode()[:keep])
    study = optuna.load_study(study_name="s", storage=open_journal(path))  # reading leaves it as it is
    study.ask()
    assert len(optuna.load_study(study_name="s", storage=open_journal(path)).trials) == 1
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_writers_wait_for_each_other(tmp_path):
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
    assert len(optuna.load_study(study_name="s", storage=open_journal(path)).trials) == 60


@pytest.mark.parametrize("text", ["postgresql://bob:hunter2 xx@127.0.0.1:abc/0", "mysql://bob:a@b c@host/db"])
def test_a_malformed_url_shows_no_password(text, tmp_path):
    location = Location.of(text, tmp_path / "study")
    with pytest.raises(StudyError) as caught:
        open_storage(location, create=True)
    for secret in ("hunter2", "a@b", "b c"):
        assert secret not in str(caught.value) and secret not in location.shown


def test_a_folder_is_no_storage(tmp_path):
    for storage in (".", tmp_path):
        with pytest.raises(StudyError, match="is a folder"):
            Location.of(storage, tmp_path / "study")


@pytest.mark.parametrize(
    ("text", "kind", "file"),
    [
        ("a/b.journal", "journal", "HERE/a/b.journal"),
        ("sqlite:///study.db", "sqlite", "HERE/study.db"),
        ("sqlite+pysqlite:////x/my%20study.db?timeout=3", "sqlite", "/x/my study.db"),
        ("sqlite:///file:study.db?mode=ro&uri=true", "sqlite", "HERE/study.db"),
        ("sqlite:///file:study.db?mode=memory&uri=true", "sqlite", None),
        ("sqlite://", "sqlite", None),
        ("sqlite:///:memory:", "sqlite", None),
        ("postgresql+psycopg://ann@host/db", "postgresql", None),
    ],
)
def test_what_holds_the_study(text, kind, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    location = Location.of(text, tmp_path / "s")
    expected = None if file is None else Path(file.replace("HERE", str(tmp_path)))
    assert location.kind == kind and location.file == expected
    assert Location.of(location.text, tmp_path / "s") == location


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_names_of_files_differ_as_what_they_stand_for_does(texts):
    first, second = map(file_name, texts)
    assert first != second and len(first) <= 100 and first not in ("", ".", "..") and "/" not in first


# ---- a real server


def secrets_of(server):
    return [postgres.PASSWORD, server.url.partition(f"{postgres.ROLE}:")[2].partition("@")[0]]


@pytest.mark.slow
def test_a_password_stays_in_the_url(server, write, snnsearch, folder):
    """Through a whole search: what is printed, what lies in the database, and what lies beside the script."""
    script = write(task="fail=0.8")
    text = script.read_text().replace("Bowl(", f"storage={server.url!r}, task=Bowl(").replace("task=storage", "storage")
    other = write(text, name="other.py")  # the study keeps its source
    said = [
        snnsearch("run", other, "--trials", 2, "--workers", 1),
        snnsearch("run", write(text + "# changed\n", name="other.py"), "--trials", 2, "--workers", 1),
        snnsearch("run", script, "--storage", server.url, "--trials", 4, "--workers", 1),
        snnsearch("run", script, "--storage", server.url, "--trials", 5, "--workers", 1, "--json"),
        snnsearch("show", script, "--storage", server.url),
        snnsearch("show", script, "--storage", server.url, "--json"),
        snnsearch("replay", script, 0, "--storage", server.url),
        snnsearch("report", script, "--storage", server.url, "-o", folder / "report.html"),
        snnsearch("best", script, "--storage", server.url, "-o", folder / "net.json"),
        snnsearch("show", script, "--storage", server.url, "--name", "nothing"),
    ]
    assert [one.status for one in said] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    tables = [name for (name,) in server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    stored = str([server.sql(f"SELECT * FROM {name}") for name in tables])
    stored += str(server.sql("SELECT application_name FROM pg_stat_activity"))
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert "# changed" in said[1].err and f"{postgres.ROLE}:***@" in stored and said[1].err.count("\n+ ") <= 1
    assert "accuracy" in stored and len(files) > 1
    for secret in secrets_of(server):
        assert secret not in "".join(one.out + one.err for one in said) + stored
        assert not [path for path in files if secret.encode() in path.read_bytes() or secret in path.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "wrong"), [("run", "password"), ("run", "database"), ("show", "port"), ("replay", "password")]
)
def test_a_connection_that_fails_shows_no_password(server, write, snnsearch, command, wrong):
    password = secrets_of(server)[1]
    right, false = {
        "password": (password, password + "x"), "database": ("/studies", "/none"),
        "port": (f":{server.port}/", f":{postgres.free_port()}/"),
    }[wrong]  # fmt: skip
    url = server.url.replace(right, false)
    done = snnsearch(command, write(), *([0] if command == "replay" else []), "--storage", url)
    assert done.status == 2 and "must be one that can be opened" in done.err and f"{postgres.ROLE}:***@" in done.err
    for secret in secrets_of(server):
        assert secret not in done.out + done.err


@pytest.mark.slow
def test_an_outage_during_a_search_is_waited_for(server, write, snnsearch, folder):
    script = write(task=f"sleep=0.1, log={str(folder / 'log')!r}")
    restart = threading.Thread(target=lambda: (wait_for((folder / "log").exists), server.restart(pause=0.5)))
    restart.start()
    done = snnsearch("run", script, "--storage", server.url, "--trials", 12, "--workers", 2, "--json")
    restart.join()
    assert done.status == 0, done.err
    trials = optuna.load_study(
        study_name="bowl", storage=open_storage(Location.of(server.url, script), create=False)
    ).trials
    assert not {trial.number: trial.user_attrs[REASON] for trial in trials if trial.state == TrialState.FAIL}, done.err
    assert json.loads(done.out)["trials"] == {"complete": 12, "fail": 0, "pruned": 0, "running": 0}
    assert "does not answer" in done.err and "answers again" in done.err
    for secret in secrets_of(server):
        assert secret not in done.out + done.err


@pytest.mark.slow
def test_what_could_not_be_told_waits_in_the_spool(server, write, snnsearch, folder, monkeypatch):
    """The server goes for longer than anybody waits: what was run by then is not run again."""
    monkeypatch.setattr(patient, "Patience", partial(patient.Patience, seconds=1.0))
    log, gone = folder / "log", threading.Event()
    # the third run ends when the server is gone
    monkeypatch.setattr(Bowl, "_wait", lambda *_: runs(log) < 3 or gone.wait(60))
    script = write(task=f"log={str(log)!r}")
    command = ("run", script, "--storage", server.url, "--trials", 4, "--workers", 1, "--rungs", 1, "--json")
    away = threading.Thread(target=lambda: (wait_for(lambda: runs(log) >= 3), server.stop(), gone.set()))
    away.start()
    done = snnsearch(*command)
    away.join()
    assert done.status == 2 and "was unreachable for 1 s" in done.err and "Rerun the command to resume" in done.err
    server.start()
    location = Location.of(server.url, script.with_suffix(""))
    shown = json.loads(snnsearch("show", script, "--storage", server.url, "--json").out)
    assert shown["files"]["states"] == str(location.folder("bowl"))
    study = optuna.load_study(study_name="bowl", storage=open_storage(location, create=False))
    spooled = Spool(location.folder("bowl"), Identity.of(study)).load(study.get_trials())
    assert list(spooled) == [2]
    before = runs(log)
    done = snnsearch(*command)
    assert done.status == 0 and json.loads(done.out)["trials"]["complete"] == 4
    seeds = [line.split()[0] for line in log.read_text().splitlines()[:before]]
    again = [line.split() for line in log.read_text().splitlines()[before:]]
    trials = optuna.load_study(
        study_name="bowl", storage=open_storage(Location.of(server.url, script), create=False)
    ).trials
    told = {str(trials[number].user_attrs["seed"]): data for number, data in spooled.items()}
    assert set(told) <= set(seeds) and not [seed for seed, what, *_ in again if what == "train" and seed in told]
    assert all(trials[number].user_attrs["result"] == data["result"] for number, data in spooled.items())
    assert not (folder / "bowl.states").exists()


@pytest.mark.slow
def test_ctrl_c_ends_a_driver_that_waits_for_its_storage(server, write, start):
    script = write(task="sleep=0.3")
    process = start("run", script, "--storage", server.url, "--trials", 50, "--workers", 2)
    said = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr))
    reader.start()
    wait_for(lambda: any("trial 0" in line for line in said))
    server.stop()
    try:
        wait_for(lambda: any("does not answer" in line for line in said))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        server.start()
    reader.join()
    assert "Traceback" not in "".join(said)


def runs(log):
    return log.read_text().count("train") if log.exists() else 0


def test_a_journal_waits_for_the_disk_where_a_trial_ends(tmp_path, monkeypatch):
    """Not before: the writes of a trial that runs survive the end of their process without it."""

    waits = []
    study = optuna.create_study(storage=open_journal(tmp_path / "a.journal"))
    monkeypatch.setattr("os.fsync", lambda descriptor: waits.append(descriptor))
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("a", 1)
    trial.set_constraint("c", 0.5)
    assert not waits
    study.tell(trial, 1.0)
    assert len(waits) == 1
    again = optuna.load_study(study_name=study.study_name, storage=open_journal(tmp_path / "a.journal"))
    (stored,) = again.trials
    assert (stored.values, stored.params, stored.user_attrs) == ([1.0], trial.params, {"a": 1})
