"""Names of variables and parameters mean nothing: what a neuron learns follows from its equations."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    ALIF,
    LIF,
    Dense,
    EProp,
    LeakyReadout,
    Network,
    Neuron,
    Normal,
    PiecewiseLinear,
    Poisson,
)
from snn.plasticity.eprop.optimizers import Adam
from tests.support.choices import slow_but
from tests.support.networks import kept
from tests.support.runs import CLASSES, INPUTS, run, stream

ODD = [
    "g", "w", "s", "m", "lr", "e_sum", "gradient", "learning_window", "tau_out",
    "e_filtered", "eligibility", "error_rate", "e_before", "next_v", "rate_target", "rate_strength", "batch",
    "beta_1", "beta_2", "epsilon", "weight_decay", "let_in", "flow_v_v", "flow_a_a", "jump_a", "keep_a_a",
    "slope_v", "gate", "rho", "z", "u", "v_reset", "x", "y",
]  # fmt: skip
PLAIN_NAMES = ("v", "I", "a", "tau_m", "v_th", "tau_a", "beta", "drive")


def alif(names, reset: str) -> Neuron:
    """An ALIF neuron, written by a user with these names for `PLAIN_NAMES`."""
    v, current, a, tau_m, v_th, tau_a, beta, drive = names
    hard = {"hard": f"{v} = 0", "soft": f"{v} -= {v_th}*exp(dt/{tau_m})"}[reset]
    return Neuron(
        f"d{v}/dt = ({drive}*{current} - {v})/{tau_m} : 1\n{current} : 1\nd{a}/dt = -{a}/{tau_a} : 1",
        threshold=f"{v} >= {v_th} + {beta}*{a}",
        reset=f"{hard}\n{a} += exp(dt/{tau_a})",
        refractory=2 * ms,
        input=current,
        parameters={
            tau_m: 15 * ms, v_th: 0.8, tau_a: 50 * ms, beta: 0.2, drive: -1 / np.expm1(-1 / 15)
        },
    )  # fmt: skip


def learned(model, rule: EProp) -> dict[str, np.ndarray]:
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("hidden", model, n=6)
    net.readout(LeakyReadout(CLASSES, tau=10 * ms, learning_window=15 * ms))
    net.connect("inputs", "hidden", Dense(Normal(gain=1.5)), rule)
    net.connect("hidden", "hidden", Dense(), rule)
    net.connect("hidden", "readout", Dense(), rule)
    outcome = run(net.freeze(), stream(n=4, steps=25))
    assert outcome.totals["hidden.spike_count"].sum() > 20
    return {k: a for k, a in outcome.state.arrays.items() if k.endswith(".weight")}


RULES = {
    "per-sample": EProp(
        lr=0.01, optimizer=Adam(), batch=2, rate_strength=2.0, average=True, weight_decay=0.1, through_reset=True,
        feedback="adaptive", surrogate=PiecewiseLinear(scale=0.8),
    ),
    "online": EProp(
        lr=0.001, variant="online", optimizer=Adam(), rate_strength=2.0, weight_decay=0.1,
        surrogate=PiecewiseLinear(scale=0.8),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=RULES)
def taught(request):
    """A rule, and what ALIF neurons learn by it."""
    rule = RULES[request.param]
    return rule, learned(ALIF(tau_m=15 * ms, v_th=0.8, beta=0.2, tau_a=50 * ms, refractory=2 * ms), rule)


@pytest.mark.slow
@pytest.mark.parametrize("first", slow_but(range(0, len(ODD), len(PLAIN_NAMES)), [0]))
def test_names_of_variables_and_parameters_mean_nothing(taught, first):
    rule, expected = taught
    names = (ODD[first:] + ODD)[: len(PLAIN_NAMES)]
    assert [v.name.split("_")[0] for v in rule.equations(alif(names, "soft")).variables] == [
        v.name.split("_")[0] for v in rule.equations(ALIF()).variables
    ]
    found = learned(alif(names, "soft"), rule)
    for name, weights in expected.items():
        np.testing.assert_allclose(found[name], weights, rtol=1e-12, atol=1e-12)


CLASHES = {
    "a variable called due, with a batch": ("per-sample", "a", "due"),
    "a variable called rate": ("per-sample", "a", "rate"),
    "a parameter called rate, with a running rate": ("online", "v_th", "rate"),
    "a parameter called batched, with a batch": ("per-sample", "beta", "batched"),
    "a parameter called updates, with Adam": ("per-sample", "beta", "updates"),
    "a variable called rate_corrected, with Adam": ("online", "v", "rate_corrected"),
    "a parameter called rate_tau, with a running rate": ("online", "tau_m", "rate_tau"),
    "a parameter called eligibility": ("per-sample", "tau_m", "eligibility"),
    "a parameter called arrived": ("per-sample", "v_th", "arrived"),
    "a parameter with the name of a trace": ("online", "tau_a", "eps_v"),
    "a parameter with the name of a synaptic variable": ("per-sample", "beta", "eps_a"),
}


@cache
def plainly_named(kind: str) -> dict[str, np.ndarray]:
    return learned(alif(PLAIN_NAMES, "soft"), RULES[kind])


@pytest.mark.parametrize("name", slow_but(CLASHES, ["a variable called due, with a batch"]))
def test_names_that_clash(name):
    """Each of these is a name that the rule's own code has."""
    kind, role, odd = CLASHES[name]
    names = [odd if plain == role else plain for plain in PLAIN_NAMES]
    found = learned(alif(names, "soft"), RULES[kind])
    for projection, weights in plainly_named(kind).items():
        np.testing.assert_allclose(found[projection], weights, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_a_user_of_lif_hoists_alike():
    renamed = Neuron(
        "dw/dt = (s*g - w)/lr : 1\ng : 1", threshold="m < w", reset="w = 0", input="g",
        parameters={"lr": 15 * ms, "m": 0.8, "s": -1 / np.expm1(-1 / 15)},
    )  # fmt: skip
    model = LIF(tau_m=15 * ms, v_th=0.8, reset="zero")
    rule = EProp(surrogate=PiecewiseLinear(scale=0.8))
    assert kept(rule, renamed) == kept(rule, model) == ["w", "e_filtered", "g"]
    found, expected = learned(renamed, rule), learned(model, rule)
    for name, weights in expected.items():
        np.testing.assert_allclose(found[name], weights, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_refractory_by_flag_and_by_word_learn_alike():
    """The state update asks anew whether a neuron is refractory, and so must its derivative."""
    common = dict(
        threshold="v > 1", reset="v = 0", refractory=3 * ms, parameters={"tau": 10 * ms, "gain": 20.0}, method="euler"
    )
    by_flag = Neuron("dv/dt = (gain*I - v)/tau : 1 (unless refractory)\nI : 1", **common)
    by_word = Neuron("dv/dt = int(not_refractory)*(gain*I - v)/tau : 1\nI : 1", **common)
    expected, found = (learned(model, EProp(lr=0.1)) for model in (by_flag, by_word))
    for name, weights in expected.items():
        np.testing.assert_allclose(found[name], weights, rtol=1e-12, atol=1e-14)
