"""Fixtures: a study script in a folder of its own, and the command line in process or as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from search import Study
from search.cli import main
from tests.support import postgres
from tests.support.command_line import ROOT
from tests.support.figures import sketch
from tests.support.studies import make_study as make_study_in

SCRIPT = """\
from optuna.samplers import RandomSampler
from search import Study
from tests.support.synthetic import Bowl, network

study = Study(network, task=Bowl({task}), objectives={objectives!r}, sampler=RandomSampler, pruner=None)
"""


@pytest.fixture
def real_images() -> None:
    """Have figures drawn as PNGs, as in use."""


@pytest.fixture(autouse=True)
def sketches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put figures together without making PNGs of them, which takes longer than most of the searches here."""
    if "real_images" not in request.fixturenames:
        for user in ("search.dashboard.images", "search.report.figures.index"):
            monkeypatch.setattr(f"{user}.paint", sketch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; what loading scripts does to the import system is undone."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("snnsearch_study"):
            del sys.modules[name]


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Write a study script; by default one of the synthetic task."""

    def write(text: str | None = None, task: str = "", objectives=("accuracy", "spikes"), name="bowl.py") -> Path:
        path = folder / name
        path.write_text(SCRIPT.format(task=task, objectives=list(objectives)) if text is None else text)
        return path

    return write


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """Make a study of the synthetic task in a journal of its own; see `tests.support.studies`."""
    return partial(make_study_in, tmp_path)


@pytest.fixture
def in_rungs(make_study: Callable[..., Study]) -> Callable[..., Study]:
    """Make a study whose trials run in four rungs."""
    return partial(make_study, rungs=4)


@pytest.fixture
def snnsearch(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run a command line here: its status, standard output and standard error."""

    def run(*arguments: object) -> SimpleNamespace:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(status=status, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def one_sentence(snnsearch: Callable[..., SimpleNamespace], write: Callable[..., Path]) -> Callable[..., None]:
    """Run a command line with a mistake, of the study of `bowl.py`, or of that of `other.py`, which was never run."""

    def check(arguments: list[object], part: str) -> None:
        snnsearch("run", write(), "--trials", 1)
        write(name="other.py")
        ended = snnsearch(*arguments)
        assert ended.status == 2 and ended.out == ""
        assert part in ended.err and len(ended.err.splitlines()) == 1

    return check


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command line as a process; it does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "search.cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def running_server() -> Iterator[postgres.Server]:
    """A database server, for the tests of one process."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as one:
        yield one


@pytest.fixture
def server(running_server: postgres.Server) -> postgres.Server:
    """A database server with an empty database; a test may restart it."""
    running_server.start()  # a test that failed may have left it off
    running_server.empty()
    return running_server
