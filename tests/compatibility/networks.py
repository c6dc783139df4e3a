"""Small networks that together use every neuron, rule, inhibition, delay, chip feature, readout and learning signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from brian2 import Hz, ms

from snn import (
    ALIF,
    LIF,
    Adam,
    AdEx,
    Analog,
    Arctan,
    Chip,
    CoactivitySTDP,
    Constant,
    Covariance,
    DeltaRule,
    Dense,
    DopamineDepression,
    Environment,
    EProp,
    Exponential,
    Factor,
    FastSigmoid,
    FixedFanIn,
    FromArray,
    HomeostaticLIF,
    InhibitorySTDP,
    Izhikevich,
    LeakyReadout,
    LocalRule,
    ModulatedSTDP,
    Network,
    Neuron,
    Normal,
    Oja,
    OneToOne,
    PairSTDP,
    PiecewiseLinear,
    Poisson,
    Regular,
    ResonateAndFire,
    RewardSTDP,
    Signal,
    Sparse,
    SpikeReadout,
    SpikeTrace,
    SpikeTrains,
    SumOfProducts,
    SynapticLIF,
    TripletSTDP,
    Uniform,
    VolterraRule,
    WeightNormalisation,
)
from tests.compatibility.streams import CLASSES, INPUTS, Streams


@dataclass(frozen=True)
class Case:
    """A network, the task that it runs, and the variables that are recorded besides spikes and weights."""

    build: Callable[[], Network]
    states: tuple[str, ...]
    task: Streams = Streams(sample=25 * ms)


def digits() -> Network:
    """The kind of network that `studies/digits.py` searches."""
    net = Network(inputs=Regular(INPUTS, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=20 * ms, v_th=0.7, refractory=2 * ms), n=15)
    net.readout(LeakyReadout(CLASSES, tau=4 * ms))
    net.connect("inputs", "hidden", Dense(Normal(gain=1.2)), EProp(surrogate=PiecewiseLinear(width=2.5), lr=0.02))
    net.connect("hidden", "readout", Dense(Normal(gain=0.02)), EProp(lr=0.05))
    return net


def eprop_adaptive() -> Network:
    """Adaptive neurons, recurrence with a delay, Adam, batches, decay, regularisation, a learning window."""
    net = Network(inputs=Poisson(INPUTS, rate=250 * Hz), dt=1 * ms)
    net.population("hidden", ALIF(tau_m=15 * ms, v_th=0.6, beta=0.2, tau_a=50 * ms, refractory=2 * ms), n=14)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, decide="last", learning_window=10 * ms))
    shared = {"feedback": "adaptive", "rate_strength": 2.0, "rate_target": 20 * Hz, "batch": 2, "weight_decay": 0.1}
    rule = EProp(lr=0.02, optimizer=Adam(), average=True, **shared)
    net.connect("inputs", "hidden", Sparse(p=0.6), rule, w_min=-2, w_max=2)
    net.connect("hidden", "hidden", FixedFanIn(k=4), rule, delay=3 * ms)
    net.connect("hidden", "readout", Dense(), rule, delay=1 * ms)
    return net


def eprop_surrogates() -> Network:
    """Every surrogate, random feedback, a squared error against a target, gradients through resets."""
    net = Network(inputs=Regular(INPUTS, rate=300 * Hz, phase=0.25), dt=1 * ms)
    kinds = {
        "exponential": (SynapticLIF(tau_m=15 * ms, v_th=0.15), Exponential()),
        "sigmoid": (LIF(tau_m=15 * ms, v_th=0.03, reset="zero", input_scale="leak"), FastSigmoid()),
        "arctan": (LIF(tau_m=15 * ms, v_th=0.5), Arctan(height=0.4, width=2.0)),
    }
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, loss="squared_error", target="target"))
    for name, (model, surrogate) in kinds.items():
        net.population(name, model, n=6)
        rule = EProp(lr=0.01, surrogate=surrogate, feedback="random", through_reset=name == "sigmoid")
        net.connect("inputs", name, Dense(), rule)
        net.connect(name, "readout", Dense(), EProp(lr=0.01, feedback="random"))
    return net


def eprop_online() -> Network:
    """Updates in every step, by a learning signal of the network's own that the environment broadcasts."""
    net = Network(inputs=Regular(INPUTS, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.6), n=12)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms))
    net.environment(Environment("excess = hidden_activity - 0.05 : 1", on="step", signals={}))
    own = {"signal": "gain*excess - 0.1*spiked", "signal_parameters": {"gain": 2.0}}
    net.connect("inputs", "hidden", Dense(), EProp(lr=0.02, variant="online", rate_strength=1.0, **own))
    net.connect("hidden", "hidden", Dense(), EProp(lr=0.02, variant="online", **own), delay=2 * ms)
    net.connect("hidden", "readout", Dense(), EProp(lr=0.02, variant="online", optimizer=Adam()))
    return net


