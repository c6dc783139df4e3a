"""Compilers that are missing, refuse, break or are killed."""

from __future__ import annotations

import errno
import subprocess

import pytest

from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.backends.standalone.cache.key import program_key
from snn.backends.standalone.compiler import compile_source
from snn.backends.standalone.compiler import compiler as command
from snn.errors import BuildError, MachineError
from tests.support.programs import compiler, spec

SOURCE = "int main() { return 0; }"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "program.cpp"
    path.write_text(SOURCE)
    return path


def test_a_missing_compiler_is_one_sentence(monkeypatch, tmp_path, fresh_compiler):
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"^A C\+\+ compiler is needed, but g\+\+ was not found; install it"):
        load_program(Candidate(spec(), 0))
    assert not (tmp_path / "cache").exists()


def test_a_compiler_that_cannot_be_started_is_one_sentence(monkeypatch, tmp_path, fresh_compiler):
    (tmp_path / "g++").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"^The C\+\+ compiler .*g\+\+ cannot be started: Exec format error; install"):
        load_program(Candidate(spec(), 0))


def test_the_compilers_words_are_kept(source):
    source.write_text("int main() { return undeclared_thing; }")
    with pytest.raises(
        BuildError, match=r"(?s)^The compiler refused the program: .*'undeclared_thing' was not declared"
    ):
        compile_source(source)


def test_a_compiler_without_words_has_a_status(source, tmp_path, monkeypatch):
    compiler(tmp_path, "exit 3", monkeypatch)
    with pytest.raises(BuildError, match=r"^The compiler refused the program: exit status 3$"):
        compile_source(source)


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ("kill -KILL $$", "killed by SIGKILL"),
        ("echo g++: fatal error: Killed signal terminated program cc1plus >&2; exit 1", "program cc1plus"),
        (
            "echo 'collect2: fatal error: ld terminated with signal 7 [Bus error]' >&2; exit 1",
            r"signal 7 \[Bus error\]",
        ),
    ],
)
def test_a_killed_compiler_is_told_from_one_that_refuses(source, tmp_path, monkeypatch, script, how):
    compiler(tmp_path, script, monkeypatch)
    with pytest.raises(MachineError, match=rf"^The compiler did not end by itself \(.*{how}\): if memory is short, "):
        compile_source(source)


@pytest.mark.slow
def test_a_fault_of_the_machine_reaches_the_caller_as_one(monkeypatch, tmp_path, fresh_compiler):
    """It is no fault of the network's: a search builds the program again."""
    compiler(tmp_path, "[ $1 = --version ] && exec echo g++ 1\nkill -KILL $$", monkeypatch)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MachineError, match=r"^The compiler did not end by itself \(killed by SIGKILL\): if memory"):
        load_program(Candidate(spec(), 0))


def test_no_room_for_another_process_is_a_fault_of_the_machine(monkeypatch, source):
    def full(*arguments, **options):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "run", full)
    with pytest.raises(MachineError, match=r"^The C\+\+ compiler .* cannot be started: Resource temporarily unavail"):
        compile_source(source)


@pytest.mark.slow
def test_what_the_compiler_says_reaches_the_caller(monkeypatch, tmp_path, fresh_compiler):
    """From the process that builds, which keeps nothing."""
    compiler(tmp_path, "echo 'out of ink: cyan é' >&2; exit 1", monkeypatch)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match=r"^The compiler refused the program: out of ink: cyan é$"):
        load_program(Candidate(spec(), 0))
    assert not list((tmp_path / "cache").iterdir())


def test_the_command_in_cxx_compiles(source, tmp_path, monkeypatch):
    """Split as a shell splits words; everything in it is used."""
    log = tmp_path / "said"
    compiler(tmp_path, f'echo "$@" > {log}; touch {tmp_path / "program"}', monkeypatch)
    wrapper = tmp_path / "my cache"
    wrapper.write_text('#!/bin/sh\nexec "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CXX", f"'{wrapper}' g++ -DWHOLE='a b'")
    assert compile_source(source) == tmp_path / "program"
    assert log.read_text().startswith("-DWHOLE=a b -std=c++17")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("g+++", r"^CXX must be a command .*, but is 'g\+\+\+', and there is no command 'g\+\+\+'; install"),
        ("ccachee g++", r"there is no command 'ccachee'; install it, or correct or unset CXX"),
        ("'g++", r"but is \"'g\+\+\", which cannot be split into words \(No closing quotation\); correct or unset it"),
    ],
)
def test_a_wrong_cxx_is_named(monkeypatch, given, words):
    monkeypatch.setenv("CXX", given)
    with pytest.raises(BuildError, match=words):
        load_program(Candidate(spec(), 0))


@pytest.mark.parametrize("given", ["", "  "])
def test_an_empty_cxx_is_none(monkeypatch, given):
    monkeypatch.setenv("CXX", given)
    assert command() == ["g++"]


def test_the_command_is_a_part_of_a_programs_key(monkeypatch, fresh_compiler):
    plain = program_key("structure", "float32")
    monkeypatch.setenv("CXX", "g++")
    assert program_key("structure", "float32") == plain
    monkeypatch.setenv("CXX", "g++ -fno-inline")
    assert program_key("structure", "float32") != plain


@pytest.mark.slow
def test_a_compiler_for_another_machine_is_named(monkeypatch, tmp_path, fresh_compiler):
    """What it makes does not start; nothing of it is kept."""
    script = """
case "$1" in --version) echo g++ 0; exit;; esac
while [ "$1" != -o ]; do shift; done
printf '\\177ELF of another machine' > "$2"; chmod +x "$2"
"""
    compiler(tmp_path, script, monkeypatch)
    monkeypatch.setenv("SNNSEARCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match=r"^The program that g\+\+ has compiled cannot be started \(Exec format"):
        load_program(Candidate(spec(), 0))
    assert not list((tmp_path / "cache").iterdir())
