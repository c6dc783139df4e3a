"""`snnsearch doctor`: what works is tried, what is missing is said with the next step."""

from __future__ import annotations

import sys

import pytest

from snn.backends.genn.requirements import PYTHON
from tests.support.command_line import line
from tests.support.programs import compiler

FACTS = {"status", "found", "problems", "notes"}
BACKENDS = ["standalone", "runtime", "genn:cpu", "genn"]


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    """A cache of its own, and nothing of GeNN."""
    for name in ("GENN_PATH", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(PYTHON, sys.executable)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "programs"))
    return tmp_path / "programs"


@pytest.mark.slow
def test_what_works_and_what_is_missing(snnsearch, plain):
    ended = snnsearch("doctor", "--json")
    assert ended.status == 0
    said = line(ended.out)
    assert said["default"] == "standalone" and list(said["backends"]) == BACKENDS
    assert all(facts.keys() == FACTS for facts in said["backends"].values())
    assert said["files"]["programs"] == str(plain) and "snnsearch show" in said["files"]["states"]
    tried, in_process, cpu, gpu = said["backends"].values()
    assert (tried["status"], in_process["status"]) == ("works", "works") and not tried["problems"]
    assert tried["found"]["cache"] == str(plain) and tried["found"]["built_and_ran"].startswith("in ")
    assert list(plain.iterdir()) == [], "what was tried is removed"
    for facts in (cpu, gpu):
        assert facts["status"] == "not ready" and facts["found"]["interpreter"] == sys.executable
        assert any(text.startswith("GENN_PATH must be the folder of GeNN 4.9") for text in facts["problems"])
    assert not any("CUDA_PATH" in text for text in cpu["problems"])
    assert any("CUDA_PATH" in text for text in gpu["problems"])


def broken_compiler(folder, monkeypatch):
    compiler(folder, 'case "$1" in --version) echo g++ 0;; *) echo it hurts >&2; exit 1;; esac', monkeypatch)


def no_compiler(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))


def no_cache(folder, monkeypatch):
    (folder / "file").touch()
    monkeypatch.setenv("SNNSEARCH_CACHE", str(folder / "file"))


def no_limit(folder, monkeypatch):
    monkeypatch.setenv("SNNSEARCH_CACHE_LIMIT", "much")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        pytest.param(broken_compiler, "The compiler refused the program: it hurts", marks=pytest.mark.slow),
        (no_compiler, "A C++ compiler is needed, but g++ was not found; install it (Debian: apt install g++)."),
        (no_cache, "set SNNSEARCH_CACHE to a folder that can be written"),
        (no_limit, "SNNSEARCH_CACHE_LIMIT must be a number and a unit"),
    ],
)
def test_a_default_backend_that_does_not_work(snnsearch, tmp_path, monkeypatch, harm, words):
    monkeypatch.setenv(PYTHON, str(tmp_path / "nowhere"))
    harm(tmp_path, monkeypatch)
    ended = snnsearch("doctor")
    assert ended.status == 1 and ended.err == ""
    first, *rest = ended.out.splitlines()
    assert first == "standalone: not ready (the default backend)"
    assert any(row.startswith("  -> ") and words in row for row in rest)
    assert "runtime: works" in rest and "genn: not ready" in rest
    assert ended.out.count(f"export {PYTHON}=") == 1, "said once, though two backends need it"


@pytest.mark.slow
def test_a_program_that_computes_something_else_is_found(monkeypatch):
    import numpy as np

    from snn.backends import health

    monkeypatch.setattr(health, "_score_of_numpy", lambda: np.array([[0.5, 0.5]]))
    found = health.standalone()
    assert found.status == health.NOT_READY and "must say what Brian2 does" in found.problems[0]


def test_help_says_the_exit_status_and_the_variables(snnsearch):
    ended = snnsearch("doctor", "--help")
    assert ended.status == 0
    for word in ("exit status:", PYTHON, "GENN_PATH", "CUDA_PATH", "snnsearch doctor --json"):
        assert word in ended.out


@pytest.mark.slow
def test_a_search_on_genn_says_what_is_missing_before_the_first_trial(snnsearch, write, folder):
    script = write()
    ended = snnsearch("run", script, "--trials", 1, "--workers", 1, "--backend", "genn:cpu")
    assert ended.status == 2 and "Brian2GeNN 1.7 with brian2 2.5 and numpy 1 is needed" in ended.err
    assert "GENN_PATH must be" in ended.err and not script.with_suffix(".journal").exists()


def test_a_backend_that_is_not_known(snnsearch, write):
    ended = snnsearch("run", write(), "--trials", 1, "--backend", "genn:gpu")
    assert ended.status == 2 and "'genn:gpu'" in ended.err and "nearest: 'genn" in ended.err
