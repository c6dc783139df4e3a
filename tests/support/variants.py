"""Networks for the rest: variants of rules and neurons, connections, weights, surrogates."""

from __future__ import annotations

import numpy as np
from brian2 import Hz, ms

from snn import (
    ALIF,
    LIF,
    Adam,
    Arctan,
    Constant,
    Dense,
    Environment,
    EProp,
    Exponential,
    FastSigmoid,
    FixedFanIn,
    FromArray,
    LeakyReadout,
    Network,
    Neuron,
    Normal,
    OneToOne,
    PairSTDP,
    Poisson,
    Regular,
    RewardSTDP,
    Signal,
    Sparse,
    SpikeReadout,
    SynapticLIF,
    Uniform,
)
from tests.support.runs import CLASSES, INPUTS

DRIVEN = Neuron(
    """
    dv/dt = (I + told*teaching + current - v)/tau + sigma*xi*tau**-0.5 : 1 (unless refractory)
    dI/dt = -I/tau_s : 1
    dr/dt = -r/tau_r : 1
    """,
    threshold="v > 1 + 0.1*rand()",
    reset="v = 0\nr += 1",
    refractory="r > 0.6",
    parameters={"tau": 12 * ms, "tau_s": 4 * ms, "tau_r": 6 * ms, "sigma": 0.1, "teaching": 0.5},
    initial={"v": 0.25},
    method="euler",
)
"""Noise, refractoriness as a condition, and signals of a sample and of a step in its equations."""


def everything(hidden=13, p=0.6):
    """What the language can say, at once."""
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("hidden", ALIF(tau_m=15 * ms, v_th=0.8, beta=0.2, tau_a=50 * ms, refractory=2 * ms), n=hidden)
    told = {"told": Signal("label", one_hot=True, teacher=True), "current": Signal("current", per="step")}
    net.population("out", DRIVEN, n=CLASSES, signals=told)
    net.population("mean", Neuron("ds/dt = (I - s)/(20*ms) : 1\nI : 1", method="exact"), n=CLASSES)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, learning_window=10 * ms))
    net.readout(SpikeReadout("out", decide="first_spike"), name="race")
    net.environment(
        Environment(
            "reward = 2*int(action == label) - 1 - cost*hidden_activity : 1\ndcredit/dt = (reward - credit)/tau : 1",
            on="step",
            parameters={"cost": 0.5, "tau": 20 * ms},
        )
    )
    learn = EProp(
        lr=0.02,
        feedback="adaptive",
        rate_strength=2.0,
        rate_target=20 * Hz,
        optimizer=Adam(),
        batch=2,
        weight_decay=0.1,
    )
    net.connect("inputs", "hidden", Sparse(p=p), learn, w_min=-2, w_max=2)
    net.connect("hidden", "hidden", FixedFanIn(k=min(4, hidden - 1) or 1, autapses=hidden == 1), learn, delay=3 * ms)
    net.connect("hidden", "readout", Dense(), learn, delay=1 * ms)
    net.connect("inputs", "out", Dense(Uniform(0, 1)), PairSTDP(a_plus=0.05, a_minus=0.06), w_min=0, w_max=1)
    net.connect("hidden", "out", Sparse(p=0.7), RewardSTDP(lr=0.05, on="step", factor="credit"), delay=7 * ms)
    net.connect("out", "mean", OneToOne(Constant(5.0)), delay=2 * ms)
    net.drive("out", Signal("current", per="step"), gain=0.1)
    net.drive("hidden", Signal("context"), gain=0.02)
    return net


def one_rule(rule, model=None, w_min=None, window=None, **readout):
    """A recurrent population and its readout that learn by one rule."""
    net = Network(inputs=Regular(INPUTS, rate=200 * Hz, phase=0.25), dt=1 * ms)
    net.population("hidden", model or LIF(tau_m=15 * ms, v_th=0.8), n=15)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, learning_window=window, **readout))
    net.connect("inputs", "hidden", Dense(), rule, w_min=w_min)
    net.connect("hidden", "hidden", Sparse(p=0.4, autapses=True), rule, delay=1 * ms)
    net.connect("hidden", "readout", Dense(), rule if rule.signal is None else None)
    return net


def one_connection(connection):
    """Two populations of one size that PairSTDP connects."""
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("out", LIF(tau_m=10 * ms, v_th=0.7, reset="zero"), n=INPUTS)
    net.readout(SpikeReadout("out"))
    rule = PairSTDP(a_plus=0.01, a_minus=0.012)
    net.connect("inputs", "out", connection, rule, w_max=2)
    net.connect("out", "out", connection, rule, delay=5 * ms)
    return net


