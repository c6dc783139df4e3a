"""How good the best is that a sampler finds in a given time: ``python -m tests.benchmarks.search_quality``.

Surfaces are noisy, mixed and conditional functions in closed form, larger networks take longer, and workers are
virtual: what is simulated is the time that evaluations take, what is real is every suggestion. All samplers have the
same virtual time, as much as `--evaluations` random ones would take. The best is the configuration with the highest
noisy observation, judged by its score without noise, so that luck with the noise is worth nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.compare import installed
from tests.benchmarks.space import Parameter, Surface
from tests.benchmarks.virtual import Clock, Contest, OptunaSide, Refits, search

NOISE = 0.02  # standard deviation of an observation


def bell(distance: float) -> float:
    """1 at 0, 1/2 at 1, with long tails."""
    return 1 / (1 + distance**2)


def octaves(value: float, best: float) -> float:
    """How many factors of two lie between them."""
    return math.log2(value / best)


# ---- which rule learns? Each has parameters of its own, and its own ceiling

RULES = (
    Parameter("n", 16, 512, log=True),
    Parameter("rate_hz", 10.0, 400.0),
    Parameter("lr", 1e-5, 1.0, log=True),
    Parameter("encoder", choices=("poisson", "regular", "latency")),
    Parameter("rule", choices=("stdp", "eprop", "reward")),
    Parameter("tau_plus_ms", 2.0, 200.0, log=True, when=("rule", ("stdp",))),
    Parameter("ratio", 0.25, 4.0, log=True, when=("rule", ("stdp",))),
    Parameter("beta", 0.0, 2.0, when=("rule", ("eprop",))),
    Parameter("tau_a_ms", 10.0, 2000.0, log=True, when=("rule", ("eprop",))),
    Parameter("psi", choices=("triangle", "boxcar", "exponential", "sigmoid"), when=("rule", ("eprop",))),
    Parameter("gamma", 0.5, 1.0, when=("rule", ("reward",))),
    Parameter("tau_e_ms", 5.0, 500.0, log=True, when=("rule", ("reward",))),
)


def rules(v: dict[str, Any]) -> float:
    """Score of a network of `n` neurons by its rule; the best learning rate falls with the rate of the input."""
    size = 1 - 0.8 * 2 ** (-v["n"] / 60)
    coding = {"poisson": 0.92, "regular": 1.0, "latency": 0.85}[v["encoder"]] * bell((v["rate_hz"] - 150) / 200)
    if v["rule"] == "stdp":
        learning = 0.75 * bell(octaves(v["tau_plus_ms"], 20) / 2) * bell(octaves(v["ratio"], 1.1))
        best_lr = 1e-2
    elif v["rule"] == "eprop":
        learning = bell((v["beta"] - 0.7) / 0.5) * bell(octaves(v["tau_a_ms"], 300) / 2)
        learning *= {"triangle": 1.0, "boxcar": 0.8, "exponential": 0.9, "sigmoid": 0.85}[v["psi"]]
        best_lr = 1e-3
    else:
        learning = 0.85 * bell((v["gamma"] - 0.9) / 0.1) * bell(octaves(v["tau_e_ms"], 60) / 2)
        best_lr = 1e-1
    return size * coding * learning * bell(octaves(v["lr"], best_lr * 150 / v["rate_hz"]) / 3)


# ---- how deep, and how wide is each layer?

LAYERS = (
    Parameter("depth", 1, 4),
    *(
        parameter
        for layer in range(4)
        for parameter in (
            Parameter(f"n{layer}", 8, 256, log=True, when=("depth", tuple(range(layer + 1, 5)))),
            Parameter(f"neuron{layer}", choices=("lif", "alif", "if"), when=("depth", tuple(range(layer + 1, 5)))),
        )
    ),
    Parameter("lr", 1e-5, 1.0, log=True),
    Parameter("recurrent", choices=(False, True)),
    Parameter("gain", 0.1, 3.0, when=("recurrent", (True,))),
    Parameter("delay_ms", 1, 20, when=("recurrent", (True,))),
)


def layers(v: dict[str, Any]) -> float:
    """Three layers are best if each is about half as wide as the one before; deeper networks want smaller steps."""
    depth = v["depth"]
    widths = [v[f"n{layer}"] for layer in range(depth)]
    kinds = [v[f"neuron{layer}"] for layer in range(depth)]
    capacity = 1 - 0.7 * 2 ** (-sum(widths) / 150)
    taper = float(np.mean([1.0] + [bell(octaves(b, a / 2) / 1.5) for a, b in pairwise(widths)]))
    adapted = {"lif": 0.9, "alif": 1.0, "if": 0.7}
    neurons = float(np.mean([0.8 if kind == "alif" and not k else adapted[kind] for k, kind in enumerate(kinds)]))
    score = {1: 0.7, 2: 0.85, 3: 1.0, 4: 0.95}[depth] * capacity * taper * neurons
    score *= bell(octaves(v["lr"], 0.03 * 4.0**-depth) / 2.5)
    if not v["recurrent"]:
        return 0.8 * score
    return score * bell((v["gain"] - 0.9) / 0.4) * bell((v["delay_ms"] - 8) / 6)


# ---- time constants that must match each other, with many local optima

TIMES = (
    Parameter("n", 16, 512, log=True),
    Parameter("tau_m_ms", 2.0, 200.0, log=True),
    Parameter("tau_s_ms", 1.0, 100.0, log=True),
    Parameter("refractory_ms", 0, 10),
    Parameter("v_th", 0.2, 2.0),
    Parameter("reset", choices=("zero", "subtract", "none")),
    Parameter("adaptation", choices=("none", "threshold", "current")),
    Parameter("tau_w_ms", 10.0, 1000.0, log=True, when=("adaptation", ("threshold", "current"))),
    Parameter("jump", 0.01, 1.0, log=True, when=("adaptation", ("threshold", "current"))),
    Parameter("homeostasis", choices=("none", "weights", "threshold", "both")),
    Parameter("target_hz", 1.0, 100.0, log=True, when=("homeostasis", ("weights", "threshold", "both"))),
    Parameter("noise", 0.0, 1.0),
)


def times(v: dict[str, Any]) -> float:
    """A ridge where the membrane is 2.5 times as slow as the synapse, rippled along its length."""
    size = 1 - 0.6 * 2 ** (-v["n"] / 80)
    ridge = bell(octaves(v["tau_m_ms"] / v["tau_s_ms"], 2.5) / 0.8)
    along = octaves(v["tau_m_ms"], 30)
    ripple = bell(along / 2.5) * (0.9 + 0.1 * math.cos(2 * math.pi * along))
    spiking = bell((v["v_th"] - 0.4 - 0.06 * v["refractory_ms"]) / 0.4)
    spiking *= {"zero": 0.9, "subtract": 1.0, "none": 0.6}[v["reset"]]
    slow = 0.8
    if v["adaptation"] != "none":
        slow = {"threshold": 1.0, "current": 0.92}[v["adaptation"]]
        slow *= bell(octaves(v["tau_w_ms"], 8 * v["tau_m_ms"]) / 2) * bell(octaves(v["jump"], 0.1) / 2.5)
    stable = 0.82
    if v["homeostasis"] != "none":
        stable = {"weights": 0.93, "threshold": 1.0, "both": 0.97}[v["homeostasis"]]
        stable *= bell(octaves(v["target_hz"], 12) / 2)
    return size * ridge * ripple * spiking * slow * stable * bell((v["noise"] - 0.15) / 0.6)


SURFACES = (
    Surface("rules", RULES, rules, lambda v: 20 + 0.2 * v["n"]),
    Surface("layers", LAYERS, layers, lambda v: 20 + 0.25 * sum(v[f"n{layer}"] for layer in range(v["depth"]))),
    Surface("times", TIMES, times, lambda v: 20 + 0.2 * v["n"]),
)


# ---- samplers

Run = tuple[str, str, int]  # sampler, surface, seed


def ours(surface: Surface, seed: int, workers: int) -> Contest:
    """What a search uses unless told otherwise; a refit takes effect after its own CPU time."""
    from search.samplers import make_sampler

    clock = Clock()
    refits = Refits(clock)
    return Contest(OptunaSide(surface, make_sampler(None, 1, seed, workers, refits)), clock, refits.settle)


def tpe(surface: Surface, seed: int, workers: int) -> Contest:
    """Optuna's TPE as `--sampler tpe` has it."""
    from search.samplers import make_sampler

    return Contest(OptunaSide(surface, make_sampler("tpe", 1, seed, workers)))


