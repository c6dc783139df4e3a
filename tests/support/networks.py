"""Networks and streams that several tests run: one definition serves every backend."""

from __future__ import annotations

import dataclasses

import numpy as np
from brian2 import Hz, ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Constant,
    Covariance,
    DeltaRule,
    Dense,
    DopamineDepression,
    Environment,
    EProp,
    Factor,
    FixedFanIn,
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
from snn.backends.program import Samples
from tests.support.runs import CLASSES, INPUTS, stream
from tests.support.variants import FURTHER


def kept(rule: EProp, model) -> list[str]:
    """What a synapse keeps, by name; the size in bytes and the printed equations say the same."""
    equations = rule.equations(model)
    names = ["w", *(variable.name for variable in equations.variables)]
    assert equations.synapse_bytes() == 4 * len(names) and equations.synapse_bytes(8) == 8 * len(names)
    assert f"{', '.join(names)}: {len(names)} number{'s' * (len(names) > 1)}," in str(equations)
    return names


def eprop_lif(inputs=None, n=15, **rule):
    net = Network(inputs=inputs or Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.8, refractory=3 * ms), n=n)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms))
    learn = EProp(**{"lr": 0.02} | rule)
    net.connect("inputs", "hidden", Dense(), learn)
    net.connect("hidden", "hidden", Dense(), learn, delay=2 * ms)
    net.connect("hidden", "readout", Dense(), learn)
    return net


def eprop_alif():
    net = Network(inputs=Regular(INPUTS, rate=200 * Hz), dt=1 * ms)
    net.population("hidden", ALIF(tau_m=15 * ms, v_th=0.8, beta=0.2, tau_a=50 * ms, refractory=2 * ms), n=15)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, decide="last", learning_window=10 * ms))
    learn = EProp(lr=0.02, feedback="adaptive", rate_strength=2.0, rate_target=20 * Hz)
    net.connect("inputs", "hidden", Sparse(p=0.5), learn)
    net.connect("hidden", "hidden", FixedFanIn(k=4), learn)
    net.connect("hidden", "readout", Dense(), learn)
    return net


def pair_stdp():
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("out", LIF(tau_m=10 * ms, v_th=1.0, reset="zero", input_scale="leak", refractory=2 * ms), n=CLASSES)
    net.readout(SpikeReadout("out", decide="first_spike"))
    net.connect(
        "inputs", "out", Dense(Uniform(0, 20)), PairSTDP(a_plus=0.5, a_minus=0.6), w_min=0, w_max=20, delay=1 * ms
    )
    net.drive("out", Signal("label", one_hot=True, teacher=True), gain=5.0)
    return net


def reward_stdp(on="sample"):
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("relay", LIF(tau_m=5 * ms, v_th=0.5), n=INPUTS)
    net.population("out", LIF(tau_m=10 * ms, v_th=1.0), n=CLASSES)
    net.readout(SpikeReadout("out", decide="count"))
    net.environment(Environment("reward = 2*int(action == label) - 1 : 1", on=on))
    net.connect("inputs", "relay", OneToOne())
    net.connect("relay", "out", Dense(Uniform(0, 0.5)), RewardSTDP(lr=0.05, on=on), w_min=0, w_max=1)
    return net


def modulated():
    """Rules with a factor: spikes of a teacher, a broadcast reward, and one at a readout."""
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    teacher = {"teacher": Signal("label", one_hot=True, teacher=True)}
    net.population("out", LIF(tau_m=10 * ms, v_th=1.0), n=CLASSES, signals=teacher)
    net.readout(SpikeReadout("out"))
    net.readout(LeakyReadout(CLASSES, tau=10 * ms), name="leaky")
    net.environment(Environment("reward = 2*int(action == label) - 1 : 1", on="step"))
    reward = Factor("reward - expected", {"expected": 0.1}, tau=5 * ms, gain=0.2)
    rules = {
        "inputs->out.delta": DeltaRule(lr=0.01, tau_pre=5 * ms, tau_post=5 * ms),
        "inputs->out.summed": DeltaRule(lr=0.01, factor="teacher", on="sample"),
        "inputs->out.dopamine": DopamineDepression(0.01, reward, recovery=0.1),
    }
    for name, rule in rules.items():
        net.connect("inputs", "out", Dense(Uniform(0, 0.3)), rule, w_min=0, w_max=1, name=name)
    gated = ModulatedSTDP(PairSTDP(pairing="nearest"), reward)
    net.connect("out", "out", Dense(Uniform(0, 0.3)), gated, delay=2 * ms)
    by_error = DopamineDepression(0.05, Factor("error + sigma*randn()", {"sigma": 0.1}), on="sample")
    net.connect("out", "leaky", Dense(), by_error)
    return net


