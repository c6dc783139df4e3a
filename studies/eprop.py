"""e-prop on the two tasks of Bellec et al. 2020: generating a pattern, and accumulating evidence.

    python -m studies.eprop                 trains both, prints tables, draws eprop_pattern.png and eprop_evidence.png
    python -m studies.eprop --task evidence --seeds 1 --iterations 100
    snnsearch explain studies/eprop.py      the equations that its synapses run

With `--oracle` it repeats the published runs, random numbers included, and prints the loss of each iteration:

    python -m studies.eprop --oracle regression --iterations 5 --backend standalone --json
    python -m studies.eprop --oracle classification --batch 1 --iterations 5 --backend runtime --json

Networks and numbers are those of the tutorials on e-prop of NEST (nest-simulator 3.7), which repeat the published
code: 100 LIF neurons and gradient descent; 50 LIF and 50 ALIF neurons and Adam. Feedback weights are random.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from brian2 import Hz, ms

from search import Study
from search.start.resources import available_cpus
from snn import ALIF, LIF, Adam, Dense, EProp, FromArray, LeakyReadout, Network, Normal, SNNError, SpikeTrains, Uniform
from snn.connectivity.weights import Weights
from snn.results.part import Part
from snn.serial import serialisable
from tasks import EvidenceAccumulation, PatternGeneration
from tasks.data import Data, Drawn, Split

HALF = 50  # LIF neurons, and ALIF neurons, of the evidence network
ADAPTATION = 1.7 * (1 - np.exp(-1 / 2000)) / (1 - np.exp(-1 / 20))
WOUT_LIMIT = np.sqrt(3 / 51)  # Glorot & Bengio 2010, for 100 neurons and 2 outputs


@dataclass(frozen=True)
class First:
    """First weights of a network whose recurrent population may be in parts."""

    w_in: dict[str, Weights]
    w_rec: dict[tuple[str, str], Weights]
    w_out: dict[str, Weights]
    feedback: dict[str, Weights]


def pattern_network(first=None, lr=1e-4, v_th=0.03, rate_strength=300.0):
    """100 LIF neurons that generate a pattern."""
    first = first or First({"rec": Normal()}, {("rec", "rec"): Normal()}, {"rec": Normal()}, {"rec": Normal()})
    net = Network(inputs=SpikeTrains(100), dt=1 * ms)
    net.population("rec", LIF(tau_m=30 * ms, v_th=v_th, input_scale="leak"), n=100)
    net.readout(LeakyReadout(1, tau=30 * ms, loss="squared_error", target="target"))
    rule = EProp(lr=lr, feedback="random", rate_strength=rate_strength, rate_target=10 * Hz)
    return _connect(net, first, rule)


def evidence_network(first=None, batch=32, lr=5e-3):
    """50 LIF and 50 ALIF neurons that count cues."""
    half = ("lif", "alif")
    # Normal divides by the fan-in of a projection, and each has half of the recurrent neurons.
    first = first or First(
        dict.fromkeys(half, Normal()),
        {(source, target): Normal(gain=np.sqrt(0.5)) for source in half for target in half},
        dict.fromkeys(half, Uniform(-WOUT_LIMIT, WOUT_LIMIT)),
        dict.fromkeys(half, Normal(gain=np.sqrt(HALF))),
    )
    net = Network(inputs=SpikeTrains(40), dt=1 * ms)
    cell = {"tau_m": 20 * ms, "v_th": 0.6, "refractory": 5 * ms}
    net.population("lif", LIF(**cell), n=HALF)
    net.population("alif", ALIF(**cell, tau_a=2000 * ms, beta=ADAPTATION), n=HALF)
    net.readout(LeakyReadout(2, tau=20 * ms, learning_window=150 * ms))
    rule = EProp(
        lr=lr,
        feedback="random",
        optimizer=Adam(),
        average=True,
        batch=batch,
        rate_strength=300.0,
        rate_target=10 * Hz,
    )
    return _connect(net, first, rule)


def _connect(net, first, rule):
    for target, weights in first.w_in.items():
        taught = replace(rule, feedback_weights=first.feedback[target])
        net.connect("inputs", target, Dense(weights), taught)
        for source in first.w_in:
            net.connect(source, target, Dense(first.w_rec[source, target]), taught)
        net.connect(target, "readout", Dense(first.w_out[target]), taught)
    return net


def network(trial):
    return pattern_network(
        lr=trial.suggest_float("lr", 1e-5, 1e-3, log=True),
        v_th=trial.suggest_float("v_th", 0.01, 0.1, log=True),
        rate_strength=trial.suggest_float("rate_strength", 10, 1000, log=True),
    )


study = Study(network, task=PatternGeneration(iterations=200), objectives=["loss"])


# ---- the published runs, whose generator has drawn the weights before the spikes -------------------------------------


def _published_weights(rng, n_in, n_rec, draw_out, populations):
    """Weights in the order of the published random numbers; arrays are (pre, post)."""
    as_published = lambda array: array.astype(np.float32).astype(float)  # noqa: E731
    w_in = as_published(rng.randn(n_in, n_rec) / np.sqrt(n_in))
    w_rec = as_published(rng.randn(n_rec, n_rec) / np.sqrt(n_rec))
    w_out, feedback = (as_published(array) for array in draw_out(rng))
    first = First({}, {}, {}, {})
    for target, post in populations.items():
        first.w_in[target] = FromArray(w_in[:, post])
        first.w_out[target], first.feedback[target] = FromArray(w_out[post]), FromArray(feedback[post])
        for source, pre in populations.items():
            block = w_rec[pre, post]
            first.w_rec[source, target] = FromArray(
                block[~np.eye(len(block), dtype=bool)] if source == target else block  # no autapses
            )
    return first


def pattern_weights(rng):
    """First weights of the published pattern network."""
    scaled = lambda rng: (rng.randn(100, 1) / np.sqrt(100), rng.randn(100, 1) / np.sqrt(100))  # noqa: E731
    return _published_weights(rng, 100, 100, scaled, {"rec": slice(0, 100)})


def evidence_weights(rng):
    """First weights of the published evidence network."""
    draw = lambda rng: (rng.uniform(-WOUT_LIMIT, WOUT_LIMIT, (100, 2)), rng.randn(100, 2))  # noqa: E731
    return _published_weights(rng, 40, 100, draw, {"lif": slice(0, HALF), "alif": slice(HALF, 100)})


@serialisable
@dataclass(frozen=True)
class PublishedPattern(PatternGeneration):
    """The published pattern."""

    def draw(self, rng):
        pattern_weights(rng)
        return super().draw(rng)


@serialisable
@dataclass(frozen=True)
class PublishedEvidence(EvidenceAccumulation):
    """The published sequences, batch by batch, and one more batch to be scored at the end."""

    batch: int = 1

    def load(self):
        rng = np.random.RandomState(self.seed)
        evidence_weights(rng)
        states, labels = [], []  # of the generator at each batch, so that a batch is made again when it is needed
        for _ in range(self.sequences // self.batch + 1):
            states.append(rng.get_state())
            labels.append(self.draw(rng, self.batch)[1])

        def drawn(rows):
            batches = {}
            for k in np.unique(rows // self.batch):
                again = np.random.RandomState()
                again.set_state(states[k])
                batches[k] = self.draw(again, self.batch)[0]
            return np.stack([batches[row // self.batch][row % self.batch] for row in rows])

        labels = np.concatenate(labels)
        return Data(Drawn((len(labels), self.steps, 4 * self.group), drawn), labels, 2)

    def split(self, n):
        return Split.cut(np.arange(n), [self.sequences, n - self.sequences, 0])


def oracle(kind, iterations, batch, backend, dtype):
    """The loss of each iteration of a published run, before the iteration's update."""
    rng = np.random.RandomState(1)
    if kind == "regression":
        task, net = PublishedPattern(iterations=iterations), pattern_network(pattern_weights(rng))
    else:
        task = PublishedEvidence(sequences=iterations * batch, batch=batch)
        net = evidence_network(evidence_weights(rng), batch)
    result = task.run(net, backend=backend, dtype=dtype)
    return result.stream.losses.astype(float).reshape(iterations, -1).mean(axis=1)


