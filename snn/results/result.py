"""The result of a run: predictions, scores, costs, weights and their origin."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from snn.backends.state import State
from snn.chip import LOIHI, EnergyTable
from snn.profile import largest
from snn.readonly import protect
from snn.results.files import read, to_arrays
from snn.results.part import Part, mean, sliding_mean

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
        Bits of every number that the network keeps. None from a file of an older version.
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
            np.savez_compressed(file, **to_arrays(vars(self)))  # type: ignore[arg-type]  # NumPy's stub forbids names

    def to_bytes(self) -> bytes:
        """Return the content of a file as `save` writes it, not compressed."""
        file = io.BytesIO()
        np.savez(file, **to_arrays(vars(self)))  # type: ignore[arg-type]  # NumPy's stub forbids names
        return file.getvalue()

    @staticmethod
    def load(path: str | Path) -> Result:
        """Read a file that `save` has written; nothing in it is executed.

        Raises
        ------
        SNNError
            If the file is not a result.
        """
        return read(path, str(path), Result)

    @staticmethod
    def from_bytes(data: bytes) -> Result:
        """The result of which `to_bytes` gave the bytes; nothing in them is executed.

        Raises
        ------
        SNNError
            If they are not those of a result.
        """
        return read(io.BytesIO(data), f"What begins with {data[:8]!r}", Result)


def joined_recordings(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Join the recordings of two pieces of a run."""
    return {name: np.concatenate([a, after[name]]) if len(a) else after[name] for name, a in before.items()}
