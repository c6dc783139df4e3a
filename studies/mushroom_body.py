"""A network after the insect mushroom body that learns on line, and the search for its learning rule.

Projection neurons code an image, many Kenyon cells each listen to a few of them and are kept sparse by one inhibitory
unit, and ten output neurons learn from a teacher, one image at a time, in one pass (Yanguas-Gil & Madireddy 2023,
arXiv:2302.13210). Two networks as published, each with its own order of operations:

    python -m studies.mushroom_body --instance spikelearn --seeds 4 --json     discrete time, the delta rule, on digits
    python -m studies.mushroom_body --instance genn --images 10000 --json      GeNN's tutorial, on MNIST's test images

and one whose encoding, sizes, gain, rule and weight precision are searched:

    python -m studies.mushroom_body --search                   300 trials over six rules, on digits
    python -m studies.mushroom_body --search --task mnist      the same on MNIST
    python -m studies.mushroom_body --search --rules delta --bits 4 --trials 100

A search goes on where it was. When it is over, the best network of every rule and of every precision is run again on
fresh seeds and the test part; a table is printed, and the figure drawn with what there is of both data sets. MNIST's
files are looked for in the folder that SNNSEARCH_DATA names, or `--folder`.
"""

import argparse
import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from brian2 import Hz, ms, mV, nA, nF
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, TrialState

from search import Study
from search.analysis.trials import candidates
from search.errors import StudyError
from search.start.resources import available_cpus
from snn import (
    LIF,
    Analog,
    Chip,
    Constant,
    Covariance,
    DeltaRule,
    Dense,
    DopamineDepression,
    Factor,
    FixedFanIn,
    LocalRule,
    ModulatedSTDP,
    Network,
    Neuron,
    Oja,
    PairSTDP,
    Poisson,
    Regular,
    Signal,
    SNNError,
    SpikeReadout,
    SpikeTrace,
    VolterraRule,
    structure_hash,
)
from tasks import Digits, Mnist

TEACHER = Signal("label", one_hot=True, teacher=True)
FRESH_SEED = 2_000_000  # first of the seeds for the final runs; no trial is likely to have had one of them
MEMORY = 2**23  # bits of all that the searched network keeps
AGAIN = {"digits": (5, 3), "mnist": (3, 2)}  # trials to choose from, and seeds; MNIST's runs take ten times as long
LAST = 100  # images of the stream over which active Kenyon cells are counted

# ---- spikelearn's network --------------------------------------------------------------------------------------------


def spikelearn_network(kenyon_cells=1000, lr=0.016):
    """The equations of spikelearn (the authors' simulator), its layers one after another within a step of 1.

    v <- (1 - s)(a v + (1 - a) x), a = exp(-1/4), s = [v >= 1], nothing in the step after a spike; traces
    x <- 0.8 x + 0.2 s; dW = lr (m - y) x with a teacher that spikes in half of all steps.
    """
    decay = math.exp(-1 / 4)
    cell = Neuron(
        "dv/dt = (I - v)/tau : 1 (unless refractory)\nI : 1",
        threshold="v >= 1",
        reset="v = 0",
        refractory=2 * ms,  # the spike's own step and the next
        parameters={"tau": 4 * ms},
    )
    trace = -1 * ms / math.log(0.8)
    net = Network(inputs=Poisson(64, rate=600 * Hz), dt=1 * ms, schedule="sequential")
    net.population("kenyon", cell, n=kenyon_cells)
    net.population("output", cell, n=10, signals={"teacher": TEACHER})
    net.readout(SpikeReadout("output"))
    net.connect("inputs", "kenyon", FixedFanIn(k=8, weights=Constant(1.2)))
    net.inhibit("kenyon", gain=0.004 / (1 - decay) * 1000 / kenyon_cells)
    rule = DeltaRule(
        lr=lr,
        factor=Factor.teacher_spikes(0.5, tau=trace, gain=0.2),
        tau_pre=trace,
        tau_post=trace,
        gain_pre=0.2,
        gain_post=0.2,
    )
    net.connect("kenyon", "output", Dense(Constant(0.0)), rule, w_min=-1, w_max=1)
    return net


# ---- GeNN's network --------------------------------------------------------------------------------------------------

GENN_DT = 0.1 * ms


