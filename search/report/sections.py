"""The parts of a report's page, as the template `templates/report.html` takes them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from search.report.figures.style import DPI, WIDTH

# Nothing may be fetched and nothing run, whatever a study holds: a second wall behind the escaping.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Pairs:
    """A table of names and values; it is left out if it has no rows."""

    rows: Sequence[tuple[str, object]]
    title: str = ""


@dataclass(frozen=True)
class Numbers:
    """A table of numbers in columns."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Image:
    """A PNG image with a sentence that says what it shows."""

    png: bytes
    words: str

    @property
    def data(self) -> str:
        """The image as the page carries it."""
        return b64encode(self.png).decode()

    @property
    def share(self) -> int:
        """Its width in percent of the page's: figures of the usual width are as wide as the page."""
        return min(100, round(100 * int.from_bytes(self.png[16:20], "big") / (WIDTH * DPI)))  # where PNG has its width


@dataclass(frozen=True)
class Section:
    """One section of the page. Its parts come in the order of these fields.

    Parameters
    ----------
    anchor, title : str
        Its name in links, and its heading.
    short : str
        Its title in the list of links; the title by default.
    missing : str
        A sentence that says why there is nothing to show.
    text : str
        A sentence before the content.
    image : Image, optional
    tables : sequence of Pairs, or of sequences of Pairs
        Tables side by side; those of an inner sequence below each other.
    numbers : Numbers, optional
    reasons : sequence of (str, int)
        Reasons of failures, and how often each occurred.
    after : str
        A sentence after the content.
    code : str
        Text to be copied.
    code_kind : str
        The style class of that text.
    """

    anchor: str
    title: str
    short: str = ""
    missing: str = ""
    text: str = ""
    image: Image | None = None
    tables: Sequence[Pairs | Sequence[Pairs]] = ()
    numbers: Numbers | None = None
    reasons: Sequence[tuple[str, int]] = ()
    after: str = ""
    code: str = ""
    code_kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "short", self.short or self.title)


@dataclass(frozen=True)
class Command:
    """A command line, and a sentence that says what it does."""

    text: str
    command: str


def render(name: str, head: Pairs, go_on: Command, sections: Sequence[Section]) -> str:
    """Return the whole page; everything that comes from outside is escaped."""
    environment = Environment(
        loader=PackageLoader("search.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("report.html")
    return template.render(name=name, policy=POLICY, head=head, go_on=go_on, sections=sections)
