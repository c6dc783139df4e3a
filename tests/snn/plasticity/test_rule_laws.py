"""What holds of all plasticity rules, whatever their numbers."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    Constant,
    Covariance,
    DeltaRule,
    Dense,
    DopamineDepression,
    Environment,
    EProp,
    Factor,
    FromArray,
    LeakyReadout,
    ModulatedSTDP,
    Network,
    Oja,
    PairSTDP,
    Poisson,
    SumOfProducts,
    VolterraRule,
    WeightNormalisation,
    structure_hash,
)
from snn.serial import dumps, loads
from tests.support import rule_reference as reference
from tests.support.rule_cases import CASES
from tests.support.rules import learned, network, outcome_of, rasters, samples_of, weights_of
from tests.support.runs import CLASSES, INPUTS, run, stream

PRE, POST = rasters(90, seed=8)
N_PRE, N_POST = PRE.shape[1], POST.shape[1]
W = np.random.default_rng(1).uniform(0.2, 0.8, (N_PRE, N_POST))
TEACHER = np.random.default_rng(2).random(POST.shape)


# ---- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_json(name):
    rule, text = CASES[name][0], dumps(CASES[name][0])
    assert loads(text) == rule and dumps(loads(text)) == text


def test_rules_are_equal_where_their_texts_are():
    rules = [(rule, dumps(rule)) for rule, _ in CASES.values()]
    for (one, its), (other, of_other) in combinations(rules, 2):
        assert (one == other) is (its == of_other)
    assert len({text for _, text in rules}) > 20


SAME = {
    "products": [SumOfProducts(f"{a}*x1*y0 - {b}*x0*y1 + {b}*tag", f"{b}*x0*y0") for a, b in ((2, 0.5), (-1e-3, 7))],
    "polynomials": [VolterraRule(c) for c in ({}, {"110": 1.0}, {"222": -1.0, "021": 3.0})],
    "factors": [DeltaRule(factor=Factor("k*teacher", {"k": k}, tau=k * ms, gain=k)) for k in (1.0, 2.0)],
    "teachers": [DeltaRule(factor=Factor.teacher_spikes(p, tau=5 * ms)) for p in (0.1, 0.9)],
    "pairs": [PairSTDP(dependence="power", mu_plus=m, w_max=m) for m in (0.1, 1.0)],
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_numbers_are_arguments_of_one_program(name):
    hashes = {structure_hash(network({"rule": rule}, W, signals=("teacher",))) for rule in SAME[name]}
    assert len(hashes) == 1


def test_a_text_is_short_for_a_factor():
    a, b = (network({"rule": DeltaRule(factor=f)}, W, signals=("teacher",)) for f in ("teacher", Factor("teacher")))
    assert structure_hash(a) == structure_hash(b)


@pytest.mark.parametrize("name", CASES)
def test_rules_are_told(name):
    """What is printed names the weight, every trace and every factor."""
    rule = CASES[name][0]
    equations = rule.equations(LIF())
    text = str(equations)
    assert "state of a synapse" in text and "w += " in text
    for trace in equations.traces:
        assert f"    {trace.name} = " in text
    for variable in equations.neuron_variables:
        assert f"    {variable.name} = " in text


@pytest.mark.parametrize("name", CASES)
def test_latex(name):
    """A line for each trace, factor and change, of which Brian2's words are none."""
    equations = CASES[name][0].equations(LIF())
    text = equations.latex()
    parts = len(equations.traces) + len(equations.neuron_variables) + len(equations.updates)
    assert text.startswith("\\begin{align*}") and text.count("&=") >= parts
    assert "_post" not in text and "+=" not in text


# ---- learning --------------------------------------------------------------------------------------------------------


def still(rule):
    """The rule with all that drives it at zero."""
    zero = {"lr", "a_plus", "a_minus", "recovery", "a2_plus", "a3_plus", "a2_minus", "a3_minus"}
    names = {field.name for field in dataclasses.fields(rule)}
    changes = {name: 0.0 for name in zero & names if getattr(rule, name) is not None}
    if "eta" in getattr(rule, "parameters", {}):
        changes["parameters"] = {**rule.parameters, "eta": 0.0}
    for inner in {"stdp"} & names:
        changes[inner] = still(getattr(rule, inner))
    return dataclasses.replace(rule, **changes)


@pytest.mark.slow
def test_a_learning_rate_of_zero_changes_nothing():
    rules = {name: still(rule) for name, (rule, _) in CASES.items() if not name.startswith(("normal", "products"))}
    after = learned(rules, PRE, POST, W, stream={"teacher": TEACHER})
    assert len(after) > 20
    for name, w in after.items():
        np.testing.assert_array_equal(w, W, err_msg=name)


@pytest.mark.slow
def test_nothing_changes_while_nothing_is_learned():
    spec = network({name: rule for name, (rule, _) in CASES.items()}, W, signals=("teacher",))
    samples = samples_of(PRE, POST, teacher=TEACHER)
    frozen = run(spec, dataclasses.replace(samples, learn=np.array([False])))
    for name, w in weights_of(spec, frozen).items():
        np.testing.assert_array_equal(w, W, err_msg=name)


def test_sums_of_a_sample_are_those_of_its_steps():
    """Sample after sample, of a rule whose changes do not depend on the weight."""
    taught = {"factor": Factor("teacher", tau=9 * ms)}
    rules = {on: DeltaRule(0.05, **taught, on=on) for on in ("step", "sample")}
    after = learned(rules, PRE, POST, W, stream={"teacher": TEACHER, "n": 3, "reset": False})
    np.testing.assert_allclose(after["step"], after["sample"], rtol=0, atol=1e-13)
    assert np.abs(after["step"] - W).max() > 0.1