def genn_cell(refractory, currents=None, extra=""):
    """GeNN's LIF with exponential synaptic currents, each held over a step at its mean and then decaying."""
    currents = currents or {}
    held = [f"held_{name}*I_{name}" for name in currents] + [extra] * bool(extra)
    equations = [f"dV/dt = (V_rest - V)/tau + ({' + '.join(held)})/C : volt (unless refractory)"]
    equations += [f"dI_{name}/dt = -I_{name}/tau_{name} : amp" for name in currents] or ["I : amp"]
    numbers = {"V_rest": -60 * mV, "V_th": -50 * mV, "tau": 20 * ms, "C": 0.2 * nF}
    for name, tau in currents.items():
        steps = float(tau / GENN_DT)
        numbers |= {f"tau_{name}": tau, f"held_{name}": -steps * math.expm1(-1 / steps)}
    return Neuron(
        "\n".join(equations),
        threshold="V >= V_th",
        reset="V = V_rest",
        refractory=refractory + GENN_DT,
        input=f"I_{next(iter(currents))}" if currents else "I",
        parameters=numbers,
        initial={"V": -60 * mV},
        method="exponential_euler" if currents else "exact",
    )


def genn_network(kenyon_cells=20000, gain_control=True):
    """The mushroom body of GeNN's tutorial; 20,000 Kenyon cells, with 20 different inputs each."""
    scale = 20000 / kenyon_cells  # what one Kenyon cell less must be made up for
    net = Network(inputs=Analog(784), dt=GENN_DT)
    net.population("projection", genn_cell(100 * ms, extra="I"), n=784)
    net.drive("projection", Signal("values"), gain=80e-9)
    net.population("kenyon", genn_cell(2 * ms, {"exc": 3 * ms, "inh": 5 * ms}), n=kenyon_cells)
    taught = genn_cell(2 * ms, {"exc": 3 * ms}, extra="teacher*I_teacher")
    taught = replace(taught, parameters={**taught.parameters, "I_teacher": 5 * nA})
    net.population("output", taught, n=10, signals={"teacher": TEACHER})
    net.readout(SpikeReadout("output", decide="first_spike", variable="V"))
    net.connect("projection", "kenyon", FixedFanIn(k=20, weights=Constant(0.2e-9)))
    if gain_control:  # the giant GABAergic neuron: it counts 200 spikes of Kenyon cells, fires, and begins again
        giant = Neuron("dV/dt = 0/second : 1", "V >= 200", "V = 0", input="V", method="euler")
        net.population("giant", giant, n=1)
        net.connect("kenyon", "giant", Dense(Constant(scale)))
        net.connect("giant", "kenyon", Dense(Constant(-5e-9)), target_variable="I_inh")
    nearest = {"tau": 15 * ms, "nearest": True}
    rule = LocalRule(
        pre="eta*(y - 0.01)",
        post="eta*clip(x - 0.01, -0.001, inf)",
        traces={"x": SpikeTrace("pre", **nearest), "y": SpikeTrace("post", **nearest)},
        parameters={"eta": 2e-5 * 1e-9 * scale},
    )
    net.connect("kenyon", "output", Dense(Constant(0.0)), rule, w_min=0, w_max=0.0233e-9 * scale)
    return net


# ---- the network that is searched ------------------------------------------------------------------------------------


def delta(trial, w_max):
    tau = trial.suggest_float("delta_tau_ms", 3, 20, log=True) * ms
    gain = -math.expm1(-float(1 * ms / tau))  # so that traces are rates, in spikes a step
    rate = trial.suggest_float("delta_rate", 0.2, 1.0)
    lr = trial.suggest_float("delta_lr", 0.02, 1, log=True)
    factor = Factor("rate*teacher", {"rate": rate}, tau=tau, gain=gain)
    return DeltaRule(lr, factor, tau_pre=tau, tau_post=tau, gain_pre=gain, gain_post=gain), 0.0


def stdp(trial, w_max):
    a_plus = trial.suggest_float("stdp_a_plus", 1e-4, 0.1, log=True)
    a_minus = a_plus * trial.suggest_float("stdp_depression", 0.0, 1.0)
    tau = trial.suggest_float("stdp_tau_ms", 3, 20, log=True) * ms
    against = trial.suggest_float("stdp_against", 0.0, 1.0)  # what other outputs unlearn
    factor = Factor("teacher - against*(1 - teacher)", {"against": against})
    return ModulatedSTDP(PairSTDP(a_plus, a_minus, tau, tau), factor), trial.suggest_float("stdp_first", 0.05, 1.0)


