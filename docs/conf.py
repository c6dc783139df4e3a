"""Sphinx configuration. `make docs` builds the pages into docs/_build, without a network; a warning is an error."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.ext import autosummary

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "snnsearch"
version = release = version_of("snnsearch")
author = "the authors of snnsearch"
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "docstrings",  # _ext/
    "formulas",  # _ext/
]
exclude_patterns = ["_build", "_ext", "_templates"]
templates_path = ["_templates"]
nitpicky = True

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
highlight_language = "none"  # a block without a language is output of a program

# Reference
autosummary_generate = True
autosummary.WELL_KNOWN_ABBREVIATIONS += ("eq.", "Trans.", "Neurosci.")  # no ends of a sentence
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings name the types, without the modules in which they lie
numpydoc_show_class_members = False  # the templates of autosummary say which members are shown
numpydoc_xref_param_type = False
default_role = "code"  # a name in single backquotes is code in the docstrings

# HTML
html_theme = "furo"
html_title = f"snnsearch {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "formulas"
html_show_search_summary = False  # a summary is fetched from a server; the search works from a folder without it
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
