"""The default choice of tests: one backend and the most telling networks. The others are slow, or nightly."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

BACKENDS = ("runtime", pytest.param("standalone", marks=pytest.mark.slow))
"""For tests whose programs no other test compiles."""
COMPILED = ("standalone", pytest.param("runtime", marks=pytest.mark.slow))
"""For tests whose program others compile too, or whose runs are long."""

LONG = ("standalone", pytest.param("runtime", marks=pytest.mark.nightly))
"""For long runs of one contract: Brian2 in this process takes half a minute for them."""


def slow_but(names: Iterable[str], quick: Iterable[str], nightly: Iterable[str] = ()) -> list:
    """Parametrise by names: a few belong to the default choice, some run at night, and the rest is slow."""
    quick, nightly = set(quick), set(nightly)

    def marked(name):
        return pytest.param(name, marks=pytest.mark.nightly if name in nightly else pytest.mark.slow)

    return [name if name in quick else marked(name) for name in names]
