"""Where a study lies: a journal file beside the script, or any storage URL of Optuna."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from search.errors import StudyError

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

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
        A URL (`sqlite:///study.db`, `postgresql://user:password@host/db`), or the path of a journal file.
    artifacts : Path
        Folder of the images that belong to trials.
    """

    text: str
    artifacts: Path

    @classmethod
    def of(cls, storage: str | Path | None, default: Path) -> Location:
        """Where `storage` points; without one, the journal `default` (a path without suffix names its family)."""
        if storage is None:
            storage = default.with_name(default.name + ".journal")
        if "://" in str(storage):
            return cls(str(storage), default.with_name(default.name + ".artifacts"))
        path = Path(storage)
        if not path.name or path.is_dir():
            raise StudyError(
                f"`storage` must be a URL or the path of a journal file, but {str(storage)!r} is a folder."
            )
        return cls(str(path), path.with_suffix(".artifacts"))

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

    def open(self, create: bool) -> BaseStorage:
        """The storage.

        Raises
        ------
        StudyError
            If there is none and `create` is false, or if it cannot be opened.
        """
        if not create and (missing := self._missing_file()):
            raise StudyError(f"A study must have been run before it can be read, but there is no {missing} yet.")
        try:
            return self._open()
        except ImportError as error:
            raise StudyError(
                f"The storage {self.shown} needs a driver that is not installed: {self._first_line(error)}."
            ) from None
        except Exception as error:  # each database driver has exceptions of its own
            raise StudyError(
                f"The storage {self.shown} must be one that can be opened, but: {self._first_line(error)}."
            ) from None

    def _open(self) -> BaseStorage:
        if self.is_url:
            from optuna.storages import get_storage

            return get_storage(self.text)
        from search.journal import open_journal

        return open_journal(Path(self.text))

    def _missing_file(self) -> str | None:
        path = self.text
        if self.is_url:
            if not path.startswith("sqlite:///"):
                return None
            path = path.removeprefix("sqlite:///").partition("?")[0]
        return None if Path(path).is_file() else path

    def _first_line(self, error: Exception) -> str:
        lines = self.hide(str(error)).strip().splitlines()
        return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


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
    return optuna.load_study(study_name=name, storage=storage)
