"""What the key of a compiled program depends on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import snn
from snn.backends.standalone.cache.key import own_source

PACKAGE = Path(snn.__file__).parent
MAKERS = (
    *("backends/brian/objects.py", "backends/standalone/loops.py", "backends/standalone/source.py"),
    *("backends/standalone/engine/engine.h", "backends/standalone/templates/program.cpp"),
    *("backends/standalone/templates/synapses.cpp", "equations/statements.py"),
    *("lowering/plan/blocks.py", "lowering/plan/plan.py", "lowering/plan/schedule.py"),
)


@pytest.fixture
def package(tmp_path):
    """A copy of the package that may be edited."""
    return shutil.copytree(PACKAGE, tmp_path / "snn", ignore=shutil.ignore_patterns("__pycache__"))


def hash_of(package):
    return own_source.__wrapped__(package)


def edit(file):
    file.write_text(file.read_text() + "\n")


@pytest.mark.parametrize("name", MAKERS)
def test_editing_what_makes_a_program_changes_its_key(package, name):
    edit(package / name)
    assert hash_of(package) != own_source()


def test_editing_anything_else_discards_no_program(package):
    backends = package / "backends"
    others = [*backends.glob("*.py"), *backends.glob("genn/**/*.py"), *backends.glob("runtime/*.py")]
    others += [*backends.glob("standalone/cache/*.py"), backends / "standalone/program.py"]
    others += [*package.glob("*.py"), *package.glob("lowering/*.py"), *package.glob("lowering/populations/*.py")]
    others += [*package.glob("results/*.py"), *package.glob("system/*.py")]
    names = {file.name for file in others}
    assert {"health.py", "batch.py", "process.py", "registry.py", "memory.py", "result.py"} <= names
    for file in others:
        edit(file)
    assert hash_of(package) == own_source()
