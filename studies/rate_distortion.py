"""Learning signals of one's own: LIF networks that are held at a rate, and at a variance of their activity.

    python -m studies.rate_distortion            prints mean rate, variance and branching ratio by iteration

After Seitz 2021, "Attractor dynamics in rate-distortion networks trained via spike-timing dependent plasticity": 100
LIF neurons receive the same 50 Hz Poisson noise in every sample of one second, and their recurrent and input weights
descend by e-prop

- a rate loss, (r_j - r_0)^2 of each neuron: the firing-rate regularisation of `EProp`, without any other signal;
- a variance loss, (sigma - sigma_0)^2 of the population rate r(t): the broadcast signal
  L(t) = strength (sigma - sigma_0)(r(t) - mu), with the mean mu and the variance sigma of r, as running averages, by
  equations of the network's `Environment`.

The branching ratio is the mean of r(t+1)/r(t) over steps with r(t) > 0.
"""

import argparse

import numpy as np
from brian2 import Hz, ms

from snn import LIF, Dense, Environment, EProp, LeakyReadout, Network, SpikeTrains
from tasks import PatternGeneration

STEPS, N = 1000, 100
RATE = 0.02  # spikes per step of 1 ms

VARIANCE = Environment(
    """
    dmean/dt = (hidden_activity - mean)/tau : 1
    dvariance/dt = ((hidden_activity - mean)**2 - variance)/tau : 1
    excess = strength*(variance - target)*(hidden_activity - mean) : 1
    """,
    on="step",
    signals={},
    parameters={"tau": 200 * ms, "strength": 1e6, "target": 2e-4},
)


def network(rule, environment=None):
    net = Network(inputs=SpikeTrains(N), dt=1 * ms)
    net.population("hidden", LIF(tau_m=30 * ms, v_th=0.03, input_scale="leak"), n=N)
    net.readout(LeakyReadout(1, loss="squared_error", target="target"))  # a task scores one; nothing learns from it
    net.connect("inputs", "hidden", Dense(), rule)
    net.connect("hidden", "hidden", Dense(), rule)
    net.connect("hidden", "readout", Dense())
    if environment is not None:
        net.environment(environment)
    return net


def rate_network(lr=0.1):
    """The rate loss alone: a learning signal that is 0, and the regularisation."""
    return network(EProp(lr=lr, signal="0", rate_strength=1.0, rate_target=1000 * RATE * Hz))


def variance_network(lr=1e-5):
    """The variance loss, by a signal broadcast to all neurons."""
    return network(EProp(lr=lr, signal="excess"), VARIANCE)


def train(title, net, iterations, backend):
    """The rate loss (rates per ms) and the variance of every iteration."""
    task = PatternGeneration(iterations=iterations)
    result = task.run(net, record=["hidden.spikes"], record_samples=iterations, backend=backend)
    spikes = result.recordings["hidden.spikes"]  # rows of step and neuron
    counts = np.zeros((iterations, STEPS, N))
    np.add.at(counts, (spikes[:, 0] // STEPS, spikes[:, 0] % STEPS, spikes[:, 1]), 1)
    share, rates = counts.mean(axis=2), 1000 * counts.mean(axis=1)  # of the neurons, and Hz of each
    variance = share.var(axis=1)
    branching = [np.mean(r[1:][r[:-1] > 0] / r[:-1][r[:-1] > 0]) for r in share]
    loss = 0.5 * np.sum((rates / 1000 - RATE) ** 2, axis=1)
    print(title)
    print(
        f"{'iteration':>10} {'mean (Hz)':>10} {'median (Hz)':>12} {'rate loss':>10} {'variance':>9} {'branching':>10}"
    )
    for k in sorted({0, 1, 5, 10, 20, iterations - 1}):
        if k < iterations:
            print(
                f"{k:10} {rates[k].mean():10.1f} {np.median(rates[k]):12.1f} {loss[k]:10.4f} {variance[k]:9.2e} "
                f"{branching[k]:10.2f}"
            )
    return loss, variance


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=60, help="default 60")
    parser.add_argument("--backend", default="standalone", help="standalone (default), runtime or runtime:cython")
    arguments = parser.parse_args()
    train("rate loss, target 20 Hz", rate_network(), arguments.iterations, arguments.backend)
    train("variance loss, target 2e-4", variance_network(), arguments.iterations, arguments.backend)


if __name__ == "__main__":
    main()
