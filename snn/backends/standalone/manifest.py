"""The manifest of an entry: its network, compiler and versions."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.network.spec import NetworkSpec

MANIFEST = "manifest.json"
TEXTS = ("dtype", "compiler", "brian2", "created")


def write_manifest(binary: Path, spec: NetworkSpec, dtype: str) -> None:
    """Write what `read_manifest` reads, at the end of the process that has built the binary."""
    from snn.backends.standalone.compiler import compiler_version
    from snn.profile import cpu_seconds
    from snn.system.versions import installed

    manifest = {
        "sha256": hashlib.sha256(binary.read_bytes()).hexdigest(),
        "structure": _structure(spec),
        "dtype": dtype,
        "compiler": compiler_version(),
        "brian2": installed("brian2"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "build_cpu_seconds": round(cpu_seconds(), 3),
    }
    binary.with_name(MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _structure(spec: NetworkSpec) -> dict[str, dict[str, str]]:
    """The kinds of a network's parts, by their names."""

    def kind(part: Any) -> str:
        return type(part).__name__

    populations = {"inputs": kind(spec.inputs)}
    populations |= {population.name: kind(population.model) for population in spec.populations}
    populations |= {named.name: kind(named.readout) for named in spec.readouts}
    projections = {p.name: f"{kind(p.connection)} {kind(p.rule)}" for p in spec.projections}
    return {"populations": populations, "projections": projections}


def read_manifest(entry: Path) -> dict[str, Any] | None:
    """Read the manifest of an entry: ``structure`` (kinds of populations and projections, by name), ``dtype``,
    ``compiler``, ``brian2``, ``created`` and ``build_cpu_seconds``. None if any of them is missing.
    """
    try:
        data = json.loads((entry / MANIFEST).read_text(encoding="utf-8"))
        structure = {part: dict(data["structure"][part]) for part in ("populations", "projections")}
        texts = [data[name] for name in TEXTS] + [text for part in structure.values() for text in part.values()]
        seconds = data["build_cpu_seconds"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    numeric = isinstance(seconds, int | float) and math.isfinite(seconds)
    if not numeric or not all(isinstance(text, str) for text in texts):
        return None
    return {"structure": structure} | {name: data[name] for name in TEXTS} | {"build_cpu_seconds": seconds}
