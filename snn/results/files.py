"""Files of results: plain arrays and JSON, without executable content."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from snn.backends.state import State
from snn.chip import LOIHI, EnergyTable
from snn.errors import SNNError
from snn.npy import read_npz
from snn.results.part import PARTS, Part

T = TypeVar("T")
PLAIN = (
    *("task", "seed", "backend", "dtype", "counts", "dt_ms", "period", "versions", "hashes", "seconds", "builds"),
    *("run_seconds", "peak_memory_bytes", "memory_bits"),
)
"""Fields that are written as JSON."""


def to_arrays(fields: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the fields of a `Result` as named arrays."""
    arrays: dict[str, np.ndarray] = {}
    for part in PARTS:
        if (value := fields[part]) is not None:
            arrays |= {f"{part}:{name}": array for name, array in vars(value).items() if array is not None}
    arrays |= {f"weights:{name}": array for name, array in fields["weights"].items()}
    arrays |= {f"recordings:{name}": array for name, array in fields["recordings"].items()}
    plain = {name: fields[name] for name in PLAIN}
    plain["energy_table"] = asdict(fields["energy_table"])
    if (state := fields["state"]) is not None:
        arrays |= {f"state:{name}": array for name, array in state.arrays.items()}
        plain["step"] = state.step
    return {"plain": np.array(json.dumps(plain)), **arrays}


def read(file: str | Path | IO[bytes], name: str, make: Callable[..., T]) -> T:
    """Read a `Result` from a file.

    Parameters
    ----------
    file : path or binary file
    name : str
        The file's name in messages.
    make : callable
        `Result`, which takes the fields.

    Raises
    ------
    SNNError
        If the file is not a result.
    """
    try:
        arrays = read_npz(file)
        plain = json.loads(str(arrays.pop("plain")))
        fields = {
            **{part: _part(arrays, part) for part in PARTS},
            **{field: plain[field] for field in PLAIN if field in plain},  # older versions had fewer
            "weights": _prefixed(arrays, "weights:"),
            "recordings": _prefixed(arrays, "recordings:"),
            "state": State(int(plain["step"]), _prefixed(arrays, "state:")) if "step" in plain else None,
            "energy_table": EnergyTable(**plain["energy_table"]) if "energy_table" in plain else LOIHI,
        }
        return make(**fields)
    except Exception as error:  # files, zip, zlib, NumPy and JSON each have their own
        foreign = f"it was not written by save() ({type(error).__name__}: {error})"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else foreign
        raise SNNError(f"{name} is not a result that can be read: {reason}.") from error


def _prefixed(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _part(arrays: Mapping[str, np.ndarray], name: str) -> Part | None:
    found: dict[str, Any] = _prefixed(arrays, f"{name}:")
    if list(found) == ["losses"]:  # neither labels nor predictions: a task without labels
        found |= {"predictions": None, "labels": None}
    return Part(**found) if found else None