def pair_stdp() -> Network:
    """Pairs of spikes under bounds, a teacher's current, the first spike decides."""
    net = Network(inputs=Poisson(INPUTS, rate=250 * Hz), dt=1 * ms)
    out = LIF(tau_m=10 * ms, v_th=1.0, reset="zero", input_scale="leak", refractory=2 * ms)
    net.population("out", out, n=CLASSES)
    net.readout(SpikeReadout("out", decide="first_spike"))
    rule = PairSTDP(a_plus=0.5, a_minus=0.6)
    net.connect("inputs", "out", Dense(Uniform(0, 20)), rule, w_min=0, w_max=20, delay=1 * ms)
    net.connect("out", "out", Dense(Constant(-0.5)), delay=5 * ms)
    net.drive("out", Signal("label", one_hot=True, teacher=True), gain=5.0)
    net.drive("out", Signal("current", per="step"), gain=0.5)
    return net


def reward() -> Network:
    """Rules that wait for a reward, a teacher or an error."""
    net = Network(inputs=Poisson(INPUTS, rate=250 * Hz), dt=1 * ms)
    told = {"teacher": Signal("label", one_hot=True, teacher=True)}
    net.population("out", LIF(tau_m=10 * ms, v_th=4.0), n=CLASSES, signals=told)
    net.readout(SpikeReadout("out"))
    net.readout(LeakyReadout(CLASSES, tau=10 * ms), name="leaky")
    answer = "reward = 2*int(action == label) - 1 - cost*out_activity : 1\ndcredit/dt = (reward - credit)/tau : 1"
    net.environment(Environment(answer, on="step", parameters={"cost": 0.5, "tau": 20 * ms}))
    less = Factor("reward - expected", {"expected": 0.1}, tau=5 * ms, gain=0.2)
    rules = {
        "delta": DeltaRule(lr=0.003, tau_pre=5 * ms, tau_post=5 * ms),
        "summed": DeltaRule(lr=0.0005, factor="teacher", on="sample"),
        "dopamine": DopamineDepression(0.002, less, recovery=0.002),
        "credit": RewardSTDP(lr=0.005, on="step", factor="credit"),
        "ended": RewardSTDP(lr=0.02),
    }
    for name, rule in rules.items():
        net.connect("inputs", "out", Dense(Uniform(0.2, 0.8)), rule, w_min=0, w_max=1, name=f"inputs->out.{name}")
    gated = ModulatedSTDP(PairSTDP(pairing="nearest"), less)
    net.connect("out", "out", Dense(Uniform(0, 0.3)), gated, delay=2 * ms)
    noisy = Factor("error + sigma*randn()", {"sigma": 0.1})
    net.connect("out", "leaky", Dense(), DopamineDepression(0.05, noisy, on="sample"))
    return net


