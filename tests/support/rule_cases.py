"""Plasticity rules beside what NumPy programs say that they learn from the same spikes."""

from __future__ import annotations

import dataclasses

import numpy as np
from brian2 import Hz, ms

from snn import (
    CoactivitySTDP,
    Covariance,
    DeltaRule,
    DopamineDepression,
    Factor,
    InhibitorySTDP,
    LocalRule,
    ModulatedSTDP,
    Oja,
    PairSTDP,
    RewardSTDP,
    SpikeTrace,
    SumOfProducts,
    TripletSTDP,
    VolterraRule,
    WeightNormalisation,
)
from tests.oracles.plasticity import GENN
from tests.support import rule_reference as reference
from tests.support.reference import reward_stdp
from tests.support.rules import N_POST, N_PRE, STEPS, rasters

PRE, POST = rasters()
W = np.random.default_rng(1).uniform(0.2, 0.8, (N_PRE, N_POST))
TEACHER = np.random.default_rng(2).random((STEPS, N_POST))
TAUGHT = Factor("teacher", tau=8 * ms, gain=0.7)
TRACED = reference.filtered(TEACHER, 8, 0.7)

PAIR = {"a_plus": 0.05, "a_minus": 0.06}
TAUS = {"tau_plus": 12 * ms, "tau_minus": 25 * ms}
SCALE = 1.5
DEPENDENCES = {
    "multiplicative": (lambda w: 1 - w / SCALE, lambda w: w / SCALE),
    "power": (lambda w: (1 - w / SCALE) ** 0.3, lambda w: (w / SCALE) ** 0.6),
    "power_law": (lambda w: (w / SCALE) ** 0.3, lambda w: (w / SCALE) ** 0.6),
}


def pair(**options):
    return PairSTDP(**PAIR, **TAUS, mu_plus=0.3, mu_minus=0.6, w_max=SCALE, **options)


def pairs(**options):
    return reference.pairs(PRE, POST, W, *PAIR.values(), 12, 25, **options)


SYMMETRIC = LocalRule(
    pre="eta*(y - 0.01)",
    post="eta*clip(x - 0.01, -0.001, inf)",
    traces={side[0]: SpikeTrace(side[1], 15 * ms, nearest=True) for side in (("x", "pre"), ("y", "post"))},
    parameters={"eta": 0.02},
)
LIMITED = LocalRule(
    step="eta*(m - y)*x",
    traces={
        "x": SpikeTrace("pre", 9 * ms, jump=0.5, current=True, limit=0.8),
        "y": SpikeTrace("post", 9 * ms, jump=0.5, current=True, limit=0.8),
    },
    parameters={"eta": 0.1},
    factor=Factor("teacher"),
)
ELIGIBLE = LocalRule(
    sample="eta*m*c",
    traces={"x": SpikeTrace("pre", 12 * ms), "y": SpikeTrace("post", 25 * ms)},
    variables=("c",),
    changes={"pre": "c -= 0.4*y", "post": "c += 0.7*x", "step": "decay = exp(-dt/tau_e)\nc = c*decay"},
    parameters={"eta": 0.1, "tau_e": 30 * ms},
    factor="teacher",
)
"""Reward-modulated STDP, written by a user."""


def limited():
    """min(trace, 0.8), as the reference of spikelearn has it."""
    traces = []
    for spikes in (PRE, POST):
        value, course = np.zeros(spikes.shape[1]), []
        for now in spikes:
            value = np.minimum(0.5 * now + np.exp(-1 / 9) * value, 0.8)
            course.append(value)
        traces.append(course)
    x, y = traces
    assert max(map(np.max, traces)) == 0.8
    return reference.of_steps(STEPS, W, lambda t, w: 0.1 * np.outer(x[t], TEACHER[t] - y[t]))


