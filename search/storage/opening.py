"""Opens a storage: a journal file, an SQLite file or a database server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import StudyError
from search.storage.address import connect_arguments, engine_url
from search.storage.journal.file import open_journal
from search.storage.location import Location
from search.storage.outages import Outages, Patience, prepare
from search.storage.reading import read
from search.storage.retrying import Patient
from snn.errors import nearest

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


def open_storage(location: Location, create: bool, patience: Patience | None = None) -> BaseStorage:
    """Open a storage.

    Parameters
    ----------
    location : Location
        Where it is.
    create : bool
        Whether to make one that is not there.
    patience : Patience, optional
        How to wait for one that goes away. Without it, that is an error at once.

    Raises
    ------
    StudyError
        If there is none and `create` is false, or if it cannot be opened.
    """
    if not create:
        check_file(location)
    if patience is None:
        with opening(location):
            return _open(location, None)
    outages = Outages(patience, location)
    with opening(location):
        # who drives a study holds its lock: a server that gave it is there, and may be gone for a while only
        served = location.kind == "postgresql"
        storage = outages.wait(lambda: _open(location, patience)) if served else _open(location, patience)
    return Patient(storage, outages)


@contextmanager
def opening(location: Location) -> Iterator[None]:
    """Turn errors of opening a storage into errors for the user that show no password."""
    try:
        yield
    except ImportError as error:
        remedy = ": pip install 'snnsearch[postgresql]'" if location.kind == "postgresql" else ""
        raise StudyError(
            f"The storage {location.shown} needs a driver that is not installed: {location.first_line(error)}{remedy}."
        ) from None
    except StudyError:
        raise
    except Exception as error:  # each database driver has exceptions of its own
        raise StudyError(
            f"The storage {location.shown} must be one that can be opened, but: {location.first_line(error)}."
        ) from None


def _open(location: Location, patience: Patience | None) -> BaseStorage:
    if location.is_url:
        from optuna.storages import RDBStorage, get_storage

        if location.text.startswith("redis"):
            return get_storage(location.text)  # says what to do instead
        # whoever is patient has a stale connection replaced by trying again, and does not ask before each use
        settings = {"pool_pre_ping": patience is None, "connect_args": connect_arguments(location.text)}
        storage = RDBStorage(engine_url(location.text), engine_kwargs=settings)
        if patience is not None:
            prepare(storage.engine, patience)
        return get_storage(storage)  # with the cache that a URL would get
    return open_journal(Path(location.text))


def check_file(location: Location) -> None:
    """Check that the file of a storage exists. A storage on a server has none.

    Raises
    ------
    StudyError
        If the file is missing.
    """
    if location.file is not None and not location.file.is_file():
        raise StudyError(f"A study must have been run before it can be read, but there is no {location.file} yet.")


def load(storage: BaseStorage, name: str, location: Location) -> optuna.Study:
    """The study `name`, which must exist.

    Raises
    ------
    StudyError
        If there is none of that name; the message lists those that there are.
    """
    import optuna

    names = optuna.get_all_study_names(storage)
    if name not in names:
        raise StudyError(f"{location.shown} must hold the study {name!r}, but does not; {nearest(name, names)}.")
    study = optuna.load_study(study_name=name, storage=storage)
    read(study)
    return study