def local() -> Network:
    """The other rules side by side, a normalisation, and a rule that a user has written."""
    net = Network(inputs=Poisson(INPUTS, rate=250 * Hz), dt=1 * ms)
    net.population("out", LIF(tau_m=10 * ms, v_th=6.0, reset="zero"), n=CLASSES)
    net.population("sum", Neuron("dv/dt = -v/(20*ms) : 1", input="v"), n=CLASSES)
    net.readout(SpikeReadout("out"))
    traces = {"x": SpikeTrace("pre", 15 * ms, nearest=True), "y": SpikeTrace("post", 15 * ms, limit=1.5, current=True)}
    own = {
        "traces": traces,
        "parameters": {"eta": 0.002},
        "variables": ("c",),
        "changes": {"step": "c = 0.9*c + 0.1*y"},
    }
    rules = {
        "triplets": TripletSTDP.hippocampus(),
        "coactive": CoactivitySTDP(0.005, alpha=-0.1, beta=0.05, gamma=0.5, kappa=0.4),
        "inhibition": InhibitorySTDP(0.002, rate=20 * Hz),
        "covariance": Covariance(0.001, tau_mean=50 * ms),
        "volterra": VolterraRule({"110": 0.01, "021": -0.01, "222": 1e-4}, post=Factor("v", tau=5 * ms)),
        "products": SumOfProducts("0.001*(x1 - 0.2)*y0 + 0.001*sgn(w)*tag", tag="x2*y0 - 0.1*tag", on="sample"),
        "kept": WeightNormalisation(PairSTDP(dependence="power", mu_plus=0.2, mu_minus=0.5), total=1.5),
        "own": LocalRule(pre="eta*(y - c)", post="eta*x*v_post", **own),
    }
    for name, rule in rules.items():
        net.connect("inputs", "out", Dense(Uniform(0, 0.3)), rule, w_min=0, w_max=5, name=f"inputs->out.{name}")
    net.connect("inputs", "sum", Sparse(p=0.6, weights=Uniform(0, 0.3)), Oja(1e-3, post="v"))
    return net


def turns() -> Network:
    """Populations one after another, a global inhibitory unit, thresholds that last, weights given as an array."""
    net = Network(inputs=Poisson(INPUTS, rate=300 * Hz), dt=1 * ms, schedule="sequential")
    net.population("kc", HomeostaticLIF(tau_m=10 * ms, v_th=0.8, theta_plus=0.02, refractory=2 * ms), n=18)
    net.population("out", LIF(tau_m=10 * ms, v_th=0.9), n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "kc", FixedFanIn(k=5, weights=Uniform(0, 0.6)))
    net.inhibit("kc", gain=0.02, tau=3 * ms)
    net.inhibit("out", gain=0.1)
    net.connect("kc", "out", Dense(FromArray(np.linspace(0, 0.4, 18 * CLASSES))), PairSTDP(), w_min=0)
    net.connect("kc", "out", Sparse(p=0.5), name="late", delay=2 * ms)
    net.connect("out", "kc", Dense(Constant(0.1)))
    return net


def chip_samples() -> Network:
    """Few bits, stochastic rounding, accumulators, rounded traces, writes at a sample's end, and faults."""
    chip = Chip(
        weight_bits=6,
        rounding="stochastic",
        w_range=(-1, 1),
        write="sample",
        accumulator_bits=4,
        stuck_fraction=0.1,
        write_noise=0.1,
        asymmetry=0.2,
        variability=0.1,
        drift=2 * Hz,
        trace_bits=7,
        energy="ODIN",
    )
    net = Network(inputs=Poisson(INPUTS, rate=250 * Hz), dt=1 * ms, chip=chip)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.8), n=12)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms))
    net.connect("inputs", "hidden", Dense(Uniform(0, 0.3)), PairSTDP(a_plus=0.05, a_minus=0.06), w_min=-1, w_max=1)
    net.connect("hidden", "hidden", OneToOne(Constant(0.2)), delay=4 * ms, w_min=-1, w_max=1)
    net.connect("hidden", "readout", Dense(Normal(gain=0.5)), EProp(lr=0.1), w_min=-1, w_max=1)
    return net


