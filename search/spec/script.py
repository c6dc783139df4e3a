"""The Python file that defines a study: its reading, its hash and its import."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path
from types import ModuleType
from typing import Any

from search.errors import StudyError
from search.spec.shadowing import explain, shadows
from snn.errors import SNNError
from snn.system.paths import STARTED_IN, absolute, pinned, working_folder

loading: ContextVar[str] = ContextVar("loading", default="")


@dataclass(frozen=True)
class Script:
    """Source of a study.

    Parameters
    ----------
    stem : str
        Name of the file without suffix: the study's name unless it gives itself one.
    folder : Path
        Where it lies, and where the study's files go; absolute.
    source : str
        Its text.
    file : Path, optional
        The file, absolute; None in a notebook.
    started_in : Path
        The working folder before it was run: it may change that, and workers that run it again begin there too.
    """

    stem: str
    folder: Path
    source: str
    file: Path | None = None
    started_in: Path = field(default_factory=working_folder)

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that change with the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]

    @classmethod
    def read(cls, path: str | Path) -> Script:
        """The script at `path`, which is relative to the working folder and may begin with `~`."""
        path = absolute(path)
        if path.is_dir() or not path.exists():
            what = "is a folder" if path.is_dir() else f"there is no such file in {path.resolve().parent}"
            raise StudyError(f"STUDY must be a Python file that defines `study`, but for {str(path)!r} {what}.")
        if path.suffix != ".py":
            raise StudyError(f"STUDY must be a Python file (.py), but is {str(path)!r}.")
        try:
            source = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(f"STUDY must be a readable text file, but {path}: {error}.") from None
        return cls(path.stem, path.parent, source, path)

    @classmethod
    def of(cls, network: Callable[..., Any]) -> Script:
        """The script that defines `network`; in a notebook, the function's own source in the working folder."""
        function = network if inspect.isfunction(network) else type(network)
        in_notebook = function.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__")
        try:
            file = None if in_notebook else inspect.getsourcefile(function)
            if file is not None and Path(file).is_file():
                script = cls.read(file)
                return replace(script, started_in=STARTED_IN) if function.__module__ == "__main__" else script
            return cls("notebook", working_folder(), inspect.getsource(function))
        except (OSError, TypeError):  # typed into an interpreter that keeps no source
            return cls("notebook", working_folder(), repr(function))

    def changes(self, source: str, limit: int = 30) -> str:
        """Lines that differ from an earlier source of it, at most `limit` of them."""
        lines = [
            line
            for line in unified_diff(source.splitlines(), self.source.splitlines(), n=0, lineterm="")
            if not line.startswith(("---", "+++"))
        ]
        left = len(lines) - limit
        return "\n".join(lines[:limit] + ([f"... and {left} more lines"] if left > 0 else []))


def module_name(path: Path) -> str:
    """Name under which a script is imported: one that no module of the user's or ours has."""
    return f"snnsearch_study_{''.join(c if c.isalnum() else '_' for c in path.stem)}"


def load_module(script: Script) -> ModuleType:
    """Run the script as a module, its folder first on the search path, as `python script.py` has it.

    Raises
    ------
    StudyError
        If it does not run; the message names the line.
    """
    assert script.file is not None
    path = script.file.resolve()
    if hidden := shadows(path.parent):
        raise StudyError([explain(file) for file in hidden])
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        with _loading(script.file), pinned(script.started_in):
            spec.loader.exec_module(module)
    except SNNError as error:
        raise StudyError(f"{script.file}{_line(error, path)}: {error}") from None
    except SyntaxError as error:
        where = f"{error.filename or path}, line {error.lineno}"
        raise StudyError(f"{where}: {error.msg}: {(error.text or '').strip()}") from None
    except SystemExit as error:
        raise StudyError(f"{script.file}{_line(error, path)} must define a study, but ended with {error!r}.") from None
    except Exception as error:
        raise StudyError(f"{script.file}{_line(error, path)}: {type(error).__name__}: {error}") from None
    return module


def fault(error: BaseException, script: Script) -> str:
    """An exception from a user's code in one sentence: its type, text, and the last line of the script it came from."""
    if isinstance(error, SNNError):
        return str(error)
    where = _line(error, script.file.resolve()) if script.file else ""
    return f"{type(error).__name__}{where.replace(',', ' in', 1)}: {error}"


def _line(error: BaseException, path: Path) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve() == path]
    return f", line {frames[-1].lineno}" if frames else ""


@contextmanager
def _loading(file: Path) -> Iterator[None]:
    token = loading.set(str(file))
    try:
        yield
    finally:
        loading.reset(token)
