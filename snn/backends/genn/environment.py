"""Which interpreter has Brian2GeNN, what is installed beside it, and what to do about what is not.

`FOUND`, run in that interpreter, prints what it has, as `found` says.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from snn.backends.spawn import guarded, run_text
from snn.errors import BuildError
from snn.paths import STARTED_IN, absolute, child_environment, variable

PYTHON = "SNNSEARCH_GENN_PYTHON"
REQUIREMENTS = (
    "brian2genn==1.7.0",  # the last for GeNN 4, and there is none for GeNN 5
    "brian2==2.5.4",  # Brian2GeNN needs one below 2.6
    "numpy<2",  # that brian2 does, without saying so
    "setuptools<81",  # Brian2GeNN imports pkg_resources
)
"""Beside this package itself, which `installation` installs without its dependencies."""

ROOT = Path(__file__).parents[3]
WAIT = 60.0  # seconds that an interpreter may take to say what it has: it imports brian2
FOUND = "import json; from snn.backends.genn.environment import found; print(json.dumps(found()))"
CUDA_KNOWN = 12  # GeNN 4.9 calls the driver as CUDA up to this version has it

Found = Mapping[str, str | None]


def interpreter() -> str:
    """The interpreter with Brian2GeNN: what ``SNNSEARCH_GENN_PYTHON`` names, or the running one if it has brian2genn.

    Raises
    ------
    BuildError
        If there is none.
    """
    chosen = os.environ.get(PYTHON)
    if not chosen:
        if find_spec("brian2genn") is None:
            raise BuildError(
                "Brian2GeNN needs an environment of its own, but none is named: make one and name its interpreter: "
                f"{installation()}"
            )
        return sys.executable
    path = shutil.which(absolute(chosen, STARTED_IN) if os.sep in chosen else chosen)
    if path is None:
        raise BuildError(
            f"{PYTHON} must name a Python interpreter with Brian2GeNN, but {chosen!r} is no program: make one: "
            f"{installation()}"
        )
    return str(Path(path).absolute())  # not resolved: an environment's interpreter is a link to another one's


def installation(folder: str = "genn-env") -> str:
    """The commands that make an environment."""
    pip = f"{folder}/bin/pip"
    return (
        f"python3.11 -m venv {folder} && {pip} install {shlex.join(REQUIREMENTS)} && {pip} install --no-deps "
        f"{_source()} && export {PYTHON}=$PWD/{folder}/bin/python"
    )


def _source() -> str:
    """What pip installs this very package from."""
    if (ROOT / "pyproject.toml").exists():  # a checkout, which changes
        return f"--editable {shlex.quote(str(ROOT))}"
    return f"snnsearch=={version('snnsearch')}"


def variables(python: str) -> dict[str, str]:
    """Environment variables for a process of an interpreter: another one's packages are not for it to import."""
    safe = {"PYTHONSAFEPATH": "1"}  # nor the modules of the working directory
    if python == sys.executable:
        return child_environment(first=str(ROOT)) | safe
    own = ("PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in child_environment().items() if name not in own} | safe


@cache
def fingerprint() -> str:
    """A hash of the package's code: a network is to mean the same on both sides."""
    package = ROOT / "snn"
    files = sorted(package.rglob("*.py"))
    parts = [part for file in files for part in (file.relative_to(package).as_posix().encode(), file.read_bytes())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def found() -> dict[str, str | None]:
    """What this interpreter and this machine have: versions, folders, and None for what is missing."""
    genn, cuda = _genn_folder(), os.environ.get("CUDA_PATH") or None
    return {
        "interpreter": sys.executable,
        "python": platform.python_version(),
        "snnsearch": fingerprint(),
        **{package: package_version(package) for package in ("brian2", "numpy", "brian2genn")},
        "genn_folder": genn,
        "genn": _first_line(Path(genn) / "version.txt") if genn else None,
        "compiler": shutil.which("g++"),
        "make": shutil.which("make"),
        "cuda_folder": cuda,
        "cuda": _cuda_version(Path(cuda)) if cuda else None,
        "gpu": next((str(device) for name in ("nvidia[0-9]*", "dxg") for device in Path("/dev").glob(name)), None),
    }


def examine(python: str) -> dict[str, str | None]:
    """What `found` says in an interpreter.

    Raises
    ------
    BuildError
        If it cannot say.
    """
    try:
        done = run_text(guarded(python, FOUND), variables(python), WAIT)
    except OSError as error:
        raise BuildError(f"{python} cannot be started: {error.strerror}; name another in {PYTHON}.") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{python} has not said within {WAIT:g} s what it has.") from error
    if done.returncode:
        raise unfit(python, done.stderr)
    return json.loads(done.stdout)


def check_genn(gpu: bool) -> None:
    """Raise `BuildError`, with all that is missing, if GeNN cannot run on a GPU, or on the CPU."""
    if missing := problems(examine(interpreter()), gpu):
        raise BuildError("\n".join(missing))


def unfit(python: str, words: str) -> BuildError:
    """The error for an interpreter that could not run this package, by its last words."""
    lines = words.strip().splitlines()
    return BuildError(
        f"{python} must have this package and what it needs there, but says: {lines[-1] if lines else 'nothing'}. "
        f"Install them: {python} -m pip install {shlex.join(REQUIREMENTS)} && {python} -m pip install --no-deps "
        f"{_source()}"
    )


def problems(found: Found, gpu: bool = True) -> list[str]:
    """What keeps GeNN from running where that was found, on a GPU or on the CPU: each one sentence, with a remedy."""
    python = found["interpreter"]
    missing = []
    if found["snnsearch"] != fingerprint():
        missing.append(
            f"{python} has another version of this package: install it again, with {python} -m pip install --no-deps "
            f"--force-reinstall {_source()}."
        )
    brian2, numpy = found["brian2"] or "none", found["numpy"] or "none"
    if found["brian2genn"] is None or not brian2.startswith("2.5.") or not numpy.startswith("1."):
        missing.append(
            f"Brian2GeNN 1.7 with brian2 2.5 and numpy 1 is needed, but {python} has brian2genn "
            f"{found['brian2genn'] or 'none'}, brian2 {brian2} and numpy {numpy}: make an environment: {installation()}"
        )
    if found["genn_folder"] is None:
        given = os.environ.get("GENN_PATH")
        missing.append(
            "GENN_PATH must be the folder of GeNN 4.9, with bin/genn-buildmodel.sh in it, but is "
            f"{repr(given) if given else 'not set'}: unpack its source release, and set GENN_PATH to that folder."
        )
    for part, package in (("compiler", "g++"), ("make", "make")):
        if found[part] is None:
            missing.append(f"{package} is not on the PATH: install it (Debian: apt install {package}).")
    return missing + (_gpu_problems(found) if gpu else [])


def _gpu_problems(found: Found) -> list[str]:
    missing = []
    if found["cuda"] is None:
        folder = found["cuda_folder"]
        missing.append(
            "CUDA_PATH must be the folder of the CUDA toolkit, with bin/nvcc in it, but is "
            f"{repr(folder) if folder else 'not set'}: install the toolkit, and set CUDA_PATH (often /usr/local/cuda)."
        )
    if found["gpu"] is None:
        missing.append("No NVIDIA GPU is seen on this machine: use one that has, or the backend genn:cpu.")
    return missing


def notes(found: Found) -> list[str]:
    """What may keep it from running."""
    cuda = found["cuda"]
    if cuda is None or int(cuda.partition(".")[0]) <= CUDA_KNOWN:
        return []
    return [
        f"GeNN 4.9 was written for CUDA up to {CUDA_KNOWN}, and this is {cuda}: if GeNN does not compile, give "
        "cuCtxCreate in its src/genn/backends/cuda/optimiser.cc a null pointer as second argument, or install a CUDA "
        f"{CUDA_KNOWN}."
    ]


def package_version(package: str) -> str | None:
    """The version of a package of this interpreter; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _genn_folder() -> str | None:
    """Where Brian2GeNN looks for GeNN."""
    on_path = shutil.which("genn-buildmodel.sh")
    folder = variable("GENN_PATH") or (Path(on_path).absolute().parents[1] if on_path else None)
    return str(folder) if folder and (folder / "bin" / "genn-buildmodel.sh").exists() else None


def _first_line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0]
    except OSError:
        return None


def _cuda_version(folder: Path) -> str | None:
    """The version of a CUDA toolkit, as its compiler tells it."""
    try:
        command = [str(folder / "bin" / "nvcc"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=WAIT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    release = re.search(r"release ([0-9]+\.[0-9]+)", said.stdout)
    return release[1] if release else None
