"""Handwritten digits, learned on line: the size and the numbers of a spiking network with e-prop, searched.

A hidden layer of LIF neurons and its readout learn 1,120 digits of 8 x 8 pixels in one pass, one at a time. The search
looks for accuracy on digits that were not streamed and for few synaptic operations.

    snnsearch run studies/digits.py --trials 60 --workers 2
    snnsearch dashboard studies/digits.py
"""

from brian2 import Hz, ms

from search import Study
from snn import LIF, Dense, EProp, LeakyReadout, Network, Normal, Regular
from tasks import Digits


def network(trial):
    rate = trial.suggest_float("rate_hz", 50, 500, log=True) * Hz
    net = Network(inputs=Regular(64, rate=rate), dt=1 * ms)
    hidden = LIF(
        tau_m=trial.suggest_float("tau_m_ms", 5, 50, log=True) * ms,
        v_th=trial.suggest_float("v_th", 0.3, 3, log=True),
        refractory=2 * ms,
    )
    net.population("hidden", hidden, n=trial.suggest_int("n", 32, 256, log=True))
    net.readout(LeakyReadout(10, tau=trial.suggest_float("tau_out_ms", 3, 30, log=True) * ms))
    hidden_rule = EProp(lr=trial.suggest_float("lr", 1e-5, 1e-2, log=True))
    readout_rule = EProp(lr=trial.suggest_float("lr_out", 1e-2, 1, log=True))
    net.connect("inputs", "hidden", Dense(Normal(gain=trial.suggest_float("gain", 0.3, 3, log=True))), hidden_rule)
    net.connect("hidden", "readout", Dense(Normal(gain=0.3)), readout_rule)
    return net


study = Study(network, task=Digits(sample=30 * ms), objectives=["accuracy", "synaptic_operations"])
