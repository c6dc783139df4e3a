"""Many candidates in one simulation on GeNN, beside one core: ``python -m tests.benchmarks.population``.

The candidates are networks of the digits study (`studies/digits.py`: 64 inputs, 200 neurons, 10 classes; 14,800
synapses that learn by e-prop), each with numbers, weights and an order of digits of its own, for so many digits of 30
steps. By the number of candidates, with the plain command on a GPU and with ``--backend genn:cpu`` on GeNN's code for
one core:

- ms_per_1000_steps: of the steps alone, without building, reading and writing
- ns_per_synapse_step: the same over all synapses of all candidates
- share_of_copy: the bytes of every synapse's numbers, read once and written once a step, over what a copy from device
  memory to device memory moves in the same time, read and written; on a GPU only

``standalone`` is the compiled program of this package for one candidate on one core of the same machine: seconds of CPU
of a run less those of one of a few digits. ``crossover`` is the number of candidates from which on GeNN is faster than
running them one after the other on that core, between those measured: the smallest if that is faster already.
"""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from optuna.trial import FixedTrial

from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Samples
from snn.backends.registry import load_program
from tasks import Digits
from tests.benchmarks.compare import arguments, cpu_seconds
from tests.benchmarks.digits_study import digits_study

SIZES = (1, 16, 256, 1024)
STEPS, HIDDEN, FEW = 30, 200, 8
COPY = Path(__file__).with_name("population_copy.cu")


def candidates(count: int) -> list[Candidate]:
    """Networks of the study, with numbers drawn from its ranges."""
    network = digits_study().network
    found = []
    for number in range(count):
        rng = np.random.default_rng(number)
        chosen = {"rate_hz": rng.uniform(120, 300), "tau_m_ms": rng.uniform(12, 40), "v_th": rng.uniform(0.5, 1.2)}
        chosen |= {"n": HIDDEN, "tau_out_ms": rng.uniform(2, 8), "gain": rng.uniform(0.7, 1.5)}
        chosen |= {"lr": rng.uniform(3e-5, 2e-4), "lr_out": rng.uniform(0.03, 0.08)}
        found.append(Candidate(network(FixedTrial(chosen)).freeze(), number))
    return found


def streams(count: int, digits: int) -> list[Samples]:
    """Each candidate's digits, in an order of its own."""
    data = Digits().data
    on, off = np.ones(digits, bool), np.zeros(digits, bool)
    flags = {"learn": on, "teach": on, "reset": on, "preview": off, "record": off}
    found = []
    for number in range(count):
        rows = np.random.default_rng(number).permutation(len(data.labels))[:digits]
        signals = {name: np.asarray(array[rows]) for name, array in data.arrays.items()}
        found.append(Samples(steps=STEPS, signals=signals, **flags))
    return found


def synapses(candidate: Candidate) -> int:
    """How many carry spikes, all of which learn."""
    return sum(len(block.pre) for block in candidate.plan.synapses.values() if block.transmits)


def moved(candidate: Candidate, dtype: str) -> int:
    """Bytes of a candidate's numbers that are a synapse's own and change, read once and written once."""
    numbers = [
        len(block.pre)
        for block in candidate.plan.synapses.values()
        for variable in block.variables.values()
        if variable.role in ("state", "lasting") and "shared" not in str(variable.declaration)
    ]
    return 2 * np.dtype(dtype).itemsize * sum(numbers)


def copy() -> dict[str, object]:
    """The device's name, and bytes a second of a large copy within its memory."""
    nvcc = Path(os.environ.get("CUDA_PATH", "/usr/local/cuda")) / "bin" / "nvcc"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "copy"
        subprocess.run([str(nvcc), "-O2", str(COPY), "-o", str(program)], check=True)
        return json.loads(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)


def seconds_on_genn(backend: str, dtype: str, count: int, digits: int) -> float:
    """Seconds that the steps of so many candidates take in one simulation."""
    networks = candidates(count)
    program = load_program(networks[0], backend, dtype)
    outcomes = program.advance(networks, streams(count, digits), [None] * count, RunOptions(state=False))
    return outcomes[0].seconds


def seconds_on_a_core(dtype: str, digits: int) -> float:
    """CPU seconds that the steps of one candidate take in the compiled program."""
    (candidate,) = candidates(1)
    program = load_program(candidate, "standalone", dtype)

    def spent(some: int) -> float:
        begin = cpu_seconds(resource.RUSAGE_CHILDREN)
        program.advance([candidate], streams(1, some), [None])
        return cpu_seconds(resource.RUSAGE_CHILDREN) - begin

    return spent(digits + FEW) - spent(FEW)


def measured(seconds: float, count: int, digits: int, number: int) -> dict[str, float]:
    """What is reported of a time."""
    steps = digits * STEPS
    return {
        "ms_per_1000_steps": 1e6 * seconds / steps,
        "ns_per_synapse_step": 1e9 * seconds / (steps * number * count),
    }


def crossover(populations: Mapping[str, Mapping[str, float]], alone: float) -> float | None:
    """Candidates from which on a simulation of all is faster than one after the other, between those measured."""
    sizes = [(int(size), found["ms_per_1000_steps"]) for size, found in populations.items()]
    if sizes[0][1] <= alone * sizes[0][0]:
        return float(sizes[0][0])
    for (few, before), (many, after) in pairwise(sizes):
        if after <= alone * many:
            ratios = [math.log(before / (alone * few)), math.log(after / (alone * many))]
            return few * (many / few) ** (ratios[0] / (ratios[0] - ratios[1]))
    return None


def main() -> None:
    """Measure, and print."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--backend", choices=("genn", "genn:cpu"), default="genn", help="default genn, on a GPU")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of candidates")
    parser.add_argument("--digits", type=int, default=100, help="of each candidate (default 100)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="default float32")
    chosen = parser.parse_args()
    device = copy() if chosen.backend == "genn" else None
    (one,) = candidates(1)
    number = synapses(one)
    core = [seconds_on_a_core(chosen.dtype, chosen.digits) for _ in range(chosen.rounds)]
    alone = measured(statistics.median(core), 1, chosen.digits, number)
    populations: dict[str, dict[str, float]] = {}
    for count in chosen.sizes:
        seconds = seconds_on_genn(chosen.backend, chosen.dtype, count, chosen.digits)
        populations[str(count)] = found = measured(seconds, count, chosen.digits, number)
        if device is not None:
            moving = moved(one, chosen.dtype) * count * chosen.digits * STEPS / seconds
            found["share_of_copy"] = moving / float(str(device["bytes_per_second"]))
        print(f"{count} candidates: {found}", file=sys.stderr, flush=True)
    result = {"populations": populations, "standalone": alone} | ({"copy": device} if device else {})
    result["crossover"] = crossover(populations, alone["ms_per_1000_steps"])
    print(json.dumps(result) if chosen.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
