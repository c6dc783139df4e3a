"""Journals that several tests damage."""

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.storage.journal.file import open_journal
from tests.support.journals import journal_of, trials_of


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """The bytes of a sound journal, and its trials."""
    path = tmp_path_factory.mktemp("sound") / "s.journal"
    journal_of(open_journal(path))
    return path.read_bytes(), trials_of(path)


@pytest.fixture(scope="session")
def old(tmp_path_factory):
    """The same written by Optuna alone, as in earlier versions."""
    path = tmp_path_factory.mktemp("old") / "s.journal"
    journal_of(JournalStorage(JournalFileBackend(str(path))))
    return path.read_bytes(), trials_of(path)
