"""Opens a storage: a journal file, an SQLite file or a database server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.errors import StudyError
from search.storage.location import Location
from search.storage.reading import read

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


def connect_arguments(url: str) -> dict[str, Any]:
    """What a database's driver is told so that a server that is gone without a word is noticed within a minute."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql" or not parsed.get_driver_name().startswith("psycopg"):
        return {}
    wanted: dict[str, Any] = {"application_name": "snnsearch", "connect_timeout": 10, "tcp_user_timeout": 60_000}
    wanted |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    return {name: value for name, value in wanted.items() if name not in parsed.query}


def load(storage: BaseStorage, name: str, location: Location) -> optuna.Study:
    """The study `name`, which must exist.

    Raises
    ------
    StudyError
        If there is none of that name; the message lists those that there are.
    """
    import optuna

    from snn.errors import nearest

    names = optuna.get_all_study_names(storage)
    if name not in names:
        raise StudyError(f"{location.shown} must hold the study {name!r}, but does not; {nearest(name, names)}.")
    study = optuna.load_study(study_name=name, storage=storage)
    read(study)
    return study
