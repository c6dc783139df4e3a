"""Candidates that differ in all that candidates of one structure may differ in: numbers, sizes, seeds and samples."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from snn.backends.batch import Population
from snn.backends.options import PLAIN, RunOptions
from snn.backends.program import Candidate, Outcome, Samples, finished
from snn.backends.runtime.program import RuntimeProgram
from snn.lowering.plan.plan import Plan
from snn.network.checks.network import problems
from snn.network.data import INPUTS
from snn.network.spec import NetworkSpec
from tests.support.networks import spec_of, stream_for

RUNTIME = RuntimeProgram("numpy", "float64")


@dataclass(frozen=True)
class Run:
    """A candidate and its samples."""

    candidate: Candidate
    samples: Samples

    @property
    def plan(self) -> Plan:
        return self.candidate.plan


def resized(spec: NetworkSpec, more: int) -> NetworkSpec:
    """The network with so many more neurons in each population and readout that may have them."""
    for name in spec.sizes():
        if name == INPUTS:
            continue
        populations = tuple(dataclasses.replace(p, n=p.n + more) if p.name == name else p for p in spec.populations)
        readouts = tuple(
            dataclasses.replace(r, readout=dataclasses.replace(r.readout, n=r.readout.n + more))
            if r.name == name
            else r
            for r in spec.readouts
        )
        larger = dataclasses.replace(spec, populations=populations, readouts=readouts)
        spec = spec if problems(larger) else larger
    return spec


def candidates(name: str, n: int = 2, k: int = 3, **options) -> list[Run]:
    """Candidates of a network of `tests.support.networks`; every constant differs."""
    spec = spec_of(name)
    runs = []
    for number in range(k):
        candidate = Candidate(resized(spec, number), 3 + number)
        change_numbers(candidate.plan, number)
        samples = stream_for(name, n=n, seed=number, **options)
        runs.append(Run(candidate, wide_enough(candidate.plan, samples)))
    return runs


def change_numbers(lowered: Plan, number: int) -> None:
    """Change constants: reals by some percents, registers of spikes by some steps, other whole numbers by one."""
    for block in lowered.blocks():
        for name, variable in block.variables.items():
            if variable.role == "constant" and "seed" not in name:
                if variable.kind == "float":
                    variable.value = variable.value * (1 - 0.03 * number)
                elif name == "history_size" or name.endswith("_lag"):
                    variable.value = variable.value * 2**number
                else:
                    variable.value = variable.value + number


def wide_enough(lowered: Plan, samples: Samples) -> Samples:
    """The samples with signals repeated to as many columns as the network's populations have neurons."""
    signals = dict(samples.signals)
    for name, use in lowered.signals.items():
        source = use.of or name
        array = np.asarray(signals[source])
        if array.ndim > (2 if use.per == "step" else 1) and array.shape[-1] < use.width:
            signals[source] = np.take(array, np.arange(use.width) % array.shape[-1], axis=-1)
    return dataclasses.replace(samples, signals=signals)


def alone(run: Run, options: RunOptions = PLAIN) -> Outcome:
    """A candidate's outcome by itself."""
    return finished(RUNTIME.simulate(run.candidate, run.samples, None, options), options)


def among(runs: list[Run], options: RunOptions = PLAIN) -> list[Outcome]:
    """The candidates' outcomes as a population."""
    population = Population([run.plan for run in runs])
    samples = population.samples([run.samples for run in runs])
    outcomes = population.split(RUNTIME.simulate(population, samples, None, options))
    return [finished(outcome, options) for outcome in outcomes]


def differences(one: Outcome, other: Outcome) -> dict[str, float]:
    """By name, the largest difference of arrays that differ at all; infinite where shapes or kinds do."""
    found: dict[str, float] = {}
    for part in ("outputs", "totals", "recordings", "state"):
        ours, theirs = (getattr(o, part) if part != "state" else o.state.arrays for o in (one, other))
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            if array.shape != theirs[name].shape or array.dtype != theirs[name].dtype:
                found[name] = np.inf
            elif not np.array_equal(array, theirs[name], equal_nan=True):
                found[name] = float(np.abs(array.astype(float) - theirs[name]).max())
    assert one.state.step == other.state.step
    return found