def rewarded(m=TEACHER):
    """W + 0.1 m c, with the eligibility c of every synapse at the end."""
    when = [[np.flatnonzero(spikes[:, k]).tolist() for k in range(spikes.shape[1])] for spikes in (PRE, POST)]
    c = [[reward_stdp(a, b, STEPS, 0.7, 0.4, 12, 25, 30) for b in when[1]] for a in when[0]]
    return W + 0.1 * m[-1] * np.array(c)


AMPLITUDES = {"a2_plus": 0.02, "a3_plus": 0.03, "a2_minus": 0.025, "a3_minus": 0.01}
TRIPLETS = TripletSTDP(**AMPLITUDES, tau_plus=8 * ms, tau_minus=14 * ms, tau_x=30 * ms, tau_y=40 * ms)


def triplets(**options):
    return reference.triplets(PRE, POST, W, **AMPLITUDES, tau_plus=8, tau_minus=14, tau_x=30, tau_y=40, **options)


ACTIVITIES = {"tau_pre": 9 * ms, "tau_post": 15 * ms, "gain_pre": 0.6, "gain_post": 1.3}
X, Y = reference.traced(PRE, 9, 0.6)[1], reference.traced(POST, 15, 1.3)[1]
VOLTERRA = {f"{k:03}": np.random.default_rng(k).normal(0, 0.1) for k in (0, 1, 12, 21, 100, 102, 110, 211, 222)}
PRODUCTS = SumOfProducts(
    "0.02*(x1 - 0.3)*y0 - -2e-3*x0*y2*r1 + 0.05*r0*tag - 1e-3*sgn(w - 0.5)*x2*y3",
    tag="x2*y0 - 0.5*x0*y1 - 0.03*tag",
    r0="teacher",
    r1=TAUGHT,
    tau_x1=5 * ms,
    tau_y1=7 * ms,
    gain_x1=0.8,
)


def products():
    """The same, by hand."""
    x0, y0 = PRE.astype(float), POST.astype(float)
    x1, x2 = (reference.traced(PRE, tau, gain)[1] for tau, gain in ((5, 0.8), (100, 1)))
    y1, y2, y3 = (reference.traced(POST, tau)[1] for tau in (7, 100, 500))
    w, tag = W, np.zeros_like(W)
    for t in range(STEPS):
        dw = 0.02 * np.outer(x1[t] - 0.3, y0[t]) + 0.002 * np.outer(x0[t], y2[t] * TRACED[t])
        dw += 0.05 * TEACHER[t] * tag - 0.001 * np.sign(w - 0.5) * np.outer(x2[t], y3[t])
        tag = tag + np.outer(x2[t], y0[t]) - 0.5 * np.outer(x0[t], y1[t]) - 0.03 * tag
        w = w + dw
    return w


def scaled(w, total):
    return w * total / np.abs(w).sum(0)


