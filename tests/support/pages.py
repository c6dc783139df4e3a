"""Read a report's page strictly, and run the script that it holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from search.report.figures.index import FIGURES
from search.storage.journal.lines import LineChecker
from tests.support.command_line import ROOT

SECTIONS = [*FIGURES, "best", "trials", "confirmation", "failures", "script", "versions"]
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []  # of whatever could load something
        self.words: dict[str, str] = {}  # text by section
        self.code: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on")]
        self.ids += [given["id"]] if "id" in given else []
        self.targets += [given[name] for name in ("src", "href", "action", "data", "srcset", "poster") if name in given]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.code.append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.ids:
            self.words[self.ids[-1]] = self.words.get(self.ids[-1], "") + data
        if self.open and self.open[-1] == "pre":
            self.code[-1] += data


def read(path: Path) -> Page:
    """A page that is whole, loads nothing and runs nothing."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>") and page.ids == list(dict.fromkeys(page.ids))
    assert set(SECTIONS) == set(page.ids)
    for target in page.targets:
        assert target.startswith("data:image/png;base64,") or (target[0] == "#" and target[1:] in page.ids)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not re.search(r"url\(|@import", text)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in unescape(policy)
    return page


def run_script(text: str, folder: Path) -> dict[str, float]:
    """Run a script of the page as a user would; the objectives that it prints."""
    (folder / "pasted.py").write_text(text)
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home())}
    ended = subprocess.run(
        [sys.executable, "pasted.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)$", ended.stdout, re.MULTILINE)}


def script_of(page: Page) -> str:
    """The best network's script."""
    (text,) = [code for code in page.code if "results[0].summary()" in code]
    return text


def rewrite(script: Path, change) -> None:
    """Change what the trials of a journal have stored as their result."""
    journal = script.with_suffix(".journal")
    lines = []
    for line in journal.read_text().splitlines():
        entry = json.loads(line)
        if "result" in entry.get("user_attr", {}):
            entry["user_attr"]["result"] = change(entry["user_attr"]["result"])
        lines.append(entry)
    journal.write_bytes(LineChecker().sealed(lines))
