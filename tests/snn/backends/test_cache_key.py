"""What the key of a compiled program depends on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import snn
from snn.backends.standalone.cache.key import own_source

BACKENDS = Path(snn.__file__).parent / "backends"
MAKERS = ("brian/objects.py", "standalone/loops.py", "standalone/source.py", "standalone/engine/engine.h",
          "standalone/templates/program.cpp", "standalone/templates/synapses.cpp")  # fmt: skip


@pytest.fixture
def backends(tmp_path):
    """A copy of the backends that may be edited."""
    return shutil.copytree(BACKENDS, tmp_path / "backends", ignore=shutil.ignore_patterns("__pycache__"))


def hash_of(backends):
    return own_source.__wrapped__(backends)


def edit(file):
    file.write_text(file.read_text() + "\n")


@pytest.mark.parametrize("name", MAKERS)
def test_editing_what_makes_a_program_changes_its_key(backends, name):
    edit(backends / name)
    assert hash_of(backends) != own_source()


def test_editing_anything_else_discards_no_program(backends):
    others = [*backends.glob("*.py"), *backends.glob("genn/**/*.py"), *backends.glob("runtime/*.py")]
    others += [*backends.glob("standalone/cache/*.py"), backends / "standalone/program.py"]
    assert {"health.py", "batch.py", "process.py", "registry.py"} <= {file.name for file in others}
    for file in others:
        edit(file)
    assert hash_of(backends) == own_source()