def local_rules():
    """The other rules, side by side; weights that keep their sum; and one that a user has written."""
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("out", LIF(tau_m=10 * ms, v_th=1.0, reset="zero"), n=CLASSES)
    net.population("sum", Neuron("dv/dt = -v/(20*ms) : 1", input="v"), n=CLASSES)
    net.readout(SpikeReadout("out"))
    traces = {"x": SpikeTrace("pre", 15 * ms, nearest=True), "y": SpikeTrace("post", 15 * ms, limit=1.5, current=True)}
    rules = {
        "triplets": TripletSTDP.hippocampus(),
        "inhibition": InhibitorySTDP(0.01, rate=20 * Hz),
        "covariance": Covariance(0.001, tau_mean=50 * ms),
        "volterra": VolterraRule({"110": 0.01, "021": -0.01, "222": 1e-4}, post=Factor("v", tau=5 * ms)),
        "products": SumOfProducts("0.01*(x1 - 0.2)*y0 + 0.001*sgn(w)*tag", tag="x2*y0 - 0.1*tag", on="sample"),
        "kept": WeightNormalisation(PairSTDP(dependence="power", mu_plus=0.2, mu_minus=0.5), total=1.5),
        "own": LocalRule(
            pre="eta*(y - c)",
            post="eta*x*v_post",
            traces=traces,
            parameters={"eta": 0.01},
            variables=("c",),
            changes={"step": "c = 0.9*c + 0.1*y"},
        ),
    }
    for name, rule in rules.items():
        net.connect("inputs", "out", Dense(Uniform(0, 0.3)), rule, w_min=0, w_max=1, name=f"inputs->out.{name}")
    net.connect("inputs", "sum", Sparse(p=0.6, weights=Uniform(0, 0.3)), Oja(1e-3, post="v"))
    return net


def own_neuron():
    """Physical units, a hard reset, refractoriness as Brian2 writes it, noise, and a variable called w."""
    model = """
    dv/dt = (el - v + I - w)/tau + sigma*xi*tau**-0.5 : volt (unless refractory)
    dI/dt = -I/tau_s : volt
    dw/dt = -w/tau_w : volt
    """
    neuron = Neuron(
        model,
        threshold="v > -50*mV",
        reset="v = -60*mV\nw += 1*mV",
        refractory=2 * ms,
        parameters={"el": -65 * mV, "tau": 10 * ms, "tau_s": 3 * ms, "tau_w": 50 * ms, "sigma": 2 * mV},
        initial={"v": -65 * mV},
        method="euler",
    )
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=0.5 * ms)
    net.population("out", neuron, n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.connect(
        "inputs", "out", Sparse(p=0.7, weights=Normal(gain=0.01, mean=0.012)), PairSTDP(a_plus=1e-4, a_minus=1e-4)
    )
    return net


def explicit_spikes():
    net = Network(inputs=SpikeTrains(INPUTS), dt=1 * ms)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.8), n=10)
    net.readout(LeakyReadout(CLASSES, loss="squared_error"))
    net.connect("inputs", "hidden", Dense())
    net.connect("hidden", "readout", Dense(), EProp(lr=0.05), delay=3 * ms)
    return net


def of_model(model, mean, variable="v", dt=1.0, amplitude=0.05):
    """A recurrent population of a neuron model, driven through synapses of about the given weight."""
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz / dt), dt=dt * ms)
    net.population("out", model, n=CLASSES)
    net.readout(SpikeReadout("out", variable=variable))
    rule = PairSTDP(a_plus=amplitude * mean, a_minus=amplitude * mean)
    net.connect("inputs", "out", Dense(Uniform(0.2 * mean, 2 * mean)), rule, w_min=0)
    net.connect("out", "out", Dense(Uniform(-mean, mean)), delay=2 * dt * ms)
    return net


def turns(schedule="sequential"):
    """Populations one after another, a global inhibitory unit, and thresholds that last."""
    net = Network(inputs=Poisson(INPUTS, rate=300 * Hz), dt=1 * ms, schedule=schedule)
    net.population("kc", HomeostaticLIF(tau_m=10 * ms, v_th=0.8, theta_plus=0.02, refractory=2 * ms), n=20)
    net.population("out", LIF(tau_m=10 * ms, v_th=1.0), n=CLASSES)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "kc", FixedFanIn(k=5, weights=Uniform(0, 0.6)))
    net.inhibit("kc", gain=0.02, tau=3 * ms)
    net.connect("kc", "out", Dense(Uniform(0, 0.4)), PairSTDP(), w_min=0)
    net.connect("kc", "out", Sparse(p=0.5), name="late", delay=2 * ms)
    net.connect("out", "kc", Dense(Constant(0.1)))
    return net


NETWORKS = {
    "eprop_lif": eprop_lif,
    "eprop_alif": eprop_alif,
    "pair_stdp": pair_stdp,
    "reward_stdp": reward_stdp,
    "reward_stdp_step": lambda: reward_stdp("step"),
    "modulated": modulated,
    "local_rules": local_rules,
    "own_neuron": own_neuron,
    "turns": turns,
    "explicit_spikes": explicit_spikes,
    "synaptic_lif": lambda: of_model(SynapticLIF(tau_m=15 * ms, refractory=3 * ms), 1.0),
    "resonate_and_fire": lambda: of_model(ResonateAndFire(refractory=3 * ms), 0.7, variable="y"),
    "adex": lambda: of_model(AdEx(refractory=1 * ms), 4e-9, dt=0.25),
    "izhikevich": lambda: of_model(Izhikevich(refractory=1.5 * ms), 20.0, dt=0.5),
}


def spec_of(name):
    """A frozen network by its name."""
    return (NETWORKS | FURTHER)[name]().freeze()


def stream_for(name, n=6, **options) -> Samples:
    """A stream that fits a network."""
    samples = stream(n, spikes=name == "explicit_spikes", **options)
    rng = np.random.default_rng(9)
    more = {"current": rng.random((n, samples.steps, CLASSES)), "target": rng.normal(size=(n, samples.steps, CLASSES))}
    return dataclasses.replace(samples, signals={**samples.signals, **more, "context": rng.random(n)})
