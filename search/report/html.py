"""A page that loads nothing: text, tables and images in one file, everything from outside escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from search.report.figures.style import DPI, WIDTH

# Nothing may be fetched and nothing run, whatever a study holds: a second wall behind the escaping.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; margin: 0; }
main { max-width: 980px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 8px; padding-top: 10px; border-top: 1px solid #ddd; }
h3 { font-size: 14px; margin: 0 0 4px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
p.words, p.missing { color: #555; font-size: 13.5px; max-width: 75ch; }
p.missing { font-style: italic; }
nav a { margin-right: 14px; font-size: 13.5px; white-space: nowrap; color: #33608c; }
img { height: auto; display: block; margin: 8px 0 2px; }
figure { margin: 0; break-inside: avoid; }
.scroll { overflow-x: auto; }
.beside table { font-size: 13px; }
.beside { display: flex; flex-wrap: wrap; gap: 12px 26px; }
div.column { display: flex; flex-direction: column; gap: 12px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #eee; vertical-align: top; }
td { overflow-wrap: anywhere; }
table.numbers { font-size: 12.5px; }
.numbers th, .numbers td { text-align: right; padding: 3px 0 3px 14px; vertical-align: bottom; }
.numbers td { white-space: nowrap; }
.numbers th:first-child, .numbers td:first-child { padding-left: 0; }
thead th { border-bottom: 1px solid #999; font-weight: 600; }
tbody th { font-weight: 400; color: #555; white-space: nowrap; }
pre { background: #f5f5f3; padding: 10px 12px; overflow-x: auto; font: 12.5px/1.45 ui-monospace, monospace; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: 2px 6px; }
pre.script { max-height: 520px; overflow-y: auto; user-select: all; }
@media print { pre.script { max-height: none; } nav { display: none; } }
"""


def page(name: str, body: Iterable[str]) -> str:
    """The whole document."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(name)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def title(text: str) -> str:
    """The heading of the page."""
    return f"<h1>{escape(text)}</h1>"


def heading(text: str, anchor: str) -> str:
    """The heading of a section."""
    return f'<h2 id="{escape(anchor)}">{escape(text)}</h2>'


def paragraph(text: str, kind: str = "words") -> str:
    """A paragraph."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>'


def code(text: str, kind: str = "") -> str:
    """Text as it is, to be copied."""
    return f'<pre class="{escape(kind)}">{escape(text)}</pre>'


def links(targets: Iterable[tuple[str, str]]) -> str:
    """Links to sections of this page: (anchor, text)."""
    return "<nav>" + " ".join(f'<a href="#{escape(a)}">{escape(text)}</a>' for a, text in targets) + "</nav>"


def image(png: bytes, words: str) -> str:
    """An image that the page carries, with what it shows in words; one of the usual width is as wide as the page."""
    data = b64encode(png).decode()
    share = min(100, round(100 * int.from_bytes(png[16:20], "big") / (WIDTH * DPI)))  # a PNG's width stands there
    return (
        f'<figure><img style="width: {share}%" src="data:image/png;base64,{data}" alt="{escape(words)}">'
        f"<figcaption>{paragraph(words)}</figcaption></figure>"
    )


def pairs(rows: Iterable[tuple[str, object]], above: str = "") -> str:
    """Names and values; nothing for none."""
    rows = list(rows)
    if not rows:
        return ""
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
    top = f"<h3>{escape(above)}</h3>" if above else ""
    return f"<div>{top}<table><tbody>{body}</tbody></table></div>"


def column(*parts: str) -> str:
    """Tables below each other."""
    return f'<div class="column">{"".join(parts)}</div>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Numbers in columns."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
