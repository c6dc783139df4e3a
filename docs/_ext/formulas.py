"""Draws formulas with matplotlib's mathtext, as SVG in the page: they need no script, no font and no network."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, TextToPath
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

SIZE = 100.0  # of the font that is drawn; the page scales it
EM = 1.12  # size in the page, in units of the text's; STIX has small letters
FONT = FontProperties(size=SIZE, math_fontfamily="stix")
LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}

# LaTeX that mathtext writes in another way
SUBSTITUTES = (
    (r"\\[bB]igg?[lr]?(?![A-Za-z])", ""),
    (r"\\(ge|le|ne)(?![A-Za-z])", r"\\\1q"),
    (r"\\dots(?![A-Za-z])", r"\\ldots"),
    (r"\\tfrac(?![A-Za-z])", r"\\frac"),
    (r"\\sqrt(\\[A-Za-z]+)", r"\\sqrt{\1}"),
    (r"&", ""),
    (r"\s+", " "),
)


def draw(tex: str, display: bool) -> str:
    """Return a line of mathematics as an SVG element; LaTeX that mathtext does not know ends the build."""
    for pattern, replacement in SUBSTITUTES:
        tex = re.sub(pattern, replacement, tex)
    text = f"${tex.strip()}$".replace(r"\frac", r"\dfrac" if display else r"\frac")
    width, height, depth = TextToPath().get_text_width_height_descent(text, FONT, ismath=True)
    outline = TextPath((0, 0), text, size=SIZE, prop=FONT)
    commands = []
    for points, code in outline.iter_segments(simplify=False):
        numbers = [] if code == Path.CLOSEPOLY else [f"{x:.0f} {-y:.0f}" for x, y in points.reshape(-1, 2)]
        commands.append(LETTERS[code] + " ".join(numbers))
    scale = EM / SIZE
    style = f"width:{width * scale:.3f}em;height:{height * scale:.3f}em;vertical-align:{-depth * scale:.3f}em"
    box = f"0 {depth - height:.0f} {width:.0f} {height:.0f}"
    return (
        f'<svg class="formula" role="img" aria-label="{escape(tex.strip())}" style="{style}" viewBox="{box}">'
        f'<path d="{"".join(commands)}"/></svg>'
    )


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(draw(node.astext(), display=False))
    raise nodes.SkipNode


def display(translator: HTML5Translator, node: nodes.math_block) -> None:
    r"""Write formulas that stand alone, one a line; ``\\`` ends a line."""
    lines = (draw(line, display=True) for line in node.astext().split(r"\\") if line.strip())
    translator.body.append("".join(f'<div class="formula">{line}</div>' for line in lines))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer under the name `formulas`."""
    app.add_html_math_renderer("formulas", inline_renderers=(inline, None), block_renderers=(display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
