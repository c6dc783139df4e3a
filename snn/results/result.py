"""What a run gives: predictions, scores, costs, weights, and where they came from."""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from snn.backends.state import State
from snn.chip import LOIHI, EnergyTable
from snn.errors import SNNError
from snn.npy import read_npz
from snn.profile import largest
from snn.readonly import protect
from snn.results.part import PARTS, Part, mean, sliding_mean

COSTS = ("spikes", "synaptic_operations", "weight_writes")


@dataclass(frozen=True)
class Result:
    """A finished run. Its arrays and mappings are read-only: ``array.copy()`` and ``dict(mapping)`` can be changed.

    Attributes
    ----------
    task : str
    seed : int
    backend, dtype : str
    stream : Part
        As far as it went.
    validation : Part or None
        None if the run stopped before the stream's end.
    test : Part or None
        None unless the test part was asked for.
    counts : mapping of str to float
        Totals over the stream: ``spikes``, ``synaptic_operations`` (spikes times synapses that they crossed),
        ``weight_writes`` (those that changed a weight), ``weight_reads`` (one for each operation and each write; not in
        files of older versions), ``samples``, ``steps``, ``neuron_updates`` (neurons of all
        populations, without inputs and readouts, times steps).
    weights : mapping of str to array
        Final weights by projection, in the order of its synapses.
    recordings : mapping of str to array
        What was recorded: spikes as rows of (step, neuron), states as rows of steps.
    dt_ms : float
        Time step.
    period : int
        Steps of a sample and the gap after it.
    versions, hashes : mapping of str to str
    seconds : float
        Wall time, building included.
    run_seconds : float
        Wall time from when the program was there.
    builds : int
        How many programs were compiled for it: 0 or 1.
    peak_memory_bytes : int or None
        The most memory that its program held. None from the runtime backends, which run in this process.
    state : State or None
        Where a run stopped before the stream's end, for `Task.run(after=...)`; None at the end.
    memory_bits : int or None
        Bits of every number that the network keeps (`snn.lowering.memory.memory_bits`). None from a file of an older
        version.
    energy_table : EnergyTable
        The energies of operations: of the network's chip, if it has one, else of Loihi.
    """

    task: str
    seed: int
    backend: str
    dtype: str
    stream: Part
    validation: Part | None
    test: Part | None
    counts: Mapping[str, float]
    weights: Mapping[str, np.ndarray]
    recordings: Mapping[str, np.ndarray]
    dt_ms: float
    period: int
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    run_seconds: float = 0.0
    builds: int = 0
    peak_memory_bytes: int | None = None
    state: State | None = None
    memory_bits: int | None = None
    energy_table: EnergyTable = LOIHI

    def __post_init__(self) -> None:
        protect(self, "counts", "weights", "recordings", "versions", "hashes")

    @property
    def accuracy(self) -> float:
        """Accuracy on the validation part; NaN in a task without labels, and before the stream's end."""
        return np.nan if self.validation is None else self.validation.accuracy

    @property
    def loss(self) -> float:
        """Mean loss on the validation part; NaN where the readout has none, and before the stream's end."""
        return np.nan if self.validation is None else self.validation.loss

    @property
    def prequential_accuracy(self) -> float:
        """Accuracy over the stream, each sample predicted before it was learned."""
        return self.stream.accuracy

    @property
    def prequential_loss(self) -> float:
        """Mean loss over the stream, each sample taken before it was learned; NaN where the readout has none."""
        return self.stream.loss

    @property
    def test_accuracy(self) -> float | None:
        """Accuracy on the test part, if it was scored."""
        return None if self.test is None else self.test.accuracy

    @property
    def test_loss(self) -> float | None:
        """Mean loss on the test part, if it was scored."""
        return None if self.test is None else self.test.loss

    @property
    def labelled(self) -> bool:
        """Whether the task has labels, so that there are accuracies."""
        return self.stream.labels is not None

    @property
    def spikes(self) -> float:
        """Spikes per streamed sample, inputs included."""
        return self._per_sample("spikes")

    @property
    def synaptic_operations(self) -> float:
        """Synaptic operations per streamed sample."""
        return self._per_sample("synaptic_operations")

    @property
    def weight_writes(self) -> float:
        """Weight writes per streamed sample."""
        return self._per_sample("weight_writes")

    @property
    def energy_j(self) -> float | None:
        """Joules per streamed sample, estimated from its counts with the energies of `energy_table`.

        ``result.energy_table.explain(result.counts)`` says how, and what is assumed. None in a file of an older
        version.
        """
        if "neuron_updates" not in self.counts:
            return None
        return self.energy_table.joules(self.counts) / max(1, int(self.counts["samples"]))

    @property
    def settling_time_ms(self) -> float | None:
        """Mean time into a validation sample, in ms, from which on the decision no longer changes.

        From the sample's start to the end of the first step after which the decision is what it is at the sample's
        end (that of the gap after it) and stays so: a decision that never changes has settled after one time step.
        None unless the run was asked for it (`Task.run(..., settling=True)`).
        """
        settled = None if self.validation is None else self.validation.settled
        return None if settled is None else mean(settled) * self.dt_ms

    def _per_sample(self, name: str) -> float:
        return float(self.counts[name]) / max(1, int(self.counts["samples"]))

    def prequential_curve(self, window: int = 100) -> np.ndarray:
        """Accuracy over a sliding window of the stream (over fewer samples at its beginning), shape (n,)."""
        return sliding_mean(self.stream.right, window)

    def loss_curve(self, window: int = 100) -> np.ndarray:
        """Mean loss over a sliding window of the stream (over fewer samples at its beginning), shape (n,)."""
        return sliding_mean(self.stream.losses, window)

    def followed_by(self, later: Result) -> Result:
        """The run that stopped here and went on: the two as one."""
        return replace(
            later,
            stream=self.stream.followed_by(later.stream),
            counts={name: count + later.counts[name] for name, count in self.counts.items()},
            recordings=joined_recordings(self.recordings, later.recordings),
            seconds=self.seconds + later.seconds,
            run_seconds=self.run_seconds + later.run_seconds,
            builds=self.builds + later.builds,
            peak_memory_bytes=largest(self.peak_memory_bytes, later.peak_memory_bytes),
        )

    def summary(self) -> str:
        """The result in a few lines."""
        score = "accuracy" if self.labelled else "loss"
        validation = "not scored" if self.validation is None else f"{getattr(self.validation, score):.4f}"
        rows = [
            ("task", f"{self.task}, {len(self.stream)} samples streamed, seed {self.seed}"),
            (f"prequential {score}", f"{getattr(self.stream, score):.4f}"),
            (f"validation {score}", validation),
        ]
        if self.labelled and np.isfinite(self.loss):
            rows.append(("validation loss", f"{self.loss:.4f}"))
        rows.append((f"test {score}", "not scored" if self.test is None else f"{getattr(self.test, score):.4f}"))
        rows += [(f"{cost.replace('_', ' ')} / sample", f"{self._per_sample(cost):,.0f}") for cost in COSTS]
        if self.energy_j is not None:
            rows.append(("energy / sample (estimate)", f"{self.energy_j * 1e9:,.1f} nJ by {self.energy_table.name}"))
        if self.settling_time_ms is not None:
            rows.append(("settling time", f"{self.settling_time_ms:,.4g} ms"))
        if self.memory_bits is not None:
            rows.append(("memory of the network", f"{self.memory_bits:,} bits"))
        rows.append(("weights", f"{sum(w.size for w in self.weights.values()):,}"))
        if self.peak_memory_bytes is not None:
            rows.append(("peak memory of the program", f"{self.peak_memory_bytes / 2**20:,.1f} MiB"))
        rows.append(("run", f"{self.backend}, {self.dtype}, {self.seconds:.1f} s"))
        if self.energy_j is not None and self.energy_table.assumptions:
            lines = textwrap.wrap(f"that {self.energy_table.assumptions}", 90)
            rows += zip(["the estimate assumes", *[""] * len(lines)], lines, strict=False)
        return "\n".join(f"{name:>28}  {text}" for name, text in rows)

    def plot(self, axes: Any = None) -> Any:
        """Draw learning curve, spike raster (if spikes were recorded) and weights; three axes in, three axes out.

        The learning curve is that of the accuracy, or of the loss in a task without labels.
        """
        from snn.results.plots import plot_result

        return plot_result(self, axes)

    def save(self, path: str | Path) -> None:
        """Write a file of plain arrays and a JSON text."""
        with open(path, "wb") as file:
            self._write(file, np.savez_compressed)

    def to_bytes(self) -> bytes:
        """What `save` writes, not compressed."""
        file = io.BytesIO()
        self._write(file, np.savez)
        return file.getvalue()

    def _write(self, file: IO[bytes], savez: Callable[..., None]) -> None:
        arrays: dict[str, np.ndarray] = {}
        for part in PARTS:
            if (value := getattr(self, part)) is not None:
                arrays |= {f"{part}:{name}": array for name, array in vars(value).items() if array is not None}
        arrays |= {f"weights:{name}": array for name, array in self.weights.items()}
        arrays |= {f"recordings:{name}": array for name, array in self.recordings.items()}
        plain = {name: getattr(self, name) for name in _PLAIN}
        plain["energy_table"] = asdict(self.energy_table)
        if self.state is not None:
            arrays |= {f"state:{name}": array for name, array in self.state.arrays.items()}
            plain["step"] = self.state.step
        savez(file, plain=np.array(json.dumps(plain)), **arrays)

    @staticmethod
    def load(path: str | Path) -> Result:
        """Read a file that `save` has written; nothing in it is executed.

        Raises
        ------
        SNNError
            If the file is not a result.
        """
        return _read(path, str(path))

    @staticmethod
    def from_bytes(data: bytes) -> Result:
        """The result of which `to_bytes` gave the bytes; nothing in them is executed.

        Raises
        ------
        SNNError
            If they are not those of a result.
        """
        return _read(io.BytesIO(data), f"What begins with {data[:8]!r}")


