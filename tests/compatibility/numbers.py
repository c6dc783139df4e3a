"""The runs whose numbers are stored, and what is compared of each."""

from __future__ import annotations

import numpy as np

from snn import NetworkSpec, Result
from tests.compatibility.networks import CASES

BACKENDS = ("runtime", "standalone")
SEED = 3


def run(name: str, spec: NetworkSpec, backend: str) -> Result:
    """A run of one of the cases, with everything recorded and scored."""
    case = CASES[name]
    record = ("spikes", *case.states, *(f"{name}.weight" for name in recorded_weights(spec)))
    kind = {"seed": SEED, "backend": backend, "dtype": "float64"}
    return case.task.run(spec, **kind, record=record, record_samples=100, test=True)


def recorded_weights(spec: NetworkSpec) -> list[str]:
    """The projections whose weights are recorded after every sample: those that have no name of their own."""
    return [p.name for p in spec.projections if p.name == f"{p.source}->{p.target}"]


def arrays(spec: NetworkSpec, result: Result) -> dict[str, np.ndarray]:
    """Every number that a run gives, by a name that says which it is."""
    found = {f"weights {name}": array for name, array in result.weights.items()}
    for name in recorded_weights(spec):
        key = name.replace("->", "_to_") + ".weight"
        found[f"recorded {name}.weight"] = result.recordings[key]
    plain = {key: array for key, array in result.recordings.items() if not key.endswith(".weight")}
    found |= {f"recorded {key}": array for key, array in plain.items()}
    for part in ("stream", "validation", "test"):
        for what in ("losses", "predictions"):
            found[f"{part} {what}"] = getattr(getattr(result, part), what)
    return found | {f"count {name}": np.asarray(float(count)) for name, count in result.counts.items()}