# ---- training, tables, figures ---------------------------------------------------------------------------------------


def train_pattern(iterations, backend, dtype):
    """The published pattern and first weights, trained."""
    task = PublishedPattern(iterations=iterations)
    record = ["spikes", "readout.y", "rec.v"]
    result = task.run(
        pattern_network(pattern_weights(np.random.RandomState(1))),
        backend=backend,
        dtype=dtype,
        record=record,
        record_samples=1,
    )
    losses = result.stream.losses
    print(f"pattern generation, {iterations} iterations, {result.seconds:.0f} s with compiling")
    print(f"{'iteration':>10} {'loss':>9}")
    for k in sorted({1, 10, 100, 200, 500, iterations // 2, iterations}):
        if 1 <= k <= iterations:
            print(f"{k:10} {losses[k - 1]:9.3f}")
    return task, result


def train_evidence(iterations, batch, seeds, backend, dtype):
    """Fresh first weights and sequences for each seed, trained, and tested on 100 fresh sequences."""
    print(f"evidence accumulation, {iterations} iterations of batch {batch}, random feedback")
    print(f"{'seed':>6} {'last 10 iterations':>19} {'error on 100 fresh':>19} {'seconds':>8}")
    with ThreadPoolExecutor(1 if backend.startswith("runtime") else available_cpus()) as pool:
        runs = [pool.submit(_train_evidence, iterations, batch, seed, backend, dtype) for seed in range(seeds)]
        results = []
        for seed, run in enumerate(runs):
            result = run.result()
            error = 1 - np.mean(result.stream.right[-10 * batch :])
            print(f"{seed:6} {error:19.3f} {1 - result.test_accuracy:19.3f} {result.seconds:8.0f}", flush=True)
            results.append(result)
    print(f"{'mean':>6} {'':19} {np.mean([1 - result.test_accuracy for result in results]):19.3f}")
    return results


def _train_evidence(iterations, batch, seed, backend, dtype):
    """The last fifth at a tenth of the learning rate, which stills the weights."""
    last = iterations // 5
    first = EvidenceAccumulation(sequences=(iterations - last) * batch, seed=seed, validation=1, test=1)
    second = EvidenceAccumulation(sequences=last * batch, seed=seed + 1000)
    options = {"seed": seed, "backend": backend, "dtype": dtype}
    before = first.run(evidence_network(batch=batch, lr=2e-3), **options)
    slower = evidence_network(batch=batch, lr=2e-4).freeze().with_weights(before.weights)
    record = ["spikes", "readout.y", "alif.a"]
    after = second.run(slower, record=record, record_samples=1, test=True, **options)
    parts = (before.stream, after.stream)
    stream = Part(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("predictions", "labels", "losses")))
    return replace(after, stream=stream, seconds=before.seconds + after.seconds)


def draw_pattern(path, task, result):
    """Target and readout, loss, spikes, weights."""
    import matplotlib.pyplot as plt

    from snn.results.plots import COLOURS, plot_raster, plot_weights

    figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), layout="constrained")
    (readout, loss), (raster, weights) = axes
    readout.plot(task.data.signals["target"][np.arange(1)][0, :, 0], color="0.6", lw=3, label="target")
    readout.plot(result.recordings["readout.y"][:, 0], color=COLOURS[0], lw=1.2, label="readout, last iteration")
    readout.set(xlabel="time (ms)", ylabel="y", xlim=(0, result.period), title="Pattern generation")
    readout.legend(frameon=False, fontsize="small")
    loss.semilogy(np.arange(1, len(result.stream) + 1), result.stream.losses, color=COLOURS[0])
    loss.set(xlabel="iteration", ylabel="loss", xlim=(1, len(result.stream)), title="Half the squared error, summed")
    plot_raster(result, raster).set_title("spikes of the last iteration")
    plot_weights(result, weights).set_title("weights")
    for ax in (readout, loss):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def draw_evidence(path, result, batch):
    """Readout, adaptation, spikes of one sequence; loss and error; weights."""
    import matplotlib.pyplot as plt

    from snn.results.plots import COLOURS, plot_raster, plot_weights

    figure, axes = plt.subplots(2, 3, figsize=(15, 6.8), layout="constrained")
    (raster, readout, adaptation), (loss, error, weights) = axes
    plot_raster(result, raster).set_title("a sequence: seven cues, delay, recall")
    y = result.recordings["readout.y"]
    share = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    label = result.stream.labels[-1]
    for k, side in enumerate(("left", "right")):
        marked = " (correct)" if k == label else ""
        readout.plot(share[:, k], color=COLOURS[k], lw=1, label=f"{side}{marked}")
    readout.axvspan(len(y) - 150, len(y), color="0.9", zorder=0)
    readout.set(xlabel="time (ms)", ylabel="softmax", xlim=(0, len(y)), ylim=(0, 1), title="readout; recall shaded")
    readout.legend(frameon=False, fontsize="small", loc="lower left")
    adaptation.plot(result.recordings["alif.a"], color=COLOURS[0], lw=0.5, alpha=0.5)
    adaptation.set(xlabel="time (ms)", ylabel="a", xlim=(0, len(y)), title="adaptation of the ALIF neurons")
    n = len(result.stream) // batch
    steps = np.arange(1, n + 1)
    loss.plot(steps, result.stream.losses.reshape(n, batch).mean(axis=1), color=COLOURS[0])
    loss.set(xlabel="iteration", ylabel="cross-entropy", xlim=(1, n), ylim=(0, None), title="loss of a batch")
    wrong = 1 - result.stream.right.reshape(n, batch).mean(axis=1)
    error.plot(steps, wrong, ".", ms=3, color=COLOURS[1])
    error.axhline(1 - result.test_accuracy, color=COLOURS[2], lw=1, label="100 fresh sequences, at the end")
    error.axhline(0.5, color="0.7", lw=0.8, ls=":")
    error.set(xlabel="iteration", ylabel="decision error", xlim=(1, n), ylim=(0, 0.8), title="error of a batch")
    error.legend(frameon=False, fontsize="small")
    plot_weights(result, weights).set_title("weights")
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m studies.eprop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--oracle", choices=("regression", "classification"), help="repeat a published run")
    parser.add_argument("--task", choices=("pattern", "evidence"), help="train for one task (default: both)")
    parser.add_argument(
        "--iterations", type=_whole, help="default 5 with --oracle, else 1000 (pattern) and 750 (evidence)"
    )
    parser.add_argument("--batch", type=_whole, help="sequences an update (default 1 with --oracle, else 32)")
    parser.add_argument("--seeds", type=_whole, default=3, help="trainings for the evidence task (default 3)")
    parser.add_argument("--backend", default="standalone", help="standalone (default), runtime or runtime:cython")
    parser.add_argument("--dtype", help="float32 or float64 (default float64 with --oracle, else float32)")
    parser.add_argument("--json", action="store_true", help="with --oracle: one line of JSON")
    parser.add_argument("--figures", default="eprop", metavar="PREFIX", help="of the PNG files (default eprop)")
    chosen = parser.parse_args(arguments)
    if chosen.json and not chosen.oracle:
        parser.error("--json needs --oracle")
    if chosen.oracle == "regression" and chosen.batch not in (None, 1):
        parser.error("--batch is for the classification: the pattern is one")
    if not chosen.oracle and not Path(chosen.figures).absolute().parent.is_dir():
        parser.error(f"--figures must lie in a folder that is there, but is {chosen.figures!r}")
    if chosen.iterations is not None and chosen.iterations < 5 and not chosen.oracle:
        parser.error("--iterations must be at least 5 for a training")
    try:
        run(chosen)
    except SNNError as error:
        parser.error(str(error))


def _whole(text):
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but is {text!r}")
    return value


def run(chosen):
    """What the command line asks for."""
    if chosen.oracle:
        losses = oracle(
            chosen.oracle, chosen.iterations or 5, chosen.batch or 1, chosen.backend, chosen.dtype or "float64"
        )
        if chosen.json:
            print(json.dumps({"losses": losses.tolist()}))
        else:
            print("\n".join(f"{k:5} {loss:.12f}" for k, loss in enumerate(losses, start=1)))
        return
    dtype = chosen.dtype or "float32"
    if chosen.task != "evidence":
        draw_pattern(f"{chosen.figures}_pattern.png", *train_pattern(chosen.iterations or 1000, chosen.backend, dtype))
    if chosen.task != "pattern":
        batch = chosen.batch or 32
        results = train_evidence(chosen.iterations or 750, batch, chosen.seeds, chosen.backend, dtype)
        draw_evidence(f"{chosen.figures}_evidence.png", results[0], batch)


if __name__ == "__main__":
    sys.exit(main())
