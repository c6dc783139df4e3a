"""The README and the pages in docs/: their length, their links, the files that they name, and their Python blocks."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
README = CHECKOUT / "README.md"
MADE = {DOCS / "_build", DOCS / "reference" / "generated"}

PAGES = [README, *sorted(page for page in DOCS.rglob("*.md") if not MADE & {*page.parents})]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# `snn/random.py`, and the paths within a command such as `pytest tests/snn/test_rule*.py --slow`
NAMED_FILE = re.compile(r"\b(?:snn|tasks|search|studies|tests|docs)/[\w./*-]*\w/?")
PYTHON_BLOCK = re.compile(r"^(<!-- not run -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_can_be_reached_from_the_index():
    listed = {
        (DOCS / f"{entry}.md").resolve()
        for tree in re.findall(
            r"^```\{toctree\}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.MULTILINE | re.DOTALL
        )
        for entry in tree.split()
        if not entry.startswith(":")
    }
    assert {*PAGES} - {README, DOCS / "index.md"} <= listed


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text()))
    if page.stem == "glossary":  # all of it is one block
        inline = re.findall(r"`([^`\n]+)`", page.read_text())
    files = {path for text in inline for path in NAMED_FILE.findall(text)}
    assert not [path for path in sorted(files) if not [*CHECKOUT.glob(path.rstrip("/"))]]


def test_every_term_of_the_glossary_names_its_file():
    block = re.search(
        r"```\{glossary\}\n:sorted:\n(.*?)```", (DOCS / "reference" / "glossary.md").read_text(), re.DOTALL
    )
    assert block is not None
    entries = [entry for entry in block[1].strip().split("\n\n") if entry]
    assert len(entries) >= 40
    assert not [entry for entry in entries if not re.search(r"File:\s+`[\w/]+\.py`\.$", entry)]


@pytest.mark.parametrize("package", ["snn", "tasks", "search"])
def test_reference_lists_the_public_names(package):
    page = (DOCS / "reference" / f"{package}.md").read_text()
    listed = re.findall(r"^   (\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(importlib.import_module(package).__all__)


def test_every_command_is_on_the_page_of_commands():
    from search.cli import COMMANDS

    page = (DOCS / "operation" / "commands.md").read_text()
    assert {command.NAME for command in COMMANDS} == {*re.findall(r"`snnsearch ([a-z]+)", page)}


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page that are run: line and code."""
    text = page.read_text()
    return [(text[: found.start(2)].count("\n"), found[2]) for found in PYTHON_BLOCK.finditer(text) if found[1] is None]


def simulates(page: Path) -> bool:
    return any(re.search(r"\.run\(", code) for _, code in blocks(page))


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.slow if simulates(p) else (), id=name(p)) for p in PAGES if blocks(p)],
)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": f"page_{page.stem}"}
    for line, code in blocks(page):
        exec(compile("\n" * line + code, str(page), "exec", dont_inherit=True), namespace)
