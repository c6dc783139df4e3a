"""Addresses of storages: paths of journals and URLs of databases, made absolute and compared."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from search.errors import StudyError
from snn.system.paths import absolute

_SQLITE = re.compile(r"(?i)(sqlite(?:\+\w+)?):///([^?]*)(?:\?(.*))?", re.DOTALL)
_SAME_DATABASE = ("host", "hostaddr", "port", "dbname", "service", "options")  # what else says which database is meant


def absolute_storage(storage: str | Path) -> str:
    """Return a storage as an absolute path or URL.

    The path of a journal and that of an SQLite database may begin with `~`, and may be relative to the working folder.

    Raises
    ------
    StudyError
        If the URL of an SQLite database has a `%` or `?` that should have been written `%25` or `%3F`.
    """
    text = str(storage)
    if "://" not in text:
        return str(absolute(text))
    path, found = sqlite_path(text), _SQLITE.fullmatch(text)
    if path is None or found is None:
        return text
    scheme, name, query = found.groups()
    _check_escapes(text, name, path, query)
    whole = str(absolute(path))
    database = f"file:{_escape(whole)}" if _is_uri(name, query) else whole
    return f"{scheme}:///{_escape(database)}" + ("" if query is None else f"?{query}")


def absolute_reference(other: str | Path) -> str:
    """Return another study, a script or a storage with or without `#name` after it, as an absolute path or URL."""
    url, mark, name = str(other).rpartition("#")
    return f"{absolute_storage(url)}#{name}" if mark and "://" in url else absolute_storage(other)


def sqlite_path(url: str) -> str | None:
    """Return the path in the URL of an SQLite database; None for one in memory, and for other URLs."""
    found = _SQLITE.fullmatch(url)
    if found is None:
        return None
    name, query = unquote(found[2]), found[3]
    if _is_uri(found[2], query):
        if dict(parse_qsl(query or "")).get("mode") == "memory":
            return None
        name = unquote(name.removeprefix("file:"))
    return None if name in ("", ":memory:") else name


def engine_url(url: str) -> str:
    """Return the URL as Optuna takes it: it fills in templates, so that braces must be doubled."""
    return url.replace("{", "{{").replace("}", "}}")


def connect_arguments(url: str) -> dict[str, Any]:
    """Return the connection settings with which a lost server is noticed within a minute."""
    from sqlalchemy import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql" or not parsed.get_driver_name().startswith("psycopg"):
        return {}
    wanted: dict[str, Any] = {"application_name": "snnsearch", "connect_timeout": 10, "tcp_user_timeout": 60_000}
    wanted |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    return {name: value for name, value in wanted.items() if name not in parsed.query}


def server_identity(url: str) -> tuple[str, ...]:
    """Return what tells the databases of servers apart: kind, host, port, database; neither driver, user nor password.

    Two users of one database mean the same study.
    """
    from sqlalchemy import make_url

    parsed = make_url(url)
    kind = parsed.get_backend_name()
    port = parsed.port or (5432 if kind == "postgresql" else "")
    more = sorted((name, str(value)) for name, value in parsed.query.items() if name in _SAME_DATABASE)
    database = parsed.database or parsed.username or ""
    return (kind, (parsed.host or "").lower(), str(port), database, *(f"{name}={value}" for name, value in more))


def _escape(path: str) -> str:
    """The path as a part of a URL that can still be read."""
    return re.sub(r"[%?#]", lambda found: quote(found[0]), path)


def _is_uri(name: str, query: str | None) -> bool:
    """Whether SQLite itself is given a URI: SQLAlchemy's `uri=true`."""
    asked = dict(parse_qsl(query or "")).get("uri", "").lower()
    return unquote(name).startswith("file:") and asked in ("true", "1", "yes", "on", "y", "t")


def _check_escapes(url: str, name: str, path: str, query: str | None) -> None:
    """Refuse a `%` that was meant as itself (it makes no text, or only the folder with it is there), and such a `?`."""
    folder, literal = (os.path.dirname(absolute(one)) for one in (path, name))
    if "\ufffd" in path or (folder != literal and os.path.isdir(literal) and not os.path.isdir(folder)):
        raise StudyError(
            f"In the URL of a database `%` and two hexadecimal digits stand for a character, but {url} names no folder "
            f"that way: if `%` is part of its path, write {url.replace('%', '%25')}."
        )
    if query and not all("=" in setting for setting in query.split("&")):
        raise StudyError(
            f"In the URL of a database settings such as timeout=3 follow a `?`, but {url} has {query!r} there: if `?` "
            "is part of its path, write %3F."
        )
