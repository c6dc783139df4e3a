"""Adapts the docstrings and signatures of the packages to numpydoc and to readers of a page."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from brian2 import Quantity
from sphinx.application import Sphinx

SECTION = re.compile(r"^-{3,}$")
LONGEST_DEFAULT = 50  # characters; a longer default value says nothing in a signature


def separate_paragraphs(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Move text that follows a list of parameters into `Notes`.

    numpydoc takes a plain paragraph after the parameters ("Place in the time step: part 5.") for another parameter.
    Such a paragraph follows an empty line, and neither its first line nor the next one is indented.
    """
    kept: list[str] = []
    notes: list[str] = []
    in_list = in_paragraph = False
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if SECTION.match(after):
            in_list = line in ("Parameters", "Attributes", "Raises")
        if SECTION.match(after) or not line.strip():
            in_paragraph = False
        elif in_list and not before.strip() and not line.startswith(" ") and not after.startswith(" "):
            in_paragraph = True
        (notes if in_paragraph else kept).append(line)
        if in_paragraph and not after.strip():
            notes.append("")
    if notes:
        lines[:] = with_notes(kept, notes)


def with_notes(lines: list[str], notes: list[str]) -> list[str]:
    """Return a docstring with these lines first in its section `Notes`, which is made ahead of `Examples`."""
    sections = {line: number for number, line in enumerate(lines[:-1]) if SECTION.match(lines[number + 1])}
    if "Notes" in sections:
        at = sections["Notes"] + 2
        return [*lines[:at], *notes, *lines[at:]]
    at = sections.get("Examples", len(lines))
    return [*lines[:at], "", "Notes", "-----", *notes, *lines[at:]]


def escape_stars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape the star of an unpacked tuple, ``(k, *shape)``, which would begin an emphasis."""
    lines[:] = [re.sub(r"(?<=, )\*(?=\w)", r"\\*", line) for line in lines]


def write_defaults(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write quantities with their unit, and default values that Python's signature shows as ``<factory>``."""
    if not (what == "class" and dataclasses.is_dataclass(obj)):
        return signature and re.sub(r"(\d)\. \* msecond", r"\1 ms", signature), returned
    return f"({', '.join(parameter(field) for field in dataclasses.fields(obj) if field.init)})", returned


def parameter(field: dataclasses.Field[Any]) -> str:
    """Return a field as a parameter of the class."""
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return field.name
    text = re.sub(r"\. (?=\w)", " ", str(value)) if isinstance(value, Quantity) else repr(value)
    return f"{field.name}={text if len(text) <= LONGEST_DEFAULT else '...'}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above; those of docstrings run before numpydoc's, whose priority is 500."""
    app.connect("autodoc-process-docstring", separate_paragraphs, priority=400)
    app.connect("autodoc-process-docstring", escape_stars, priority=401)
    app.connect("autodoc-process-signature", write_defaults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
