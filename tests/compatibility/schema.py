"""Networks whose JSON names every class that a network may hold, every choice of a word, and every optional number."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from brian2 import Hz, ms, mV

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
    NetworkSpec,
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
    SNNError,
    Sparse,
    SpikeReadout,
    SpikeTrace,
    SpikeTrains,
    Static,
    SumOfProducts,
    SynapticLIF,
    TripletSTDP,
    Uniform,
    VolterraRule,
    WeightNormalisation,
)
from snn.chip import profile
from tests.compatibility.networks import CASES

N = 4
TIMES = {"tau": 5 * ms, "learning_window": 5 * ms, "drift": 2 * Hz, "v_r": -60 * mV, "v_peak": 10 * mV}
COUNTS = {"batch": 2, "fan_in": 8, "weight_bits": 4, "accumulator_bits": 4, "trace_bits": 4}
OPTIONAL: dict[str, Any] = TIMES | COUNTS  # what optional numbers are set to; all others to 0.5
TRACES = {"x": SpikeTrace("pre", 15 * ms, nearest=True, limit=2.0), "y": SpikeTrace("post", 15 * ms, current=True)}
LOCAL = {"traces": TRACES, "parameters": {"eta": 0.01, "tau": 5 * ms}, "factor": Factor("reward", tau=5 * ms)}

ENCODERS = (Poisson(N), Poisson(N, rate=50 * Hz), Regular(N, rate=80 * Hz, phase=0.25), SpikeTrains(N), Analog(N))
NEURONS = (
    LIF(refractory=2 * ms),
    ALIF(),
    SynapticLIF(),
    HomeostaticLIF(),
    AdEx(),
    Izhikevich(),
    ResonateAndFire(),
    Neuron("dv/dt = (I - v)/tau : 1\nI : 1", "v > 1", "v = 0", 2 * ms, parameters={"tau": 20 * ms}, initial={"v": 0.1}),
    Neuron("dv/dt = -v/(20*ms) : 1\nth : 1", "v > th", "v = 0\nth += 0.1", "v > 2", "v", lasting=("th",)),
    Neuron("dv/dt = (I - v)/(20*ms) : 1\nI : 1", method="exact"),
)
CONNECTIONS = (
    *(Dense(weights) for weights in (Normal(gain=0.5, mean=0.1), Uniform(-1, 1), Constant(0.5))),
    Dense(FromArray([[0.1 * i + 0.01 * j for j in range(N)] for i in range(N)]), autapses=True),
    Sparse(p=0.5),
    Sparse(p=0.5, weights=Uniform(0, 1), autapses=True),
    FixedFanIn(k=2, weights=Constant(0.25)),
    FixedFanIn(k=2, autapses=True),
    OneToOne(),
    OneToOne(FromArray([1.0, 2.0, 3.0, 4.0])),
)
RULES = (
    Static(),
    PairSTDP(w_max=2.0),
    TripletSTDP(),
    TripletSTDP.hippocampus(),
    CoactivitySTDP(0.02, alpha=-0.1, beta=0.05, gamma=0.5, kappa=0.4),
    InhibitorySTDP(rate=5 * Hz),
    Covariance(),
    Covariance(post=Factor("v", tau=5 * ms)),
    Oja(),
    Oja(post="v", factor="reward"),
    VolterraRule({"110": 0.01, "021": -0.01}),
    VolterraRule({"222": 1e-4}, post=Factor("v", {}, 5 * ms, 2.0)),
    DeltaRule(),
    DeltaRule(factor="reward"),
    DopamineDepression(0.01, Factor("reward - expected", {"expected": 0.1}, tau=5 * ms, gain=0.2)),
    RewardSTDP(),
    ModulatedSTDP(PairSTDP(), "reward"),
    ModulatedSTDP(TripletSTDP(), Factor("reward + sigma*randn()", {"sigma": 0.1})),
    WeightNormalisation(),
    WeightNormalisation(PairSTDP(), total=1.5),
    SumOfProducts("0.01*r0*(x1 - 0.2)*y0 + 0.001*r1*tag", tag="x2*y0 - 0.1*tag", r0="reward", r1=Factor("reward")),
    LocalRule(pre="eta*(y - m)", post="eta*x*v_post", variables=("c",), changes={"step": "c = 0.9*c"}, **LOCAL),
    LocalRule(step="eta*c", sample="-eta*w", variables=("c",), changes={"pre": "c += y", "post": "c += x"}, **LOCAL),
    EProp(),
    EProp(feedback="random", feedback_weights=Uniform(-1, 1), rate_strength=1.0, rate_target=20 * Hz),
    EProp(variant="online", rate_strength=1.0, rate_tau=100 * ms),
    EProp(signal="gain*reward - 0.1*spiked", signal_parameters={"gain": 2.0}),
    EProp(optimizer=Adam(beta_1=0.8, beta_2=0.99, epsilon=1e-6)),
    *(EProp(surrogate=kind(height=0.4, width=2.0, scale=0.5)) for kind in (Arctan, Exponential, FastSigmoid)),
    EProp(surrogate=PiecewiseLinear(width=2.5), membrane="v"),
)
READOUTS = (LeakyReadout(N, tau=5 * ms), SpikeReadout("post"), SpikeReadout("post", variable="I"))
CHIPS = (
    Chip(),
    Chip(weight_bits=8, w_range=(-1, 1)),
    *(profile(name, w_range=(-1, 1)) for name in ("Loihi", "ODIN", "BrainScaleS-2")),
)


def network(
    encoder: Any = ENCODERS[0],
    model: Any = NEURONS[0],
    connection: Any = CONNECTIONS[0],
    rule: Any = RULES[0],
    readout: Any = None,
    chip: Any = None,
    **answer: Any,
) -> NetworkSpec:
    """Inputs, two populations and a readout, with one part of interest."""
    net = Network(inputs=encoder, dt=1 * ms, chip=chip)
    spikes = model.neuron(1 * ms).threshold is not None
    told = {"teacher": Signal("label", one_hot=True, teacher=True)}
    net.population("pre", LIF(), n=N)
    net.population("post", model, n=N, signals=told)
    net.readout(readout or (LeakyReadout(N) if spikes else SpikeReadout("pre")))
    net.environment(Environment("reward = 2*int(action == label) - 1 : 1", **({"on": "step"} | answer)))
    net.connect("inputs", "pre", Dense())
    net.connect("pre", "post", connection, rule, w_min=0 if model is NEURONS[0] else None, w_max=8)
    if isinstance(readout, LeakyReadout | None) and spikes:
        learns = isinstance(rule, EProp) and rule.signal is None
        taught = EProp(feedback=rule.feedback, variant=rule.variant) if learns else None
        net.connect("post", "readout", Dense(), EProp() if rule == Static() else taught, delay=2 * ms)
    return net.freeze()


def alternatives(part: Any) -> Iterator[Any]:
    """The part, and the part with each other word, flag and optional number in one of its fields."""
    yield part
    for field in dataclasses.fields(part):
        known, value = field.metadata, getattr(part, field.name)
        other: tuple[Any, ...] = tuple(word for word in known.get("choices", ()) if word != value)
        if "flag" in known:
            other = (not value,)
        elif known.get("number", {}).get("optional") and value is None:
            other = (OPTIONAL.get(field.name, 0.5),)
        for each in other if field.name != "kind" else ():
            yield dataclasses.replace(part, **{field.name: each})


def others() -> Iterator[NetworkSpec]:
    """Networks with what is not one of their parts: inhibition, turns, drives, a variable that receives weights."""
    net = Network(inputs=Poisson(N), dt=0.5 * ms, schedule="sequential")
    two = Neuron("dv/dt = (I - g - v)/(20*ms) : 1\nI : 1\ndg/dt = -g/(5*ms) : 1", "v > 1", "v = 0", input="I")
    net.population("post", two, n=N, signals={"current": Signal("current", per="step")})
    net.readout(SpikeReadout("post", decide="first_spike"))
    net.readout(LeakyReadout(2), name="second")
    net.inhibit("post", gain=0.1)
    net.drive("post", Signal("label", one_hot=True, teacher=True), gain=2.0)
    net.connect("inputs", "post", Dense())
    inhibition = {"name": "inhibition", "target_variable": "g"}
    net.connect("inputs", "post", Sparse(p=0.5), **inhibition, delay=1.5 * ms, w_min=0, w_max=1)
    net.connect("post", "second", Dense())
    yield net.freeze()


def networks() -> dict[str, str]:
    """The JSON of each network, by a name that says which part it is about."""
    kinds = {
        "encoder": ENCODERS,
        "model": NEURONS,
        "connection": CONNECTIONS,
        "rule": RULES,
        "readout": READOUTS,
        "chip": CHIPS,
    }
    found = {f"case {name}": case.build().freeze().to_json() for name, case in CASES.items()}
    found |= {f"other {k}": spec.to_json() for k, spec in enumerate(others())}
    answers = ({"on": "sample"}, {"parameters": {"cost": 0.5, "tau": 5 * ms}}, {"method": "exact"})
    found |= {f"environment {k}": network(**answer).to_json() for k, answer in enumerate(answers)}
    for kind, parts in kinds.items():
        for place, part in enumerate(parts):
            for k, one in enumerate(alternatives(part)):
                name = f"{kind} {type(one).__name__} {place}.{k}"
                try:
                    text = network(**{kind: one}).to_json()
                except SNNError as error:
                    if k == 0:
                        raise
                    print(f"left out: {name}: {error}")
                    continue
                if text not in found.values():
                    found[name] = text
    return found