def _read(file: str | Path | IO[bytes], name: str) -> Result:
    try:
        arrays = read_npz(file)
        plain = json.loads(str(arrays.pop("plain")))
        parts = {part: _part(arrays, part) for part in PARTS}
        return Result(
            **parts,  # type: ignore[arg-type]
            weights=_prefixed(arrays, "weights:"),
            recordings=_prefixed(arrays, "recordings:"),
            state=State(int(plain["step"]), _prefixed(arrays, "state:")) if "step" in plain else None,
            **{name: plain[name] for name in _PLAIN if name in plain},  # older versions had fewer
            energy_table=EnergyTable(**plain["energy_table"]) if "energy_table" in plain else LOIHI,
        )
    except Exception as error:  # files, zip, zlib, NumPy and JSON each have their own
        foreign = f"it was not written by save() ({type(error).__name__}: {error})"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else foreign
        raise SNNError(f"{name} is not a result that can be read: {reason}.") from error


def joined_recordings(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What was recorded of two pieces of a run, as one."""
    return {name: np.concatenate([a, after[name]]) if len(a) else after[name] for name, a in before.items()}


_PLAIN = (
    *("task", "seed", "backend", "dtype", "counts", "dt_ms", "period", "versions", "hashes", "seconds", "builds"),
    *("run_seconds", "peak_memory_bytes", "memory_bits"),
)


def _prefixed(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _part(arrays: Mapping[str, np.ndarray], name: str) -> Part | None:
    found: dict[str, Any] = _prefixed(arrays, f"{name}:")
    if list(found) == ["losses"]:  # neither labels nor predictions: a task without labels
        found |= {"predictions": None, "labels": None}
    return Part(**found) if found else None