# Rules, and what they should learn.
CASES = {
    "pairs, nearest": (pair(pairing="nearest"), lambda: pairs(nearest=True)),
    "pairs, coincident": (pair(coincident=True), lambda: pairs(coincident=True)),
    **{
        f"pairs, {name}": (pair(dependence=name), lambda up=up, down=down: pairs(up=up, down=down))
        for name, (up, down) in DEPENDENCES.items()
    },
    "delta": (
        DeltaRule(lr=0.05, factor=TAUGHT, tau_pre=5 * ms, tau_post=9 * ms, gain_pre=0.5, gain_post=0.3),
        lambda: reference.delta(PRE, POST, TRACED, W, 0.05, 5, 9, 0.5, 0.3),
    ),
    "delta, within bounds": (
        DeltaRule(lr=0.2, factor=TAUGHT, tau_pre=5 * ms, tau_post=9 * ms),
        lambda: reference.delta(PRE, POST, TRACED, W, 0.2, 5, 9, low=0, high=1),
    ),
    "delta, at a sample's end": (
        DeltaRule(lr=0.05, factor=TAUGHT, tau_pre=5 * ms, tau_post=9 * ms, on="sample"),
        lambda: reference.delta(PRE, POST, TRACED, W, 0.05, 5, 9),
    ),
    "dopamine": (
        DopamineDepression(lr=0.02, factor="teacher", tau_pre=7 * ms),
        lambda: reference.depression(PRE, TEACHER, W, 0.02, 7),
    ),
    "dopamine, recovery": (
        DopamineDepression(lr=0.02, factor=TAUGHT, tau_pre=7 * ms, gain_pre=0.4, recovery=0.01, w_rest=0.9),
        lambda: reference.depression(PRE, TRACED, W, 0.02, 7, 0.01, 0.9, 0.4),
    ),
    "modulated": (ModulatedSTDP(pair(), TAUGHT), lambda: pairs(m=TRACED)),
    "modulated, at a sample's end": (ModulatedSTDP(pair(), TAUGHT, on="sample"), lambda: pairs(m=TRACED)),
    "one's own: GeNN's mushroom body": (
        SYMMETRIC, lambda: reference.symmetric(PRE, POST, W, 0.02, *GENN.values())
    ),
    "one's own: limited traces": (LIMITED, limited),
    "one's own: reward": (ELIGIBLE, rewarded),
    "reward, traced": (RewardSTDP(0.1, 0.7, 0.4, 12 * ms, 25 * ms, 30 * ms, factor=TAUGHT), lambda: rewarded(TRACED)),
    "triplets": (TRIPLETS, lambda: triplets()),
    "triplets, nearest": (dataclasses.replace(TRIPLETS, pairing="nearest"), lambda: triplets(nearest=True)),
    "coactivity": (
        CoactivitySTDP(0.03, alpha=-0.5, beta=0.3, gamma=1.2, kappa=-0.8, tau_pre=9 * ms, tau_post=15 * ms),
        lambda: reference.coactivity(PRE, POST, W, 0.03, 9, 15, -0.5, 0.3, 1.2, -0.8),
    ),
    "inhibition": (
        InhibitorySTDP(0.03, rate=12 * Hz, tau=15 * ms),
        lambda: reference.coactivity(PRE, POST, W, 0.03, 15, 15, -2 * 0.012 * 15, 0, 1, 1),
    ),
    "covariance": (
        Covariance(0.02, tau_mean=80 * ms, tau_pre=9 * ms, tau_post=15 * ms, gain_pre=0.6, gain_post=1.3),
        lambda: reference.covariance(X, Y, W, 0.02, 80),
    ),
    "covariance, taught": (
        Covariance(0.02, post=TAUGHT, tau_mean=80 * ms, tau_pre=9 * ms, gain_pre=0.6),
        lambda: reference.covariance(X, TRACED, W, 0.02, 80),
    ),
    "Oja": (Oja(0.02, alpha=0.7, **ACTIVITIES), lambda: reference.oja(X, Y, W, 0.02, alpha=0.7)),
    "Oja, with a factor": (
        Oja(0.02, post="spiked", factor=TAUGHT, **ACTIVITIES, on="sample"),
        lambda: W + sum(0.02 * TRACED[t] * POST[t] * (X[t][:, None] - POST[t] * W) for t in range(STEPS)),
    ),
    "Volterra": (
        VolterraRule(VOLTERRA, 0.01, **ACTIVITIES), lambda: reference.volterra(X, Y, W, 0.01, VOLTERRA)
    ),
    "Volterra, taught": (
        VolterraRule(VOLTERRA, 0.01, post=TAUGHT, **ACTIVITIES),
        lambda: reference.volterra(X, TRACED, W, 0.01, VOLTERRA),
    ),
    "products": (PRODUCTS, lambda: products()),
    "normalisation": (WeightNormalisation(pair(), total=2.5), lambda: scaled(pairs(), 2.5)),
    "normalisation alone": (WeightNormalisation(total=2.5), lambda: scaled(W, 2.5)),
}  # fmt: skip

OPTIONS = {"delta, within bounds": {"w_min": 0, "w_max": 1}}
