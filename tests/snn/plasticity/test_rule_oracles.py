"""Plasticity rules against published numbers, closed forms and fixed points."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, mV, nS, pA, pF

from snn import (
    CoactivitySTDP,
    Constant,
    Factor,
    InhibitorySTDP,
    Network,
    Neuron,
    Oja,
    OneToOne,
    PairSTDP,
    Sparse,
    SpikeReadout,
    SpikeTrains,
    TripletSTDP,
    VolterraRule,
)
from snn.plasticity.rules.volterra import POWERS
from tests.oracles import plasticity, stdp
from tests.support import rule_reference as reference
from tests.support.choices import BACKENDS
from tests.support.rules import learned, network, outcome_of, rasters, samples_of
from tests.support.runs import run

# ---- triplets --------------------------------------------------------------------------------------------------------


def pairings(lags_ms, frequencies, dt):
    """Trains of pairings, in steps of dt (ms): one neuron each, pre and post, for every lag and frequency."""
    cases = [(lag, hertz) for lag in lags_ms for hertz in frequencies]
    steps = max(round(1000 / hertz / dt) * (stdp.PAIRINGS - 1) for _, hertz in cases) + round(40 / dt)
    pre, post = np.zeros((steps, len(cases)), bool), np.zeros((steps, len(cases)), bool)
    for k, (lag, hertz) in enumerate(cases):
        first = round(20 / dt) + np.arange(stdp.PAIRINGS) * round(1000 / hertz / dt)
        pre[first, k] = post[first + round(lag / dt), k] = True
    return pre, post


COMPLETE = [  # 600 s, which only compiled code goes through quickly
    pytest.param("standalone", 0, marks=pytest.mark.slow), pytest.param("runtime", 0, marks=pytest.mark.nightly)
]  # fmt: skip


@pytest.mark.parametrize("backend, first", [("runtime", 1), *COMPLETE])
def test_triplets(backend, first):
    """The paper's protocol at all frequencies, or all but the lowest."""
    frequencies = stdp.FREQUENCIES[first:]
    pre, post = pairings((10, -10), frequencies, dt=5)
    w = np.zeros((pre.shape[1],) * 2)
    change = np.diag(learned({"rule": TripletSTDP()}, pre, post, w, backend, dt=5.0)["rule"]).reshape(2, -1)
    np.testing.assert_allclose(change, [stdp.AFTER[first:], stdp.BEFORE[first:]], rtol=0, atol=1e-6)
    times = {name: tau / 5 for name, tau in TIMES.items()}
    if first:
        same = reference.triplets(pre, post, w, *stdp.VISUAL_CORTEX[:4], **times)
        np.testing.assert_allclose(change.ravel(), np.diag(same), rtol=0, atol=1e-9)
    assert change[1, -3] < 0 < change[1, -2]  # depression turns between 20 and 40 Hz


TIMES = {"tau_plus": 16.8, "tau_minus": 33.7, "tau_x": stdp.VISUAL_CORTEX[4], "tau_y": stdp.VISUAL_CORTEX[5]}


@pytest.mark.parametrize(
    "rule, published, pairing",
    [
        (TripletSTDP.visual_cortex(), stdp.VISUAL_CORTEX, "all"),
        (TripletSTDP.visual_cortex_nearest(), stdp.VISUAL_CORTEX_NEAREST, "nearest"),
        (TripletSTDP.visual_cortex_minimal(), stdp.VISUAL_CORTEX_MINIMAL, "all"),
        (TripletSTDP.hippocampus(), stdp.HIPPOCAMPUS, "all"),
    ],
)
def test_published_triplet_models(rule, published, pairing):
    given = (rule.a2_plus, rule.a3_plus, rule.a2_minus, rule.a3_minus, rule.tau_x / ms, rule.tau_y / ms)
    assert given == pytest.approx(published) and rule.pairing == pairing
    assert (rule.tau_plus / ms, rule.tau_minus / ms) == pytest.approx((16.8, 33.7))


# ---- drifts ----------------------------------------------------------------------------------------------------------

SYNAPSES, STEPS, P_PRE, P_POST = 120, 6000, 0.02, 0.03


