"""Requests to a worker and its answers, as files in a folder: JSON, and arrays without pickle.

``request.json`` and, for the k-th of its runs, ``samples-k.npz`` and ``state-k.npz``; ``answer.json`` and
``outcome-k.npz`` and ``left-k.npz``. The answer is written last, so that one that is there is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snn import errors
from snn.backends.genn.inventory import fingerprint
from snn.backends.options import RunOptions
from snn.backends.program import FLAGS, Candidate, Outcome, Samples
from snn.backends.state import State
from snn.errors import BuildError, MachineError, Problems, RunError, SNNError
from snn.network.spec import NetworkSpec
from snn.npy import read_npz

REQUEST, ANSWER = "request.json", "answer.json"
NUMBERS = ("steps", "gap")
PARTS = ("outputs", "totals", "recordings")
SAID = ("peak_memory_bytes", "seconds", "not_finite")


@dataclass(frozen=True)
class EngineOptions(RunOptions):
    """Options of a worker's engine. Timeout, cancelling and profile stay with its driver.

    Attributes
    ----------
    gpu : bool
        Whether on a GPU; else GeNN's code for the CPU.
    folder : Path
        Where it may leave files: the exchange's own folder, which is gone afterwards.
    """

    gpu: bool = True
    folder: Path = Path()


@dataclass(frozen=True)
class Request:
    """Runs of one structure: as many candidates as samples and states.

    Attributes
    ----------
    engine : str
        Who runs them, one of `snn.backends.genn.worker.ENGINES`.
    dtype : {"float32", "float64"}
        Precision.
    """

    engine: str
    dtype: str
    candidates: Sequence[Candidate]
    samples: Sequence[Samples]
    states: Sequence[State | None]
    options: EngineOptions

    def write(self) -> None:
        """Write the request into the options' folder.

        Raises
        ------
        MachineError
            If there is no room for it.
        """
        folder, options = self.options.folder, self.options
        runs = []
        with _room(folder):
            for k, (candidate, samples, state) in enumerate(
                zip(self.candidates, self.samples, self.states, strict=True)
            ):
                numbers = {name: int(getattr(samples, name)) for name in NUMBERS}
                runs.append({"network": candidate.spec.to_json(), "seed": candidate.seed, "state": state is not None})
                runs[-1] |= numbers
                flags = {name: np.asarray(getattr(samples, name), bool) for name in FLAGS}
                _save(folder / f"samples-{k}.npz", {"flag": flags, "signal": samples.signals})
                if state is not None:
                    state.save(folder / f"state-{k}.npz")
            said = {"source": fingerprint(), "engine": self.engine, "dtype": self.dtype, "runs": runs}
            chosen = {name: getattr(options, name) for name in ("record", "state", "memory", "gpu")}
            (folder / REQUEST).write_text(json.dumps(said | {"options": chosen}), encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> Request:
        """Read a request.

        Raises
        ------
        BuildError
            If it was written by other code than this.
        SNNError
            If it cannot be read.
        """
        said = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        if said["source"] != fingerprint():
            raise BuildError("The worker's version of this package is another one: `snnsearch doctor` says what to do.")
        chosen = said["options"]
        options = EngineOptions(**chosen | {"record": tuple(chosen["record"]), "folder": folder})
        runs = list(enumerate(said["runs"]))
        return Request(
            said["engine"],
            said["dtype"],
            [Candidate(NetworkSpec.from_json(run["network"]), run["seed"]) for _, run in runs],
            [_samples(folder / f"samples-{k}.npz", run) for k, run in runs],
            [State.load(folder / f"state-{k}.npz") if run["state"] else None for k, run in runs],
            options,
        )


def write_outcomes(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write an answer."""
    with _room(folder):
        for k, outcome in enumerate(outcomes):
            _save(folder / f"outcome-{k}.npz", {part: getattr(outcome, part) for part in PARTS})
            outcome.state.save(folder / f"left-{k}.npz")
        said = [{name: getattr(outcome, name) for name in SAID} for outcome in outcomes]
        _answer(folder, {"outcomes": said})


def write_error(folder: Path, error: SNNError) -> None:
    """Write an error as the answer."""
    problems = list(error.problems) if isinstance(error, Problems) else None
    _answer(folder, {"error": type(error).__name__, "text": str(error), "problems": problems})


def read_outcomes(folder: Path) -> list[Outcome]:
    """Read an answer.

    Raises
    ------
    SNNError
        What the worker raised, of the same class.
    MachineError
        If there is no answer, or it cannot be read.
    """
    try:
        said = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
        if "error" in said:
            raise _error(said)
        return [_outcome(folder, k, run) for k, run in enumerate(said["outcomes"])]
    except SNNError:
        raise
    except Exception as error:  # files, zip, zlib and NumPy each have their own
        raise MachineError(f"The worker's answer cannot be read: {error}.") from error


def _outcome(folder: Path, k: int, said: Mapping[str, Any]) -> Outcome:
    arrays: dict[str, Any] = dict(_load(folder / f"outcome-{k}.npz", PARTS))
    return Outcome(**arrays, state=State.load(folder / f"left-{k}.npz"), **{name: said[name] for name in SAID})


def _error(said: Mapping[str, Any]) -> SNNError:
    kind = getattr(errors, str(said["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, SNNError)):
        kind = RunError
    return kind(said["problems"]) if issubclass(kind, Problems) else kind(said["text"])


def _answer(folder: Path, said: Mapping[str, Any]) -> None:
    draft = folder / f"{ANSWER}.draft"
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.rename(folder / ANSWER)


def _samples(path: Path, run: Mapping[str, Any]) -> Samples:
    arrays = _load(path, ("flag", "signal"))
    numbers: dict[str, Any] = {name: run[name] for name in NUMBERS}
    return Samples(signals=arrays["signal"], **numbers | arrays["flag"])


def _save(path: Path, parts: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Arrays by their part and name."""
    arrays = {f"{part}:{name}": np.asarray(array) for part, named in parts.items() for name, array in named.items()}
    with open(path, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _load(path: Path, parts: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {part: {} for part in parts}
    for key, array in read_npz(path).items():
        part, _, name = key.partition(":")
        found[part][name] = array
    return found


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"The numbers of a run cannot be written into {folder}: {error.strerror or error}; free some space there, "
            "or set TMPDIR to another folder."
        ) from error