def dopamine(trial, w_max):
    tau = trial.suggest_float("dopamine_tau_ms", 3, 20, log=True) * ms
    lr = trial.suggest_float("dopamine_lr", 1e-4, 0.1, log=True)
    recovery = lr * trial.suggest_float("dopamine_recovery", 1e-3, 1, log=True)
    return DopamineDepression(lr, "1 - teacher", tau_pre=tau, recovery=recovery, w_rest=w_max), 1.0


def covariance(trial, w_max):
    tau = trial.suggest_float("covariance_tau_ms", 3, 20, log=True) * ms
    memory = trial.suggest_float("covariance_memory_s", 0.1, 10, log=True) * 1000 * ms
    lr = trial.suggest_float("covariance_lr", 1e-4, 0.1, log=True)
    return Covariance(lr, "teacher", tau_mean=memory, tau_pre=tau), 0.0


def oja(trial, w_max):
    tau = trial.suggest_float("oja_tau_ms", 3, 20, log=True) * ms
    lr = trial.suggest_float("oja_lr", 1e-4, 0.1, log=True)
    return Oja(lr, "teacher", alpha=trial.suggest_float("oja_alpha", 0.1, 10, log=True), tau_pre=tau), 0.0


def volterra(trial, w_max):
    """The terms that a teacher y in place of the output's activity leaves: x, y, their product, and each times w."""
    tau = trial.suggest_float("volterra_tau_ms", 3, 20, log=True) * ms
    powers = ("100", "010", "001", "101", "011", "111")
    terms = {power: trial.suggest_float(f"volterra_{power}", -1, 1) for power in powers}
    lr = trial.suggest_float("volterra_lr", 1e-4, 0.1, log=True)
    return VolterraRule({"110": 1.0, **terms}, lr, "teacher", tau_pre=tau), 0.0


RULES = {rule.__name__: rule for rule in (delta, stdp, dopamine, covariance, oja, volterra)}
FLOAT = "float"
BITS = ("4", "8", FLOAT)


def searched_network(trial, pixels, rules, bits):
    """A network whose equations, sizes and numbers a trial chooses."""
    rate = trial.suggest_float("rate_hz", 200, 1000, log=True) * Hz
    encoders = {"regular": Regular, "poisson": Poisson}
    encoder = encoders[trial.suggest_categorical("encoding", list(encoders))]
    chip, w_max = precision(trial, bits), trial.suggest_float("w_max", 0.5, 8, log=True)
    net = Network(inputs=encoder(pixels, rate=rate), dt=1 * ms, schedule="sequential", chip=chip)
    kenyon = LIF(
        tau_m=trial.suggest_float("tau_kenyon_ms", 2, 20, log=True) * ms, reset="zero", input_scale="leak"
    )
    net.population("kenyon", kenyon, n=trial.suggest_int("kenyon_cells", 1000, 5000, log=True))
    output = LIF(tau_m=trial.suggest_float("tau_output_ms", 2, 20, log=True) * ms, input_scale="leak")
    net.population("output", output, n=10, signals={"teacher": TEACHER})
    net.readout(SpikeReadout("output"))
    fan_in = trial.suggest_int("fan_in", 4, 32, log=True)
    weight = trial.suggest_float("drive", 2, 30, log=True) / fan_in  # all inputs together, in thresholds
    net.connect("inputs", "kenyon", FixedFanIn(k=fan_in, weights=Constant(weight)), w_min=0, w_max=weight)
    gain, tau = trial.suggest_float("gain", 1e-3, 0.2, log=True), trial.suggest_float("tau_gain_ms", 1, 5, log=True)
    net.inhibit("kenyon", gain=gain, tau=tau * ms)
    rule, first = RULES[trial.suggest_categorical("rule", list(rules))](trial, w_max)
    net.connect("kenyon", "output", Dense(Constant(first * w_max)), rule, w_min=-w_max, w_max=w_max)
    return net


def precision(trial, bits):
    """The chip: bits of a weight, how changes are rounded, and what adds small ones up."""
    chosen = trial.suggest_categorical("weight_bits", list(bits))
    if chosen == FLOAT:
        return None
    return Chip(
        weight_bits=int(chosen),
        rounding=trial.suggest_categorical("rounding", ["nearest", "stochastic"]),
        write=trial.suggest_categorical("write", ["step", "sample"]),
        accumulator_bits=trial.suggest_int("accumulator_bits", 1, 8),
    )


