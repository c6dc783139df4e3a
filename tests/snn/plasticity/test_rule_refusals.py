"""What rules refuse, and how they say so."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    Chip,
    CoactivitySTDP,
    Covariance,
    DeltaRule,
    Dense,
    DopamineDepression,
    EProp,
    Factor,
    InhibitorySTDP,
    LeakyReadout,
    LocalRule,
    ModulatedSTDP,
    Network,
    Neuron,
    Oja,
    PairSTDP,
    Poisson,
    RewardSTDP,
    Signal,
    SpikeReadout,
    SpikeTrace,
    Static,
    SumOfProducts,
    TripletSTDP,
    VolterraRule,
    WeightNormalisation,
)
from snn.errors import NetworkError
from tests.support.runs import run, stream

X, Y = {"x": SpikeTrace("pre")}, {"y": SpikeTrace("post")}

WRONG = {
    "pairing": (PairSTDP(pairing="nearst"), "nearest: 'nearest'"),
    "dependence": (PairSTDP(dependence="multiplicativ"), "nearest: 'multiplicative'"),
    "scale": (PairSTDP(w_max=0), "`w_max > 0` must hold"),
    "triplets": (TripletSTDP(a3_plus=-1.0), "`a3_plus >= 0` must hold"),
    "rate": (InhibitorySTDP(rate=3 * ms), "must have the unit"),
    "weights": (InhibitorySTDP(weights="negativ"), "nearest: 'negative'"),
    "factor, kind": (DeltaRule(factor=3), "must be a text such as 'reward' or a Factor('reward'), but is 3"),
    "factor, text": (DeltaRule(factor="rate -"), "`value` of the factor of the rule", "'rate -'"),
    "factor, tau": (DeltaRule(factor=Factor("teacher", tau=-1 * ms)), "`tau > 0", "the factor of the rule"),
    "factor, parameters": (DeltaRule(factor=Factor("teacher", {"a": "b"})), "`parameters` of the factor", "a = 'b'"),
    "factor, itself": (DeltaRule(factor=Factor("m + 1")), "`m` means the factor itself", "rename it"),
    "factor, own gain": (DeltaRule(factor=Factor("teacher", {"m_gain": 1})), "`m_gain` means the factor itself"),
    "factor, unknown": (DeltaRule(factor="techer"), "needs the third factor 'techer'", "nearest: 'teacher'"),
    "factor, taken": (DeltaRule(factor=Factor("v*teacher", {"v": 1})), "`v` must mean one thing in a factor"),
    "factor, comment": (DeltaRule(factor="teacher # not mine"), "must be an expression such as 'reward - expected'"),
    "factor, lines": (DeltaRule(factor="teacher\n"), "must be an expression such as 'reward - expected'"),
    "factor, letters": (DeltaRule(factor="é"), "must be an expression such as 'reward - expected'"),
    "factor, operator": (DeltaRule(factor="teacher @ v"), "must be an expression such as 'reward - expected'"),
    "factor, text within": (DeltaRule(factor="teacher*'2'"), "must be an expression such as 'reward - expected'"),
    "factor, arguments": (DeltaRule(factor="exp(v, 2)"), "must be an expression such as 'reward - expected'"),
    "factor, no call": (DeltaRule(factor="teacher*exp"), "must be an expression such as 'reward - expected'"),
    "factor, infinite": (DeltaRule(factor="1e999"), "must be an expression such as 'reward - expected'"),
    "factor, zero": (DeltaRule(factor="teacher/0"), "must be an expression such as 'reward - expected'"),
    "factor, truth": (DeltaRule(factor="not teacher"), "must be an expression such as 'reward - expected'"),
    "factor, keyword": (DeltaRule(factor=Factor("teacher", {"None": 1})), "plain words", "one is 'None'"),
    "reward": (RewardSTDP(factor="teacher > 1"), "must be an expression such as 'reward - expected'"),
    "stdp": (ModulatedSTDP("pairs"), "`stdp` of the rule", "must be a rule such as PairSTDP()"),
    "stdp, within": (ModulatedSTDP(PairSTDP(a_plus=-1)), "`a_plus >= 0` must hold, but the stdp of the rule"),
    "two factors": (ModulatedSTDP(DeltaRule()), "must be a rule without a factor, but is DeltaRule"),
    "post": (Covariance(post="vv"), "needs the third factor 'vv'"),
    "post, kind": (Oja(post=1.0), "`post` of the rule"),
    "coefficients": (VolterraRule({"11": 1.0}), "names '11'; choices: '000'"),
    "coefficients, number": (VolterraRule({"110": "a"}), "A_110 = 'a'"),
    "coefficients, kind": (VolterraRule((1.0, 2.0)), "must be a mapping of names to numbers"),
    "products, name": (SumOfProducts("x1*y4"), "`dw` of the rule of inputs->out uses 'y4'; choices:"),
    "products, call": (SumOfProducts("exp(x1)"), "must be a sum of products", "'exp(x1)'"),
    "products, division": (SumOfProducts("x1/y1"), "must be a sum of products", "'x1 / y1'"),
    "products, nothing": (SumOfProducts(""), "must be a sum of products"),
    "products, kind": (SumOfProducts(b"x1"), "must be a sum of products"),
    "products, attribute": (SumOfProducts("x1.__class__"), "must be a sum of products"),
    "products, truth": (SumOfProducts("True*x1"), "must be a sum of products", "'True'"),
    "products, infinite": (SumOfProducts("1e999*x1"), "must be a sum of products", "'1e309'"),
    "products, tag": (SumOfProducts("tag", tag="tga"), "`tag` of the rule", "nearest: 'tag'"),
    "products, factor": (SumOfProducts("r1*x1"), "reads `r1`, which is not given; give it r1='reward'"),
    "normalisation": (WeightNormalisation(PairSTDP(), total=0), "`total > 0` must hold"),
    "normalisation, kind": (WeightNormalisation("pairs"), "`rule` of the rule", "must be a rule such as PairSTDP()"),
    "normalisation, within": (WeightNormalisation(PairSTDP(a_plus=-1)), "the rule within the rule of inputs->out"),
    "own, nothing": (LocalRule(), "proposes changes of weights", "has none"),
    "own, text": (LocalRule(pre="eta*"), "`pre` of the rule of inputs->out must be an expression", "'eta*'"),
    "own, unknown": (LocalRule(pre="et*x", traces=X, parameters={"eta": 1}), "uses 'et'", "nearest: 'eta'"),
    "own, factor": (LocalRule(step="m*x", traces=X), "uses 'm', which is not given"),
    "own, random": (LocalRule(step="x*rand()", traces=X), "must not use `rand`"),
    "own, trace": (LocalRule(pre="x", traces={"x": 20 * ms}), "must map names to SpikeTrace('pre', 20*ms)"),
    "own, side": (LocalRule(pre="x", traces={"x": SpikeTrace("pree")}), "`side` of trace 'x' of the rule"),
    "own, name": (LocalRule(pre="x_post", traces={"x_post": SpikeTrace()}), "`x_post` must mean one thing"),
    "own, twice": (LocalRule(pre="x", traces=X, parameters={"x": 1.0}), "`x` must mean one thing"),
    "own, occasion": (LocalRule(pre="x", traces=X, changes={"stp": "c = x"}), "names 'stp'; choices:"),
    "own, statement": (LocalRule(pre="x", traces=X, changes={"step": "if x: c = 1"}), "must be statements such as"),
    "own, assignment": (LocalRule(pre="x", traces=X, changes={"step": "x += 1"}), "must not set `x`"),
    "own, weight": (LocalRule(pre="x", traces=X, changes={"step": "w = 1"}), "must not set `w`"),
    "own, comment": (LocalRule(pre="x # mine", traces=X), "`pre` of the rule of inputs->out must be an expression"),
    "own, brian": (LocalRule(pre="delay", variables=("delay",)), "`delay` must mean one thing"),
    "own, unit": (LocalRule(pre="ms", parameters={"ms": 1}), "`ms` must mean one thing"),
    "own, constant": (LocalRule(pre="e", variables=("e",)), "`e` must mean one thing"),
    "own, writer": (LocalRule(pre="write_min", variables=("write_min",)), "`write_min` must mean one thing"),
    "own, no statement": (LocalRule(pre="x", traces=X, changes={"step": "# c"}), "must be statements such as"),
    "own, operator": (LocalRule(pre="x", traces=X, changes={"step": "c @= x"}), "must be statements such as"),
    "own, power": (LocalRule(pre="x", traces=X, changes={"step": "c **= x"}), "must be statements such as"),
    "own, macro": (LocalRule(pre="NAN", parameters={"NAN": 1}), "`NAN` must mean one thing"),
    "own, arguments": (LocalRule(pre="x", traces=X, changes={"step": "c = exp()"}), "must be statements such as"),
    "own, early": (LocalRule(pre="c", variables=("c",), changes={"pre": "c = d\nd = 1"}), "uses 'd'"),
    "own, size": (LocalRule(pre="x", traces=X, changes={"pre": "N = 1"}), "must not set `N`"),
    "own, neuron": (LocalRule(pre="u_post*x", traces=X), "reads 'u_post'; choices:"),
    "own, inputs": (LocalRule(pre="v_pre*x", traces=X), "reads 'v_pre'; there are no choices"),
}  # fmt: skip


def network(rule, model=None, target="out"):
    net = Network(inputs=Poisson(4, rate=100 * Hz), dt=1 * ms)
    teacher = {"teacher": Signal("label", one_hot=True, teacher=True)}
    net.population("out", model or LIF(), n=2, signals=teacher)
    net.readout(LeakyReadout(2))
    net.connect("inputs" if target == "out" else "out", target, Dense(), rule)
    if target == "out":
        net.connect("out", "readout", Dense()) if model is None else net.connect("inputs", "out", Dense(), name="more")
    return net


def said(net) -> str:
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    for problem in caught.value.problems:
        assert problem.endswith(".") and "\n" not in problem, problem
    return str(caught.value)


@pytest.mark.parametrize("name", WRONG)
def test_what_a_rule_says(name):
    rule, *parts = WRONG[name]
    message = said(network(rule))
    for part in parts:
        assert part in message, message


SILENT = Neuron("dv/dt = (I - v)/(20*ms) : 1\nI : 1")
NEED_SPIKES = {
    "TripletSTDP": TripletSTDP(),
    "InhibitorySTDP": InhibitorySTDP(),
    "CoactivitySTDP": CoactivitySTDP(),
    "DeltaRule": DeltaRule(),
    "Covariance without post=": Covariance(),
    "A SumOfProducts with y0": SumOfProducts("x1*y1"),
    "This LocalRule": LocalRule(pre="y", traces=Y),
    "`spiked` in a factor": DopamineDepression(factor="spiked"),
    "PairSTDP": WeightNormalisation(PairSTDP()),
}


@pytest.mark.parametrize("name", NEED_SPIKES)
@pytest.mark.parametrize("target", ["out", "readout"])
def test_rules_that_need_postsynaptic_spikes(name, target):
    """Told of a readout, and of a population that never spikes."""
    net = network(NEED_SPIKES[name], SILENT if target == "out" else None, target)
    if target == "out":
        net = Network(inputs=Poisson(4), dt=1 * ms)
        net.population("out", SILENT, n=2, signals={"teacher": Signal("label", one_hot=True, teacher=True)})
        net.population("other", LIF(), n=2)
        net.readout(SpikeReadout("other"))
        net.connect("inputs", "out", Dense(), NEED_SPIKES[name])
    message = said(net)
    assert name.split(" ")[0] in message and "needs postsynaptic spikes" in message


def test_traces_of_few_bits_are_not_negative():
    spec = network(Covariance(gain_pre=-1.0)).freeze()
    spec.on_chip(Chip())
    with pytest.raises(NetworkError, match="at least 0, but a spike adds -1 to 'x' in the rule of inputs->out"):
        spec.on_chip(Chip(trace_bits=7))


@pytest.mark.parametrize(
    "rule", [Static(), EProp(), WeightNormalisation(DeltaRule()), LocalRule(sample="w"), Covariance(on="sample")]
)
def test_what_cannot_be_modulated(rule):
    """A normalisation, times a modulator, would be none; and there is one modulator at a time."""
    message = said(network(ModulatedSTDP(rule, factor="teacher")))
    assert "ModulatedSTDP multiplies what a rule proposes on spikes or in steps" in message
    assert type(rule).__name__ in message


def test_rules_with_feedback_are_not_normalised():
    message = said(network(WeightNormalisation(EProp())))
    assert "WeightNormalisation scales what a local rule has learned" in message and "EProp" in message


@pytest.mark.parametrize(
    "rule",
    [
        DopamineDepression(factor="error"),
        DopamineDepression(factor=Factor("error*y + randn()")),
        VolterraRule({"100": 1.0}, post="error"),
        LocalRule(step="x*error_post", traces=X),
    ],
)
def test_a_readouts_error_is_a_factor(rule):
    network(rule, target="readout").freeze()


@pytest.mark.slow
def test_names_of_a_neurons_own_do_not_disturb():
    """A neuron whose variables have the names that rules have for themselves."""
    names = ("x", "y", "m", "w", "lr", "change", "tag", "activity", "k_0", "w_sum", "total_weight", "a_000")
    model = Neuron(
        "dv/dt = (I - v)/(20*ms) : 1\nI : 1\n" + "\n".join(f"{name} : 1" for name in names),
        threshold="v > 1",
        reset="v = 0",
    )
    rules = [
        DeltaRule(on="sample"),
        Covariance(post="v"),
        VolterraRule({"111": 0.1}),
        SumOfProducts("0.1*tag*x1 - 0.2*y0", tag="x0*y1"),
        WeightNormalisation(TripletSTDP()),
    ]

    def learned(model):
        net = Network(inputs=Poisson(12, rate=150 * Hz), dt=1 * ms)
        net.population("out", model, n=4, signals={"teacher": Signal("label", one_hot=True, teacher=True)})
        net.readout(SpikeReadout("out"))
        for k, rule in enumerate(rules):
            net.connect("inputs", "out", Dense(), rule, name=f"rule {k}")
        arrays = run(net.freeze(), stream(n=3)).state.arrays
        return {name: array for name, array in arrays.items() if name.endswith(".weight")}

    plain = Neuron("dv/dt = (I - v)/(20*ms) : 1\nI : 1", threshold="v > 1", reset="v = 0")
    found, expected = learned(model), learned(plain)
    assert len(found) == len(rules)
    for name, weights in expected.items():
        np.testing.assert_allclose(found[name], weights, rtol=0, atol=1e-15)
