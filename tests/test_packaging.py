"""The Makefile's promises, what is installed, start-up times and the direction of imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent  # of the environment the tests run in


# What `make test` hands down to the tests; a make or a command that they start must not see it
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON", "VENV", "ARGS"}


def run(*command: str | Path, cwd: Path = CHECKOUT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with the environment changed as said."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


# The Makefile


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile, what it installs from, and a folder of programs, `bin`, for a PATH."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(CHECKOUT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    return tmp_path


def make(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program, "the tests need make"
    return run(program, *arguments, cwd=project, **environment)


def assert_stops_with_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("target", ["demo", "test"])
def test_missing_compiler_is_one_sentence(project, target):
    (project / "bin" / "python3").symlink_to(sys.executable)
    done = make(project, target, PATH=str(project / "bin"))
    assert_stops_with_one_sentence(done, "g++ is not on the PATH", "apt install g++")
    assert not (project / ".venv").exists()


def test_compiler_that_went_away_after_installation_is_one_sentence(project):
    (project / ".venv").mkdir()
    (project / ".venv" / ".installed").touch()
    assert_stops_with_one_sentence(make(project, "demo", PATH=str(project / "bin")), "g++ is not on the PATH")


def test_missing_python_is_one_sentence(project):
    done = make(project, "demo", "PYTHON=no-such-python")
    assert_stops_with_one_sentence(done, "Python 3.11 or newer", "no-such-python does not run", "make PYTHON=...")


def test_old_python_is_one_sentence(project):
    (project / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 10, 13, 'final', 0)\n")
    done = make(project, "demo", f"PYTHON={sys.executable}", PYTHONPATH=str(project))
    assert_stops_with_one_sentence(done, "Python 3.11 or newer", f"{sys.executable} is 3.10", "make PYTHON=...")


def test_missing_venv_module_is_one_sentence(project):
    (project / "ensurepip.py").write_text("raise ImportError('as on a Debian without python3-venv')\n")
    done = make(project, "demo", f"PYTHON={sys.executable}", PYTHONPATH=str(project))
    assert_stops_with_one_sentence(done, "venv module", sys.executable, "apt install python3-venv")


@pytest.mark.parametrize(("target", "stamp"), [("demo", ".installed"), ("test", ".installed-test")])
def test_installs_again_only_when_pyproject_changed(project, target, stamp):
    def plan() -> str:
        return make(project, "--dry-run", target, f"PYTHON={sys.executable}").stdout

    assert "pip" in plan()
    (project / ".venv").mkdir()
    (project / ".venv" / stamp).touch()
    assert "pip" not in plan()
    later = (project / ".venv" / stamp).stat().st_mtime + 10
    os.utime(project / "pyproject.toml", (later, later))
    assert "pip" in plan()


def test_clean_keeps_what_a_search_found(project):
    for name in ("studies/digits.journal", ".venv/pyvenv.cfg", "snn/__pycache__/a.pyc", ".mypy_cache/x"):
        (project / name).parent.mkdir(parents=True)
        (project / name).touch()
    assert make(project, "clean").returncode == 0
    left = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert left == {"Makefile", "pyproject.toml", "studies/digits.journal"}


@pytest.mark.slow
def test_make_demo(project):
    if not (Path(sys.prefix) / ".installed").exists():
        pytest.skip("needs an environment that the Makefile made: run by `make test`")
    results = shutil.ignore_patterns("*.journal*", "*.artifacts")
    shutil.copytree(CHECKOUT / "studies", project / "studies", ignore=results)
    done = make(project, "demo", f"VENV={sys.prefix}")
    assert done.returncode == 0, done.stderr
    shown = run(BIN / "snnsearch", "show", "studies/digits.py", "--json", cwd=project)
    answer = json.loads(shown.stdout)
    assert answer["trials"]["complete"] + answer["trials"]["pruned"] + answer["trials"]["fail"] == 24
    assert answer["trials"]["running"] == 0
    assert max(trial["attrs"]["test_accuracy"] for trial in answer["best"] if trial["attrs"]["test_accuracy"]) > 0.7


# What is installed


@pytest.mark.slow
def test_wheel_holds_the_packages_and_their_data_and_nothing_else(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="setuptools 77 builds the wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(CHECKOUT / name, tmp_path)
    for name in ("snn", "tasks", "search", "studies", "tests"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    flags = ("--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    done = run(sys.executable, "-m", "pip", "wheel", *flags, "--wheel-dir", "wheels", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next((tmp_path / "wheels").glob("snnsearch-*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    on_disk = {
        path.relative_to(CHECKOUT).as_posix()
        for package in ("snn", "tasks", "search")
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == on_disk


# Start-up times: what is heavy is imported where it is used


def test_help_is_quick():
    command = BIN / "snnsearch"
    if not command.exists():
        pytest.skip("the command snnsearch is not installed: run by `make test`")
    done = run(command, "--help", PYTHONPROFILEIMPORTTIME="1")  # each import is a line on standard error
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    packages = {name.partition(".")[0] for name in imported}
    assert "search.cli" in imported and not packages & {"snn", "tasks", "studies", "numpy", "brian2", "optuna", "rich"}


def test_importing_snn_imports_no_package_that_brian2_does_not():
    code = "import sys, brian2; before = {*sys.modules}; import snn; print(*sys.modules.keys() - before)"
    done = run(sys.executable, "-c", code, cwd=CHECKOUT)
    imported = done.stdout.split()
    assert "snn.network.spec" in imported, done.stderr
    known = run(sys.executable, "-c", "import sys, brian2; print(*sys.modules)").stdout.split()
    packages = {name.partition(".")[0] for name in imported} - {name.partition(".")[0] for name in known}
    assert packages - sys.stdlib_module_names == {"snn"}


# The direction of imports


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(BIN / "lint-imports", "--no-cache", cwd=folder)


def test_imports_go_one_way():
    done = lint_imports(CHECKOUT)
    assert done.returncode == 0, done.stdout + done.stderr


IN_A_FUNCTION = "\n\ndef wrong():\n    import {}\n"
FOR_TYPES = "\n\nif TYPE_CHECKING:\n    import {}\n"


@pytest.mark.parametrize(
    ("importer", "imported", "how"),
    [
        ("snn/errors.py", "tasks.idx", IN_A_FUNCTION),
        pytest.param("tasks/idx.py", "search.errors", FOR_TYPES, marks=pytest.mark.slow),
        pytest.param("search/errors.py", "studies.digits", IN_A_FUNCTION, marks=pytest.mark.slow),
        pytest.param("snn/lowering/memory.py", "snn.backends.scratch", FOR_TYPES, marks=pytest.mark.slow),
        pytest.param("search/storage/record.py", "search.driver.driver", IN_A_FUNCTION, marks=pytest.mark.slow),
    ],
)
def test_an_import_the_wrong_way_is_found(project, importer, imported, how):
    for name in ("snn", "tasks", "search", "studies"):
        shutil.copytree(CHECKOUT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = project / importer
    file.write_text(file.read_text() + how.format(imported))
    done = lint_imports(project)
    assert done.returncode == 1
    assert importer.removesuffix(".py").replace("/", ".") in done.stdout and imported in done.stdout


@pytest.mark.slow
def test_a_circle_is_found(project):
    for name in ("snn", "tasks", "search", "studies"):
        shutil.copytree(CHECKOUT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = project / "snn/plasticity/eprop/surrogates.py"
    file.write_text(file.read_text() + IN_A_FUNCTION.format("snn.plasticity.eprop.rule"))
    done = lint_imports(project)
    assert done.returncode == 1 and "No file and no folder is in a circle BROKEN" in done.stdout
