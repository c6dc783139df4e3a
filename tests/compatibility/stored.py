"""Where the stored data lie, how they are read, and how outputs are compared."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
NETWORKS = DATA / "networks.jsonl.gz"
SCRIPT = DATA / "digits.txt"  # text, so that no tool changes the script that the studies name
FOLDER = Path("/tmp/snnsearch-compatibility")  # where the studies were made; outputs name it
VOLATILE = {"seconds", "builds", "peak_memory_bytes", "profile"}
FEATURES = {"avx", "avx2", "fma", "avx512f", "avx512dq", "asimd", "sve"}  # of a processor: its loops and its exp()


def networks() -> dict[str, str]:
    """The JSON of every stored network, by its name."""
    with gzip.open(NETWORKS, "rt", encoding="utf-8") as file:
        return dict(json.loads(line) for line in file)


def read(name: str) -> Any:
    """The content of a stored JSON file."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def copy_study(kind: str, folder: Path) -> Path:
    """Copy a stored study and its script to a folder; the path of the script."""
    shutil.copytree(DATA / "studies" / kind, folder, dirs_exist_ok=True)
    for packed in folder.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    script = folder / "digits.py"
    shutil.copyfile(SCRIPT, script)
    return script


def place(kind: str, script: Path) -> list[str]:
    """The arguments of a command that name a copied study."""
    database = script.with_suffix(".db")
    return [str(script), *(["--storage", f"sqlite:///{database}"] if kind == "sqlite" else [])]


def neutral(text: str, folder: Path) -> str:
    """A text in which the folder of a study is the one that it was recorded in."""
    return text.replace(str(folder), str(FOLDER))


def stable(value: Any) -> Any:
    """JSON without the fields that differ between two runs of one command."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    return [stable(item) for item in value] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """The keys of JSON and the kinds of its values; of a list, those of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def surroundings() -> dict[str, Any]:
    """The libraries, the compiler and the processor's features on which the last bits of a number depend."""
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    libc = subprocess.run(["ldd", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    flags = set(Path("/proc/cpuinfo").read_text().split()) & FEATURES
    packages = {name: version(name) for name in ("numpy", "brian2", "sympy", "optuna", "scikit-learn")}
    return packages | {"g++": compiler, "libc": libc.split()[-1], "features": sorted(flags)}