def random(surface: Surface, seed: int, workers: int) -> Contest:
    """Random search."""
    from search.samplers import make_sampler

    return Contest(OptunaSide(surface, make_sampler("random", 1, seed, workers)))


def deephyper(surface: Surface, seed: int, workers: int) -> Contest:
    """DeepHyper's CBO with qUCBd."""
    from tests.benchmarks.deephyper_side import DeepHyperSide

    return Contest(DeepHyperSide(surface, seed))


SAMPLERS = {"ours": ours, "tpe": tpe, "random": random, "deephyper": deephyper}


def measure(run: Run, workers: int, evaluations: int) -> dict[str, float]:
    """One search: the best, how many evaluations ended, and the CPU seconds that a suggestion took."""
    sampler, name, seed = run
    (surface,) = [surface for surface in SURFACES if surface.name == name]
    began = time.process_time()
    contest = SAMPLERS[sampler](surface, seed, workers)
    seconds = evaluations * surface.mean_seconds() / workers
    found = search(surface, contest, workers, seconds, NOISE, seed)
    return {
        "best": found.best,
        "evaluations": found.evaluations,
        "cpu_ms": 1e3 * (time.process_time() - began) / (found.evaluations + workers),
    }


# ---- what is reported


def summary(results: dict[Run, dict[str, float]], samplers: list[str], seeds: list[int]) -> dict[str, Any]:
    """Means over seeds with standard errors: over all surfaces, by surface, and how far ours is above the others."""

    def best(sampler: str, surface: str) -> np.ndarray:
        return np.array([results[sampler, surface, seed]["best"] for seed in seeds])

    def overall(sampler: str) -> np.ndarray:
        return np.mean([best(sampler, surface.name) for surface in SURFACES], axis=0)

    def means(key: str) -> dict[str, float]:
        return {s: float(np.mean([r[key] for run, r in results.items() if run[0] == s])) for s in samplers}

    return {
        "best": {s: mean_and_error(overall(s)) for s in samplers},
        "by_surface": {f.name: {s: mean_and_error(best(s, f.name)) for s in samplers} for f in SURFACES},
        "ours_minus": {s: mean_and_error(overall("ours") - overall(s)) for s in samplers if s != "ours"},
        "evaluations": means("evaluations"),
        "cpu_ms_per_suggestion": means("cpu_ms"),
    }