def drift(alone_pre, alone_post, at_pre, at_post, tau_pre, tau_post):
    """The mean change after `STEPS` of independent spikes, from traces that begin at zero."""

    def mean_trace(p, tau):
        """Summed over the steps: what earlier spikes have left, before the step's own is added."""
        kept = np.exp(-1 / tau) ** np.arange(1, STEPS)
        return p * np.cumsum(kept).sum()

    pairs = at_pre * P_PRE * mean_trace(P_POST, tau_post) + at_post * P_POST * mean_trace(P_PRE, tau_pre)
    return STEPS * (alone_pre * P_PRE + alone_post * P_POST) + pairs


DRIFTS = {
    "pairs": (PairSTDP(0.01, 0.006, 12 * ms, 25 * ms), drift(0, 0, -0.006, 0.01, 12, 25)),
    "coactivity": (
        CoactivitySTDP(0.01, alpha=-0.1, beta=0.05, gamma=0.5, kappa=-0.7, tau_pre=12 * ms, tau_post=25 * ms),
        0.01 * drift(-0.1, 0.05, -0.7, 0.5, 12, 25),
    ),
}


def test_mean_drift_of_independent_trains():
    """Within three standard errors, of synapses that are independent of one another."""
    rng = np.random.default_rng(11)
    pre, post = rng.random((STEPS, SYNAPSES)) < P_PRE, rng.random((STEPS, SYNAPSES)) < P_POST
    pre[0] = False
    rules = {name: rule for name, (rule, _) in DRIFTS.items()}
    spec = network(rules, np.zeros((SYNAPSES, SYNAPSES)), connection=OneToOne(Constant(0.0)))
    outcome = outcome_of(spec, pre, post, "standalone")
    for name, block in (("pairs", "pre_to_post"), ("coactivity", "pre_to_post_2")):
        change = outcome.state.arrays[f"{block}.weight"]
        error = change.std(ddof=1) / np.sqrt(SYNAPSES)
        assert abs(change.mean() - DRIFTS[name][1]) < 3 * error < abs(change.mean()), name


# ---- principal components --------------------------------------------------------------------------------------------

LINEAR = Neuron("dv/dt = -v/tau : 1", input="v", parameters={"tau": 10 * ms})
SUM = Factor("v", gain=float(np.exp(1 / 10)))  # what arrives in a step has decayed by its end


def correlated(steps, n=8, seed=4):
    """Spikes of neurons of which some share a source, to unlike degrees."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0.9, 0.1, n)
    source = rng.random(steps)[:, None] < 0.08
    spikes = np.where(rng.random((steps, n)) < share, source, rng.random((steps, n)) < 0.08)
    spikes[0] = False
    return spikes


def test_oja_finds_the_principal_component():
    """One linear neuron, whose weights begin elsewhere."""
    pre = correlated(30_000)
    x = reference.traced(pre, 10)[1]
    principal = np.linalg.eigh(x.T @ x / len(x))[1][:, -1]
    w = np.full((pre.shape[1], 1), 0.1) * np.linspace(-1, 1, 8)[:, None] + 0.05
    rule = Oja(2e-4, post=SUM, tau_pre=10 * ms)
    found = learned({"rule": rule}, pre, np.zeros((len(pre), 1), bool), w, "standalone", model=LINEAR)["rule"][:, 0]
    cosine = abs(found @ principal) / np.linalg.norm(found)
    first = abs(w[:, 0] @ principal) / np.linalg.norm(w)
    assert first < 0.8 and cosine > plasticity.OJA_COSINE
    assert np.linalg.norm(found) == pytest.approx(plasticity.OJA_NORM, abs=0.02)


# ---- polynomials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_oja_as_a_polynomial(backend):
    """A_110 = 1 and A_021 = -1, where y follows from the weights, are Oja's rule."""
    pre = correlated(300)
    w = np.random.default_rng(0).uniform(0, 0.5, (8, 2))
    still = np.zeros((len(pre), 2), bool)
    polynomial = VolterraRule({"110": 1.0, "021": -1.0}, 0.01, post=SUM, tau_pre=10 * ms)
    rules = polynomial, Oja(0.01, post=SUM, tau_pre=10 * ms)
    a, b = (learned({"rule": rule}, pre, still, w, backend, model=LINEAR)["rule"] for rule in rules)
    assert np.abs(a - w).max() > 0.1
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_coefficients_are_found_again_in_the_weights():
    """Least squares of all 27 from the weights' courses, activities known (Mehta et al. 2024)."""
    pre, post = rasters(200, 10, 6, p=0.2, seed=3)
    w = np.random.default_rng(5).uniform(-1, 1, (10, 6))
    true = {key: value for key, value in zip(POWERS, np.random.default_rng(6).normal(0, 1, 27), strict=True)}
    rule = VolterraRule(true, 1e-4, tau_pre=5 * ms, tau_post=7 * ms, gain_pre=0.4, gain_post=0.4)
    spec = network({"rule": rule}, w)
    of_steps = outcome_of(spec, pre, post, record=("pre_to_post.weight",), n=len(pre), reset=False)
    course = of_steps.recordings["pre_to_post.weight"]
    course = np.concatenate([w.reshape(1, -1), course]).reshape(-1, 10, 6)
    x, y = reference.traced(pre, 5, 0.4)[1], reference.traced(post, 7, 0.4)[1]
    x, y, before = (a * np.ones((len(pre), 10, 6)) for a in (x[:, :, None], y[:, None, :], course[:-1]))
    terms = [x ** int(a) * y ** int(b) * before ** int(c) for a, b, c in POWERS]
    design = np.stack([term.ravel() for term in terms], 1)
    found, *_ = np.linalg.lstsq(1e-4 * design, np.diff(course, axis=0).ravel(), rcond=None)
    # A weight near 1 is known to 2e-16, and so a change of 1e-4 times a term to 1e-12 of it or so.
    np.testing.assert_allclose(found, list(true.values()), rtol=0, atol=1e-8)


