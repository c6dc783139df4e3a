"""The requirements of the GeNN backends, and messages about missing ones."""

from __future__ import annotations

import os
import shlex
from importlib.metadata import version

from snn.backends.genn.inventory import ROOT, Found, fingerprint
from snn.errors import BuildError

PYTHON = "SNNSEARCH_GENN_PYTHON"
REQUIREMENTS = (
    "brian2genn==1.7.0",  # the last for GeNN 4, and there is none for GeNN 5
    "brian2==2.5.4",  # Brian2GeNN needs one below 2.6
    "numpy<2",  # that brian2 does, without saying so
    "setuptools<81",  # Brian2GeNN imports pkg_resources
)
"""Beside this package itself, which `installation` installs without its dependencies."""
CUDA_KNOWN = 12  # GeNN 4.9 calls the driver as CUDA up to this version has it


def installation(folder: str = "genn-env") -> str:
    """The commands that make an environment."""
    pip = f"{folder}/bin/pip"
    return (
        f"python3.11 -m venv {folder} && {pip} install {shlex.join(REQUIREMENTS)} && {pip} install --no-deps "
        f"{_source()} && export {PYTHON}=$PWD/{folder}/bin/python"
    )


def _source() -> str:
    """Return the source from which pip installs this package."""
    if (ROOT / "pyproject.toml").exists():  # a checkout, which changes
        return f"--editable {shlex.quote(str(ROOT))}"
    return f"snnsearch=={version('snnsearch')}"


def unfit(python: str, words: str) -> BuildError:
    """The error for an interpreter that could not run this package, by its last words."""
    lines = words.strip().splitlines()
    return BuildError(
        f"{python} must have this package and what it needs there, but says: {lines[-1] if lines else 'nothing'}. "
        f"Install them: {python} -m pip install {shlex.join(REQUIREMENTS)} && {python} -m pip install --no-deps "
        f"{_source()}"
    )


def problems(found: Found, gpu: bool = True) -> list[str]:
    """Return the reasons why GeNN cannot run on a GPU or on the CPU, one sentence each, with a remedy."""
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
    """Return possible obstacles."""
    cuda = found["cuda"]
    if cuda is None or int(cuda.partition(".")[0]) <= CUDA_KNOWN:
        return []
    return [
        f"GeNN 4.9 was written for CUDA up to {CUDA_KNOWN}, and this is {cuda}: if GeNN does not compile, give "
        "cuCtxCreate in its src/genn/backends/cuda/optimiser.cc a null pointer as second argument, or install a CUDA "
        f"{CUDA_KNOWN}."
    ]