def mean_and_error(values: np.ndarray) -> list[float]:
    """Mean, and its standard error (0 for a single value)."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return [round(float(np.mean(values)), 4), round(float(error), 4)]


def gather(runs: list[Run], workers: int, evaluations: int, keep: Path | None) -> dict[Run, dict[str, float]]:
    """Measure all runs but those that the file `keep` has already, and append each to that file."""
    lines = keep.read_text().splitlines() if keep is not None and keep.exists() else []
    known = {tuple(key): found for key, found in map(json.loads, lines)}
    results = {}
    for run in runs:
        key = (*run, workers, evaluations)
        if key not in known:
            known[key] = measure(run, workers, evaluations)
            if keep is not None:
                with keep.open("a") as file:
                    file.write(json.dumps([key, known[key]]) + "\n")
        results[run] = known[key]
    return results


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    surfaces = list(found["by_surface"])
    lines = [f"{'':10}" + "".join(f"{name:>18}" for name in ("all", *surfaces, "ours minus it")) + "   CPU ms"]
    for sampler in found["best"]:
        pairs = [found["best"][sampler], *(found["by_surface"][name][sampler] for name in surfaces)]
        cells = [f"{mean:.3f} +- {error:.3f}" for mean, error in pairs]
        minus = found["ours_minus"].get(sampler)
        cells.append("" if minus is None else f"{minus[0]:+.3f} +- {minus[1]:.3f}")
        cost = found["cpu_ms_per_suggestion"][sampler]
        lines.append(f"{sampler:10}" + "".join(f"{cell:>18}" for cell in cells) + f"{cost:9.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--short", action="store_true", help="two seeds, a quarter of the time, without DeepHyper")
    parser.add_argument("--workers", type=int, default=64, help="evaluations at a time (default 64)")
    parser.add_argument("--seeds", type=int, default=20, help="searches of each surface by each sampler (default 20)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--evaluations", type=int, default=640, help="random ones that the time is enough for")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS), help="default all")
    parser.add_argument("--keep", type=Path, help="file of runs that need not be repeated; new ones are added to it")
    given = parser.parse_args()
    samplers, seeds, evaluations = list(given.samplers), given.seeds, given.evaluations
    if given.short:
        samplers, seeds, evaluations = samplers[:3], 2, evaluations // 4
    if "deephyper" in samplers and not installed("deephyper", "bench"):
        samplers.remove("deephyper")
    numbers = list(range(given.first_seed, given.first_seed + seeds))
    runs = [(sampler, surface.name, seed) for seed in numbers for sampler in samplers for surface in SURFACES]
    found = summary(gather(runs, given.workers, evaluations, given.keep), samplers, numbers)
    if given.json:
        print(json.dumps({"workers": given.workers, "seeds": seeds, "time": evaluations, **found}))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