@dataclass(frozen=True)
class Space:
    """One search: a data set, and the rules and precisions to choose from."""

    task: str = "digits"
    rules: tuple[str, ...] = tuple(RULES)
    bits: tuple[str, ...] = BITS
    folder: str | None = None

    def network(self, trial):
        return searched_network(trial, {"digits": 64, "mnist": 784}[self.task], self.rules, self.bits)

    def data(self, hold_out=True):
        """The task; for the best networks of MNIST with all to learn from that is not for the test."""
        if self.task == "digits":
            return Digits(sample=20 * ms, hold_out=hold_out)
        return Mnist(sample=20 * ms, folder=self.folder, hold_out=hold_out)

    @property
    def name(self):
        whole = self.rules == tuple(RULES) and self.bits == BITS
        parts = [] if whole else [*(self.rules if self.rules != tuple(RULES) else ()), *self.bits]
        return "_".join(["mushroom_body", self.task, *parts])

    def study(self):
        return Study(
            self.network,
            task=self.data(),
            objectives=["accuracy", "energy_j"],
            constraints=[f"memory_bits <= {MEMORY}"],
            name=self.name,
            storage=f"{self.name}.journal",
        )


study = Space().study()


def network(trial):
    return Space().network(trial)


# ---- runs ------------------------------------------------------------------------------------------------------------


def in_parallel(function, items):
    with ThreadPoolExecutor(available_cpus()) as threads:
        return list(threads.map(function, items))


