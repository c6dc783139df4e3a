"""Texts from outside, such as file names, that do not fit the locale's encoding."""

from __future__ import annotations


def readable(text: str) -> str:
    r"""A text whose bytes Python could not decode, decoded as UTF-8; what is not UTF-8 becomes U+FFFD.

    Python keeps such bytes as surrogates (PEP 383), which no file or database takes. In the C locale these are all
    bytes beyond ASCII, so that a script would have another name there.

    >>> readable("\udcc3\udca9")
    'é'
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
