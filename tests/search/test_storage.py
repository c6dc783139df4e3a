import json
import threading

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import StudyError
from search.journal import open_journal
from search.storage import Location, load, mask

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
        ("sqlite:///study.db", "sqlite:///study.db"),
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


@pytest.mark.parametrize("url", ["sqlite:///{}/no/folder/s.db", "nonsense://host/db", "{}/no/folder/s.journal"])
def test_a_storage_that_cannot_be_opened_is_a_users_error(url, tmp_path):
    with pytest.raises(StudyError, match=r"must be one that can be opened|needs a driver"):
        Location.of(url.format(tmp_path), tmp_path / "s").open(create=True)


def test_reading_a_study_that_was_never_run_creates_nothing(tmp_path):
    for storage in (None, f"sqlite:///{tmp_path}/s.db"):
        with pytest.raises(StudyError, match="must have been run"):
            Location.of(storage, tmp_path / "s").open(create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_lists_those_there_are(tmp_path):
    location = Location.of(None, tmp_path / "s")
    storage = location.open(create=True)
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
        location.open(create=True)
    for secret in ("hunter2", "a@b", "b c"):
        assert secret not in str(caught.value) and secret not in location.shown


def test_a_folder_is_no_storage(tmp_path):
    for storage in (".", tmp_path):
        with pytest.raises(StudyError, match="is a folder"):
            Location.of(storage, tmp_path / "study")