def of_conditions():
    """A differential membrane that synapses jump, rk4, whole numbers of its own, and one divided by another."""
    model = """
    dv/dt = (0.1*y - v + told)/tau : 1
    dy/dt = (v - y**2)/(30*ms) : 1
    k : integer
    """
    neuron = Neuron(
        model,
        threshold="v > 0.8",
        reset="v = k/(9 + i)\nk = (k + 1) % 5",
        refractory="k == 2 and v < 0.5",
        input="v",
        parameters={"tau": 15 * ms},
        method="rk4",
    )
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("out", neuron, n=CLASSES, signals={"told": Signal("label", one_hot=True, teacher=True)})
    net.readout(SpikeReadout("out", decide="first_spike"))
    net.connect("inputs", "out", Dense(Uniform(0, 1)), PairSTDP())
    net.connect("out", "out", Dense(Constant(-0.25)), delay=4 * ms)
    return net


def listening():
    """A learning signal of the network's own, which the environment broadcasts."""
    net = one_rule(EProp(lr=0.05, signal="gain*excess - 0.1*spiked", signal_parameters={"gain": 2.0}, variant="online"))
    net.environment(Environment("excess = hidden_activity - 0.05 : 1", on="step", signals={}))
    return net


def shapes(n=INPUTS):
    """Every shape that rows of synapses have, with code that runs in every step for each synapse."""
    net = Network(inputs=Poisson(n, rate=150 * Hz), dt=1 * ms)
    net.population("hidden", ADAPTIVE, n=n)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms))
    learn = EProp(lr=0.01, variant="online", rate_strength=1.0)
    shown = {
        "whole": Dense(autapses=True),
        "hollow": Dense(),
        "gaps": Sparse(p=0.5),
        "narrow": FixedFanIn(k=min(2, n - 1)),
    }
    net.connect("inputs", "hidden", OneToOne(Constant(2.0)), learn)
    for name, connection in shown.items():
        net.connect("hidden", "hidden", connection, learn, name=name)
    net.connect("hidden", "readout", Dense(), learn)
    net.connect("hidden", "readout", Sparse(p=0.3), learn, name="again")
    return net


ZERO = LIF(tau_m=15 * ms, v_th=0.08, reset="zero", input_scale="leak", refractory=3 * ms)
CURRENT = SynapticLIF(tau_m=15 * ms, v_th=0.2, reset="zero")
ADAPTIVE = ALIF(tau_m=15 * ms, v_th=0.8, beta=0.2, reset="zero")
AVERAGED = EProp(lr=0.02, average=True, batch=2, optimizer=Adam(), rate_strength=1.0, weight_decay=0.01)
FURTHER = {
    "everything": everything,
    "of_conditions": of_conditions,
    "surrogate_exponential": lambda: one_rule(EProp(surrogate=Exponential()), ADAPTIVE),
    "surrogate_fast_sigmoid": lambda: one_rule(EProp(surrogate=FastSigmoid()), ZERO),
    "surrogate_arctan": lambda: one_rule(EProp(surrogate=Arctan(height=0.4, width=2.0)), CURRENT, decide="last"),
    "eprop_random": lambda: one_rule(EProp(feedback="random", rate_strength=1.0), w_min=-1),
    "eprop_batch": lambda: one_rule(EProp(lr=0.02, batch=2, weight_decay=0.1, rate_strength=1.0), loss="squared_error"),
    "eprop_average": lambda: one_rule(AVERAGED, window=7 * ms),
    "eprop_adam": lambda: one_rule(EProp(lr=0.02, optimizer=Adam(), feedback="adaptive"), target="target"),
    "eprop_online": lambda: one_rule(
        EProp(lr=0.01, variant="online", rate_strength=1.0, feedback="adaptive"), ADAPTIVE
    ),
    "eprop_online_adam": lambda: one_rule(EProp(lr=0.001, variant="online", optimizer=Adam(), weight_decay=0.1)),
    "eprop_through_reset": lambda: one_rule(EProp(through_reset=True), ZERO),
    "eprop_own_signal": listening,
    "shapes": shapes,
    "dense": lambda: one_connection(Dense(Uniform(0, 0.4), autapses=True)),
    "dense_given": lambda: one_connection(Dense(FromArray(np.linspace(0, 0.5, INPUTS**2)), autapses=True)),
    "sparse": lambda: one_connection(Sparse(p=0.3, weights=Normal(gain=0.5, mean=0.5))),
    "fixed_fan_in": lambda: one_connection(FixedFanIn(k=3, weights=Constant(0.5))),
    "one_to_one": lambda: one_connection(OneToOne(Uniform(0.5, 1.0))),
}
"""Networks for what `NETWORKS` leaves out: variants of rules and neurons, connections, weights, surrogates."""