def active_kenyon_cells(result):
    """How many Kenyon cells fire in an image, on average over the last of the stream."""
    step, cell = result.recordings["kenyon.spikes"].T
    images = min(LAST, len(result.stream))
    return len(np.unique(np.stack([step // result.period, cell]), axis=1).T) / images


def run_instance(arguments):
    """One of the published networks, a line of numbers."""
    began = time.monotonic()
    if arguments.instance == "spikelearn":
        runs = [
            (Digits(sample=30 * ms, hold_out=False, split_seed=seed), spikelearn_network(), seed)
            for seed in range(arguments.seeds or 4)
        ]
    else:
        task = Mnist(sample=20 * ms, folder=arguments.folder, images=arguments.images, hold_out=False, normalise=True)
        net = genn_network(arguments.kenyon_cells, not arguments.without_gain_control)
        runs = [(task, net, seed) for seed in range(arguments.seeds or 1)]
    record = {"record": ["kenyon.spikes"], "record_samples": LAST, "test": True}
    results = in_parallel(lambda run: run[0].run(run[1], seed=run[2], **record), runs)
    accuracies = [result.test_accuracy for result in results]
    return {
        "instance": arguments.instance,
        "test_accuracy": float(np.mean(accuracies)),
        "seeds": accuracies,
        "prequential_accuracy": float(np.mean([result.prequential_accuracy for result in results])),
        "kc_active_mean": float(np.mean([active_kenyon_cells(result) for result in results])),
        "images": len(results[0].stream) + len(results[0].test),
        "seconds": round(time.monotonic() - began, 1),
    }


# ---- the search and what comes after ---------------------------------------------------------------------------------


def promise(trial):
    """What trials are ranked by: accuracy, and behind all complete ones, those that were pruned by their last rung."""
    kept = trial.user_attrs["result"]
    return (1, trial.values[0]) if trial.values else (0, (kept.get("rungs") or [0.0])[-1])


def best_of(space, trials):
    """Of some trials the best: those of the most promise again, on fresh seeds and the validation part."""
    most, seeds = AGAIN[space.task]
    liked, task = sorted(trials, key=promise, reverse=True)[:most], space.data()
    runs = [(trial, seed) for trial in liked for seed in range(FRESH_SEED, FRESH_SEED + seeds)]
    results = in_parallel(lambda run: task.run(space.network(FixedTrial(run[0].params)), seed=run[1]), runs)
    scores = [result.accuracy if result.memory_bits <= MEMORY else 0.0 for result in results]
    return liked[int(np.argmax(np.reshape(scores, (len(liked), seeds)).mean(axis=1)))]


def tested(space, trial, seeds):
    """A trial's network on other fresh seeds: what it scores on the test part, and what it costs."""
    task, net = space.data(hold_out=space.task == "digits"), space.network(FixedTrial(trial.params)).freeze()
    fresh = range(FRESH_SEED + 1000, FRESH_SEED + 1000 + seeds)
    results = in_parallel(lambda seed: task.run(net, seed=seed, test=True), fresh)
    accuracies = [result.test_accuracy for result in results]
    low, high = bootstrap(accuracies)
    return {
        "trial": trial.number,
        "rule": trial.params["rule"],
        "weight_bits": trial.params["weight_bits"],
        "test_accuracy": float(np.mean(accuracies)),
        "interval": [low, high],
        "seeds": accuracies,
        "prequential_accuracy": float(np.mean([result.prequential_accuracy for result in results])),
        "energy_j": float(np.mean([result.energy_j for result in results])),
        "memory_bits": results[0].memory_bits,
    }


def bootstrap(values, resamples=10_000):
    """A 95 % interval of the mean over seeds."""
    drawn = np.random.default_rng(0).choice(values, (resamples, len(values)))
    return tuple(float(bound) for bound in np.quantile(drawn.mean(axis=1), [0.025, 0.975]))


def run_search(space, arguments):
    """The search, and its best networks on fresh seeds and the test part; kept beside it as JSON."""
    began = time.monotonic()
    even = arguments.trials // (2 * len(space.rules))  # half of all trials, dealt out evenly: every rule has its chance
    dealt = [{"rule": rule} for _ in range(even) for rule in space.rules]
    summary = space.study().run(trials=arguments.trials, workers=arguments.workers, enqueue=dealt)
    searched = time.monotonic() - began
    stored = optuna.load_study(study_name=space.name, storage=JournalStorage(JournalFileBackend(summary.storage)))
    complete = candidates(stored)
    if not complete:
        raise StudyError(f"No trial of {space.name} keeps to memory_bits <= {MEMORY}; search on with more trials.")
    pruned = [t for t in stored.get_trials(deepcopy=False, states=[TrialState.PRUNED]) if "result" in t.user_attrs]
    seeds = arguments.seeds or 3
    rows = {
        label: {choice: tested(space, best_of(space, chosen), seeds) for choice, chosen in groups.items()}
        for label, groups in grouped(space, [*complete, *pruned]).items()
    }
    structures = {structure_hash(space.network(FixedTrial(trial.params)).freeze()) for trial in [*complete, *pruned]}
    found = {
        "study": space.name,
        "task": space.task,
        "trials": summary.trials,
        "best": tested(space, best_of(space, complete), seeds),
        **rows,
        "front": [{"trial": best.number, **best.values, "rule": best.params["rule"]} for best in summary.best],
        "programs_built": summary.builds,
        "structures": len(structures),
        "search_seconds": round(searched, 1),
        "seconds": round(time.monotonic() - began, 1),
    }
    Path(f"{space.name}.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def grouped(space, trials):
    """Trials by rule and by precision."""
    found = {}
    for label, name, choices in (("by_rule", "rule", space.rules), ("by_bits", "weight_bits", space.bits)):
        groups = {choice: [trial for trial in trials if trial.params[name] == choice] for choice in choices}
        found[label] = {choice: chosen for choice, chosen in groups.items() if chosen}
    return found


def verdict(reports):
    """Whether the best rule differs between data sets, in a sentence."""
    by_score = {"key": lambda row: row["test_accuracy"], "reverse": True}
    ranked = {task: sorted(report["by_rule"].values(), **by_score) for task, report in reports.items()}
    told = []
    for task, rows in ranked.items():
        ties = [row["rule"] for row in rows[1:] if row["interval"][1] >= rows[0]["interval"][0]]
        told.append(f"{rows[0]['rule']} on {task}" + (f" (not told apart from {', '.join(ties)})" if ties else ""))
    if len(ranked) < 2:
        return f"The best rule is {told[0]}; search the other data set to compare."
    same = len({rows[0]["rule"] for rows in ranked.values()}) == 1
    return f"The best rule {'is the same' if same else 'differs'}: {' and '.join(told)}."


def table(report):
    """The best network of every rule and precision as lines."""
    lines = [f"{'':14} {'test':>7} {'95 % interval':>17} {'energy / image':>15} {'memory':>12}  trial"]
    for label, rows in (("rule", report["by_rule"]), ("bits", report["by_bits"]), ("", {"best": report["best"]})):
        for choice, row in sorted(rows.items(), key=lambda item: -item[1]["test_accuracy"]):
            low, high = row["interval"]
            lines.append(
                f"{f'{label} {choice}':14} {row['test_accuracy']:7.4f} {f'{low:.4f} to {high:.4f}':>17} "
                f"{row['energy_j'] * 1e6:12.2f} uJ {row['memory_bits'] / 1e6:9.2f} Mb  {row['trial']}"
            )
    return "\n".join(lines)


# ---- the figure ------------------------------------------------------------------------------------------------------

COLOURS = {"digits": "#4477aa", "mnist": "#cc6677"}


def draw(reports, path):
    """Pareto front, accuracy against bits, and the rules ranked, of every data set that was searched."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator

    figure, (front, precision_, ranking) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for task, report in reports.items():
        style = {"color": COLOURS[task], "label": task}
        points = sorted((1e6 * point["energy_j"], point["accuracy"]) for point in report["front"])
        front.plot(*zip(*points, strict=True), "o-", markersize=4, **style)
        rows = [report["by_bits"][bits] for bits in BITS if bits in report["by_bits"]]
        shift = 0.05 * (-1) ** list(COLOURS).index(task)  # so that both data sets are seen
        places = [BITS.index(row["weight_bits"]) + shift for row in rows]
        precision_.errorbar(places, *_bars(rows), fmt="o-", capsize=3, **style)
        rows = [report["by_rule"][rule] for rule in RULES if rule in report["by_rule"]]
        places = [list(RULES).index(row["rule"]) + shift for row in rows]
        ranking.errorbar(places, *_bars(rows), fmt="o", capsize=3, **style)
    front.set(xscale="log", xlabel="energy per image, Loihi's operations (uJ)", ylabel="validation accuracy")
    front.set_title("Pareto front")
    front.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    front.xaxis.set_major_formatter("{x:g}")
    front.xaxis.set_minor_formatter("")
    precision_.set(xticks=range(len(BITS)), xticklabels=BITS, xlabel="bits of a weight", ylabel="test accuracy")
    precision_.set_title("best network of every precision")
    ranking.set(xticks=range(len(RULES)), xticklabels=RULES, ylabel="test accuracy")
    ranking.tick_params(axis="x", rotation=30)
    ranking.set_title("best network of every rule")
    for axis in (front, precision_, ranking):
        axis.spines[["top", "right"]].set_visible(False)
    front.legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(rows):
    """Means, and how far intervals reach to both sides."""
    means = np.array([row["test_accuracy"] for row in rows])
    low, high = np.array([row["interval"] for row in rows]).T
    return means, np.stack([means - low, high - means])


def stored_reports():
    """What the whole searches in this folder have found, by data set."""
    files = {task: Path(f"{Space(task).name}.json") for task in COLOURS}
    return {task: json.loads(file.read_text(encoding="utf-8")) for task, file in files.items() if file.exists()}


# ---- the command line ------------------------------------------------------------------------------------------------


def count(text):
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, but is {text}")
    return int(text)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--instance", choices=["spikelearn", "genn"], help="a published network")
    what.add_argument("--search", action="store_true", help="search for the best one")
    parser.add_argument("--seeds", type=count, help="networks, or fresh seeds after a search (default 4, 1 and 3)")
    parser.add_argument("--images", type=count, help="of MNIST's test images, for GeNN's network (default all)")
    parser.add_argument("--kenyon-cells", type=count, default=20000, help="of GeNN's network (default 20000)")
    parser.add_argument("--without-gain-control", action="store_true", help="GeNN's network without its giant neuron")
    parser.add_argument("--task", choices=list(COLOURS), default="digits", help="data set (default digits)")
    parser.add_argument("--trials", type=count, default=300, help="of the search, in all (default 300)")
    parser.add_argument("--workers", type=count, default=2, help="trials at a time (default 2)")
    parser.add_argument("--rules", nargs="+", choices=list(RULES), default=list(RULES), help="to choose from")
    parser.add_argument("--bits", nargs="+", choices=BITS, default=list(BITS), help="of a weight, to choose from")
    parser.add_argument("--folder", help="with MNIST's IDX files (default $SNNSEARCH_DATA)")
    parser.add_argument("--figure", default="mushroom_body.png", help="where to draw (default mushroom_body.png)")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    if not Path(arguments.figure).parent.is_dir():  # which is drawn when all else is done
        parser.error(f"argument --figure: there is no folder {Path(arguments.figure).parent}")
    return arguments


def main():
    arguments = parsed()
    try:
        if arguments.instance:
            found = run_instance(arguments)
            lines = "\n".join(f"{name}: {value}" for name, value in found.items())
        else:
            space = Space(arguments.task, tuple(arguments.rules), tuple(arguments.bits), arguments.folder)
            found = run_search(space, arguments)
            reports = stored_reports() or {space.task: found}
            draw(reports, arguments.figure)
            found["verdict"] = verdict(reports)
            lines = f"{table(found)}\n\n{found['verdict']}"
    except (SNNError, StudyError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps(found) if arguments.json else lines)


if __name__ == "__main__":
    main()