def test_means_last_while_traces_begin_anew():
    rule = Covariance(0.02, tau_mean=80 * ms, tau_pre=9 * ms, tau_post=15 * ms)
    found = learned({"rule": rule}, PRE, POST, W, stream={"n": 3, "reset": True})["rule"]
    # A spike that is sent in a sample's last step would arrive in the next one; a reset network has none on the way.
    pre = PRE.copy()
    pre[[30, 60]] = False
    parts = np.split(pre, 3), np.split(POST, 3)
    x, y = (
        np.concatenate([reference.traced(part, tau)[1] for part in side])
        for side, tau in zip(parts, (9, 15), strict=True)
    )
    keep, w, before, means = (
        np.exp(-1 / 80),
        W,
        (np.zeros(N_PRE), np.zeros(N_POST)),
        (np.zeros(N_PRE), np.zeros(N_POST)),
    )
    for t in range(len(pre)):
        if t in (30, 60):
            before = np.zeros(N_PRE), np.zeros(N_POST)
        means = tuple(keep * mean + (1 - keep) * b for mean, b in zip(means, before, strict=True))
        w = w + 0.02 * np.outer(x[t] - means[0], y[t] - means[1])
        before = x[t], y[t]
    np.testing.assert_allclose(found, w, rtol=0, atol=1e-12)


# ---- third factors ---------------------------------------------------------------------------------------------------


def test_teacher_spikes():
    """In three standard errors of their probability, independent between neurons, and none without a teacher."""
    steps, p = 1500, 0.3
    pre, post = np.zeros((steps, 1), bool), np.zeros((steps, N_POST), bool)
    teacher = np.ones((steps, N_POST)) * [1, 1, 0]
    spec = network({"rule": DeltaRule(factor=Factor.teacher_spikes(p))}, W[:1], signals=("teacher",))
    m = outcome_of(spec, pre, post, record=("post.pre_to_post_m",), teacher=teacher).recordings["post.pre_to_post_m"]
    assert set(np.unique(m)) == {0.0, 1.0} and not m[:, 2].any()
    both = m[:, 0] * m[:, 1]
    for values, expected in ((m[:, 0], p), (m[:, 1], p), (both, p * p), (m[1:, 0] * m[:-1, 0], p * p)):
        assert abs(values.mean() - expected) < 3 * np.sqrt(expected * (1 - expected) / steps)


def test_a_broadcast_factor_with_a_trace():
    """A share of active neurons, that an environment tells in every step."""
    answer = Environment("reward = 0.5 + pre_activity : 1", on="step", signals={})
    factor = Factor("reward - expected", {"expected": 0.4}, tau=6 * ms, gain=0.5)
    rule = ModulatedSTDP(PairSTDP(0.05, 0.06, 12 * ms, 25 * ms), factor)
    found = learned({"rule": rule}, PRE, POST, W, environment=answer)["rule"]
    sent = np.roll(PRE, -1, axis=0).mean(1, keepdims=True)
    m = reference.filtered(0.1 + sent, 6, 0.5)
    np.testing.assert_allclose(found, reference.pairs(PRE, POST, W, 0.05, 0.06, 12, 25, m=m), rtol=0, atol=1e-12)


def test_a_readouts_error_as_a_factor_is_gradient_descent():
    """e-prop onto a readout, online, is presynaptic activity times an error."""
    tau = 10 * ms
    weights = []
    for rule in (
        EProp(lr=0.05, variant="online"),
        DopamineDepression(lr=0.05, factor="error", tau_pre=tau, gain_pre=-np.expm1(-1 / 10)),
    ):
        net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
        net.population("hidden", LIF(v_th=0.3), n=8)
        net.readout(LeakyReadout(CLASSES, tau=tau))
        net.connect("inputs", "hidden", Dense(Constant(0.2)))
        net.connect("hidden", "readout", Dense(FromArray(np.linspace(-1, 1, 8 * CLASSES))), rule)
        weights.append(run(net.freeze(), stream(n=3)).state.arrays["hidden_to_readout.weight"])
    assert np.abs(weights[0] - np.linspace(-1, 1, 8 * CLASSES)).max() > 0.05
    np.testing.assert_allclose(*weights, rtol=0, atol=1e-12)


# ---- normalisation ---------------------------------------------------------------------------------------------------


def test_weights_keep_their_sum_whatever_is_learned():
    """Also of weights with signs; what is all zero stays so, and bounds hold."""
    w = W * [1, -1, 0]
    rules = {
        "free": WeightNormalisation(Oja(0.01, post="spiked"), total=2.0),
        "bound": WeightNormalisation(PairSTDP(0.1, 0.1), total=2.0),
    }
    after = learned(rules, PRE, POST, w, stream={"n": 3}, bound={"w_min": -0.5, "w_max": 0.5})
    np.testing.assert_allclose(np.abs(after["free"]).sum(0)[:2], 2.0, rtol=1e-12)
    assert np.abs(after["bound"]).max() <= 0.5
    alone = learned({"rule": WeightNormalisation(total=2.0)}, PRE, POST, w)["rule"]
    np.testing.assert_allclose(alone, w * [2 / W[:, 0].sum(), 2 / W[:, 1].sum(), 0], rtol=1e-12)