def chip_events() -> Network:
    """Inputs that never spike, writes that wait for spikes, nearest rounding, a fan-in that is pruned."""
    chip = Chip(weight_bits=8, write="event", accumulator_bits=6, fan_in=10, over_fan_in="prune")
    net = Network(inputs=Analog(INPUTS), dt=1 * ms, chip=chip)
    net.population("first", LIF(tau_m=10 * ms, v_th=0.8), n=INPUTS)
    net.population("second", LIF(tau_m=15 * ms, v_th=0.5), n=CLASSES)
    net.readout(SpikeReadout("second"))
    net.drive("first", Signal("values"), gain=0.3)
    net.drive("first", Signal("context"), gain=0.1)
    rule = PairSTDP(a_plus=0.05, a_minus=0.04)
    net.connect("first", "second", Dense(Uniform(0, 0.2)), rule, w_min=-1, w_max=1, delay=4 * ms)
    return net


OWN = """
dv/dt = (I + told*teaching + current - g - v)/tau + sigma*xi*tau**-0.5 : 1 (unless refractory)
dI/dt = -I/tau_s : 1
dg/dt = -g/tau_s : 1
dr/dt = -r/tau_r : 1
"""


def own_neuron() -> Network:
    """Noise, signals in a neuron's equations, two kinds of synapses, given spike trains."""
    model = Neuron(
        OWN,
        threshold="v > 1 + 0.1*rand()",
        reset="v = 0\nr += 1",
        refractory="r > 0.6",
        input="I",
        parameters={"tau": 12 * ms, "tau_s": 4 * ms, "tau_r": 6 * ms, "sigma": 0.1, "teaching": 0.5},
        initial={"v": 0.25},
        method="euler",
    )
    told = {"told": Signal("label", one_hot=True, teacher=True), "current": Signal("current", per="step")}
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("out", model, n=CLASSES, signals=told)
    net.readout(SpikeReadout("out", decide="first_spike"))
    net.connect("inputs", "out", Dense(Uniform(0, 1)), PairSTDP(a_plus=0.05, a_minus=0.06), w_min=0, w_max=1)
    net.connect("inputs", "out", Sparse(p=0.5, weights=Constant(0.3)), name="inhibition", target_variable="g")
    return net


def biophysical() -> Network:
    """The neurons with an upswing or a resonance, at a short time step, each under pairs of spikes."""
    net = Network(inputs=Poisson(INPUTS, rate=600 * Hz), dt=0.25 * ms)
    kinds = {
        "adex": (AdEx(refractory=1 * ms), 4e-9),
        "izhikevich": (Izhikevich(refractory=1.5 * ms), 20.0),
        "resonate": (ResonateAndFire(refractory=3 * ms), 0.7),
        "synaptic": (SynapticLIF(tau_m=15 * ms, refractory=3 * ms), 1.0),
    }
    for name, (model, mean) in kinds.items():
        net.population(name, model, n=CLASSES)
        rule = PairSTDP(a_plus=0.05 * mean, a_minus=0.05 * mean)
        net.connect("inputs", name, Dense(Uniform(0.2 * mean, 2 * mean)), rule, w_min=0)
        net.connect(name, name, Dense(Uniform(-mean, mean)), delay=0.5 * ms)
    net.readout(SpikeReadout("adex"))
    return net


CASES = {
    "digits": Case(digits, ("hidden.v",)),
    "eprop_adaptive": Case(eprop_adaptive, ("hidden.v", "hidden.a")),
    "eprop_surrogates": Case(eprop_surrogates, ("exponential.v", "sigmoid.v", "arctan.v")),
    "eprop_online": Case(eprop_online, ("hidden.v",)),
    "pair_stdp": Case(pair_stdp, ("out.v",)),
    "reward": Case(reward, ("out.v",)),
    "local": Case(local, ("out.v", "sum.v")),
    "turns": Case(turns, ("kc.v", "kc.theta", "out.v")),
    "chip_samples": Case(chip_samples, ("hidden.v",)),
    "chip_events": Case(chip_events, ("first.v", "second.v")),
    "own_neuron": Case(own_neuron, ("out.v", "out.r", "out.g"), Streams(sample=25 * ms, trains=True)),
    "biophysical": Case(
        biophysical, ("adex.v", "izhikevich.v", "resonate.y", "synaptic.v"), Streams(sample=10 * ms, steps=40)
    ),
}
