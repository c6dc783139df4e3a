"""The location of a study: a journal file, or the URL of an SQLite or PostgreSQL database."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from search.errors import StudyError
from search.storage.address import absolute_storage, server_identity, sqlite_path
from snn.system.paths import absolute

# Greedy up to the last @: a password that should have been escaped is then hidden too.
_LOGIN = re.compile(r"([A-Za-z][\w+.-]*://)([^\s'\"<>:@/]*):([^\s'\"<>]*)@")
_WHOLE = re.compile(r"^([^:]*://[^:/@]*):.*@", re.DOTALL)  # a text that is one URL, well-formed or not
_QUERY = re.compile(r"(?i)([?&;](?:password|passwd|pwd|token|secret|sslpassword)=)([^&\s'\"]+)")


def mask(text: str) -> str:
    """The text with the passwords of every URL in it replaced by ***."""
    return _QUERY.sub(r"\1***", _LOGIN.sub(r"\1\2:***@", text))


@dataclass(frozen=True)
class Location:
    """One storage.

    Parameters
    ----------
    text : str
        A URL (`sqlite:////home/ann/study.db`, `postgresql://user:password@host/db`), or the path of a journal file.
    artifacts : Path
        Folder of the images that belong to trials. Several storages may share it: an image has a random name.
    states : Path
        Folder of what trials in flight need. Several storages may share it: each study has its own `folder` in it.
    """

    text: str
    artifacts: Path
    states: Path

    @classmethod
    def of(cls, storage: str | Path | None, default: Path) -> Location:
        """Return the location that `storage` names; by default a journal of the name `default`, a path without suffix.

        Paths are made absolute here: a user's code may change the working folder later.
        """
        default = absolute(default)
        text = absolute_storage(default.with_name(default.name + ".journal") if storage is None else storage)
        if "://" in text:
            beside = [default.with_name(default.name + suffix) for suffix in (".artifacts", ".states")]
            return cls(text, *beside)
        path = Path(text)
        if not path.name or path.is_dir():
            raise StudyError(
                f"`storage` must be a URL or the path of a journal file, but {str(storage)!r} is a folder."
            )
        real = path.resolve() if path.is_symlink() else path  # one journal has one folder, by whatever name
        return cls(text, path.with_suffix(".artifacts"), real.with_suffix(".states"))

    @property
    def is_url(self) -> bool:
        """Whether a database server or file of Optuna's holds the study, and not a journal."""
        return "://" in self.text

    @property
    def shown(self) -> str:
        """The location without its password."""
        return mask(_WHOLE.sub(r"\1:***@", self.text))

    def hide(self, text: str) -> str:
        """The text without this location's password, escaped or not."""
        text = text.replace(self.text, self.shown)
        for groups in (_LOGIN.findall(self.text), _QUERY.findall(self.text)):
            for *_, secret in groups:
                for form in {secret, unquote(secret)} - {""}:
                    text = text.replace(form, "***")
        return mask(text)

    @property
    def kind(self) -> str:
        """`journal`, or the database: `sqlite`, `postgresql`, ..."""
        return re.split(r"[+:]", self.text, maxsplit=1)[0].lower() if self.is_url else "journal"

    @property
    def file(self) -> Path | None:
        """The file that holds the study; None if a server does, or memory."""
        if not self.is_url:
            return Path(self.text)
        path = sqlite_path(self.text)
        return None if path is None else Path(path)

    @property
    def identity(self) -> tuple[str, ...]:
        """Values that are equal for one storage, by whatever path, driver, user or password it is reached."""
        if (file := self.file) is not None:
            return self.kind, str(file.resolve())
        return (self.kind, "in memory") if self.kind == "sqlite" else server_identity(self.text)

    def folder(self, study: str) -> Path:
        """Return the folder of the checkpoints and pending results of a study's trials. It is not created here.

        Its name has the study's name and a hash of the whole storage. A file beside the folder counts by its name
        there, so that both may be moved together.
        """
        kind, *where = self.identity
        beside = self.states.parent.resolve()
        if self.file is not None and Path(where[0]).is_relative_to(beside):
            where = [str(Path(where[0]).relative_to(beside))]
        digest = hashlib.sha256(json.dumps([kind, *where]).encode()).hexdigest()[:16]
        return self.states / f"{file_name(study)}.{digest}"

    def old_folder(self, study: str) -> Path:
        """Return the folder that earlier versions used, which several storages shared."""
        return self.states / file_name(study)

    @staticmethod
    def beside(file: Path, study: str, suffix: str) -> Path:
        """A file of a study's beside the storage that holds it, by whatever path that was reached."""
        file = file.resolve()
        return file.with_name(f"{file.name}.{file_name(study)}{suffix}")

    def first_line(self, error: BaseException) -> str:
        """Return the first line of an error's text, without the password."""
        lines = self.hide(str(error)).strip().splitlines()
        return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def file_name(text: str) -> str:
    """A name for a file that stands for the text: readable, and different for different texts."""
    name = quote(text, safe=" ,=+@()[]") or "%"
    name = name if text.strip(".") else name.replace(".", "%2E")
    return name if len(name) <= 100 else f"{name[:80]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
