"""The check that no snn.py, tasks.py or search.py beside a user's script hides a package of the same name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("snn", "tasks", "search")
ROOT = Path(__file__).resolve().parents[2]


def shadows(folder: Path) -> list[Path]:
    """Files of `folder` that bear the name of one of our packages and are not ours."""
    found = []
    for name in PACKAGES:
        for file in (folder / f"{name}.py", folder / name / "__init__.py"):
            if file.is_file() and ROOT not in file.resolve().parents:
                found.append(file)
    return found


def explain(file: Path) -> str:
    """One sentence that says what the file hides and what to do."""
    name = file.parent.name if file.name == "__init__.py" else file.stem
    shown = file.parent if file.name == "__init__.py" else file
    return (
        f"{shown} has the name of snnsearch's package `{name}`, so `import {name}` would find the wrong one of them: "
        f"rename it, for example to my_{shown.name}."
    )


def refuse_shadowing() -> None:
    """Raise ImportError if `import tasks` or `import snn` would not find the packages beside this one."""
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None and ROOT not in Path(spec.origin).resolve().parents:
            raise ImportError(explain(Path(spec.origin)))
