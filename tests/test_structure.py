"""The structure of the source: the size of files, functions, classes and folders, and who imports whom."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("snn", "search", "tasks")
ONE_THING_A_FILE = {
    *("snn/neurons", "snn/plasticity/rules", "tasks", "search/commands", "search/report/figures"),
}
"""Folders whose files each hold one registered thing: they may have any number of them."""
Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def lines_without_docstring(node: Node) -> int:
    first = node.body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    assert node.end_lineno is not None and first.end_lineno is not None
    return node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if docstring else 0)


def too_long(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if (lines := text.count("\n")) > 350:
        yield f"{name(file)} has {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Node):
            limit = 200 if isinstance(node, ast.ClassDef) else 50
            if (lines := lines_without_docstring(node)) > limit:
                yield f"{name(file)}: {node.name} has {lines} lines without its docstring"


def test_files_functions_and_classes_fit_on_a_screen_or_a_few():
    assert not [problem for file in FILES for problem in too_long(file)]


def test_folders_can_be_looked_through():
    counts = Counter(name(file.parent) for file in FILES if file.name != "__init__.py")
    assert not {folder: n for folder, n in counts.items() if n > 16 and folder not in ONE_THING_A_FILE}


def test_every_file_and_folder_says_what_it_holds():
    silent = [name(file) for file in FILES if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))]
    assert not [file for file in silent if (ROOT / file).stat().st_size], "a module begins with a docstring"
    assert not [file for file in silent if file.endswith("__init__.py")], "a folder's concept stands in its __init__.py"


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_no_module_imports_a_test(package):
    wrong = []
    for file in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            wrong += [f"{name(file)}: {module}" for module in modules if ".test_" in module and "tests" in module]
    assert not wrong
