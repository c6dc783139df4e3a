"""Handwritten digits, learned on line: the size and the numbers of a spiking network with e-prop, searched.

A hidden layer of LIF neurons and its readout learn 1,120 digits of 8 x 8 pixels in one pass, one at a time. The search
looks for accuracy on digits that were not streamed and for few synaptic operations.

    snnsearch run studies/digits.py --trials 60 --workers 2
    snnsearch dashboard studies/digits.py

As a program it searches too, then runs the best network again with fresh seeds, prints a table and draws a figure:

    python studies/digits.py --figure digits.png
"""

import argparse

import numpy as np
from brian2 import Hz, ms
from optuna.trial import FixedTrial

from search import Study
from snn import LIF, Dense, EProp, LeakyReadout, Network, Normal, PiecewiseLinear, Regular
from tasks import Digits

FRESH_SEED = 1_000_000  # first of the seeds for the final runs; no trial is likely to have had one of them


def network(trial):
    rate = trial.suggest_float("rate_hz", 120, 300, log=True) * Hz
    net = Network(inputs=Regular(64, rate=rate), dt=1 * ms)
    hidden = LIF(
        tau_m=trial.suggest_float("tau_m_ms", 12, 40, log=True) * ms,
        v_th=trial.suggest_float("v_th", 0.5, 1.2, log=True),
        refractory=2 * ms,
    )
    net.population("hidden", hidden, n=trial.suggest_int("n", 160, 256, log=True))
    net.readout(LeakyReadout(10, tau=trial.suggest_float("tau_out_ms", 2, 8, log=True) * ms))
    surrogate = PiecewiseLinear(width=2.5)
    hidden_rule = EProp(surrogate=surrogate, lr=trial.suggest_float("lr", 3e-5, 2e-4, log=True))
    readout_rule = EProp(lr=trial.suggest_float("lr_out", 0.03, 0.08, log=True))
    net.connect("inputs", "hidden", Dense(Normal(gain=trial.suggest_float("gain", 0.7, 1.5, log=True))), hidden_rule)
    net.connect("hidden", "readout", Dense(Normal(gain=0.02)), readout_rule)
    return net


study = Study(network, task=Digits(sample=30 * ms), objectives=["accuracy", "synaptic_operations"])


def draw(path, summary, result):
    """The front that the search found, and how its most accurate network learns and fires."""
    import matplotlib.pyplot as plt

    from snn.results.plots import plot_learning_curve, plot_raster

    figure, (front, curve, raster) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    values = np.array([[best.values["synaptic_operations"], best.values["accuracy"]] for best in summary.best])
    values = values[np.argsort(values[:, 0])]
    front.plot(values[:, 0], values[:, 1], "o-", color="#4477aa")
    front.set(xlabel="synaptic operations per digit", ylabel="validation accuracy", title="Pareto front")
    front.spines[["top", "right"]].set_visible(False)
    plot_learning_curve(result, curve).set_title("the most accurate network learns")
    plot_raster(result, raster).set_title("its spikes")
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60, help="trials of the search (default 60)")
    parser.add_argument("--workers", type=int, default=2, help="trials at a time (default 2)")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds for the best network (default 3)")
    parser.add_argument("--figure", help="where to draw a figure")
    arguments = parser.parse_args()
    summary = study.run(trials=arguments.trials, workers=arguments.workers)
    best = summary.best[0]
    print(summary)
    print(f"\nThe parameters of trial {best.number} with fresh seeds:")
    print(f"{'seed':>8} {'prequential':>12} {'validation':>11} {'test':>7} {'operations':>11}")
    results = []
    for seed in range(FRESH_SEED, FRESH_SEED + arguments.seeds):
        result = study.task.run(network(FixedTrial(best.params)), seed=seed, record=["spikes"], test=True)
        results.append(result)
        print(
            f"{seed:8} {result.prequential_accuracy:12.4f} {result.accuracy:11.4f} {result.test_accuracy:7.4f} "
            f"{result.synaptic_operations:11,.0f}"
        )
    print(
        f"{'mean':>8} {np.mean([r.prequential_accuracy for r in results]):12.4f} "
        f"{np.mean([r.accuracy for r in results]):11.4f} {np.mean([r.test_accuracy for r in results]):7.4f}"
    )
    if arguments.figure:
        draw(arguments.figure, summary, results[0])


if __name__ == "__main__":
    main()