# ---- inhibition ------------------------------------------------------------------------------------------------------


def balanced(b=plasticity.BALANCED):
    """Vogels et al. (2011): two populations of one model, of which inhibition onto the larger one learns."""
    cell = Neuron(
        """dv/dt = (g_leak*(rest - v) + ampa*(0*mV - v) + gaba*(reversal - v) + current)/C : volt (unless refractory)
        dampa/dt = -ampa/tau_ampa : siemens
        dgaba/dt = -gaba/tau_gaba : siemens""",
        threshold="v > theta",
        reset="v = rest",
        refractory=b["refractory"] * ms,
        input="ampa",
        parameters={
            "g_leak": b["leak"] * nS,
            "rest": b["rest"] * mV,
            "reversal": b["inhibitory_reversal"] * mV,
            "theta": b["threshold"] * mV,
            "current": b["current"] * pA,
            "C": b["capacitance"] * pF,
            "tau_ampa": b["tau_ampa"] * ms,
            "tau_gaba": b["tau_gaba"] * ms,
        },
        initial={"v": b["rest"] * mV},
        method="euler",
    )
    net = Network(inputs=SpikeTrains(1), dt=0.1 * ms)
    net.population("excitatory", cell, n=b["excitatory"])
    net.population("inhibitory", cell, n=b["inhibitory"])
    net.readout(SpikeReadout("excitatory"))
    weight, plastic = (Constant(b[f"{kind}_weight"] * 1e-9) for kind in ("excitatory", "first_plastic"))
    for target in ("excitatory", "inhibitory"):
        net.connect("excitatory", target, Sparse(b["p"], weight))
    net.connect(
        "inhibitory", "inhibitory", Sparse(b["p"], Constant(b["inhibitory_weight"] * 1e-9)), target_variable="gaba"
    )
    rule = InhibitorySTDP(b["lr"] * 1e-9, rate=b["rate"] * Hz, tau=b["tau"] * ms)
    most = b["largest_weight"] * 1e-9
    net.connect("inhibitory", "excitatory", Sparse(b["p"], plastic), rule, w_min=0, w_max=most, target_variable="gaba")
    return net.freeze()


@pytest.mark.slow
def test_inhibition_holds_a_network_at_its_rate():
    """In the last 15 of 60 s; before anything is learned it is an order of magnitude higher."""

    def rates(seconds, learn):
        silent = np.zeros((10_000 * seconds, 1), bool)
        samples = samples_of(silent[:, :0], silent, n=seconds, reset=False)
        samples = dataclasses.replace(samples, learn=np.full(seconds, learn))
        return run(balanced(), samples, "standalone", "float32").outputs["excitatory.readout_score"]

    target = plasticity.BALANCED["rate"]
    assert rates(1, learn=False).mean() > 10 * target
    assert rates(60, learn=True)[-15:].mean() == pytest.approx(target, rel=plasticity.RATE_TOLERANCE)
