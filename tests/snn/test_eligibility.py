"""Eligibility traces: the equations of the papers, what is kept where, and what cannot be differentiated."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sympy
from brian2 import Hz, ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Dense,
    EProp,
    Izhikevich,
    LeakyReadout,
    Network,
    Neuron,
    Normal,
    PiecewiseLinear,
    Poisson,
    ResonateAndFire,
    Signal,
    SynapticLIF,
)
from snn.calculus import derive
from snn.calculus.jacobian import derivative
from snn.calculus.stepmap import expression
from snn.errors import NetworkError
from snn.plasticity.clashes import texts_of
from snn.plasticity.optimizer import Adam
from tests.snn.networks import CLASSES, INPUTS, run, stream

# Equations of Bellec et al. 2020, as symbols.

SYMBOLS = {
    name: sympy.Symbol(name, positive=True)
    for name in ("dt", "tau_m", "tau_a", "tau_s", "tau_out", "beta", "drive", "pre", "psi_post", "learning_signal")
}
KEPT = {name: sympy.Symbol(name) for name in ("eps_v", "eps_a", "eps_I_s", "e_filtered", "g", "e_sum")}
ALPHA, RHO, KAPPA, SIGMA = (sympy.exp(-SYMBOLS["dt"] / SYMBOLS[t]) for t in ("tau_m", "tau_a", "tau_out", "tau_s"))


def one_step(equations) -> dict[str, sympy.Expr]:
    """The code of one step, executed with symbols: traces decay and hear the spike, then synapses."""
    scope: dict = SYMBOLS | KEPT | {"exp": sympy.exp}
    advanced = {}
    for trace in equations.traces:
        inflow = eval(trace.inflow, {}, scope) if trace.inflow else 0
        advanced[trace.name] = eval(trace.decay, {}, scope) * scope.get(trace.name, 0) + inflow
    for trace in equations.traces:
        assert trace.side == "pre" and trace.current
        advanced[trace.name] += eval(trace.jump, {}, scope) * scope["pre"]
    scope |= advanced
    (step,) = equations.steps
    assert step.on == "step"
    exec(step.code, {}, scope)
    return scope


def same(found, expected) -> bool:
    return sympy.simplify(sympy.expand(found - expected)) == 0


@pytest.mark.parametrize("scale", ["one", "leak"])
@pytest.mark.parametrize("model", [LIF, ALIF])
def test_the_equations_of_bellec(model, scale):
    """e = psi (zbar - beta eps), eps = rho eps + e, ebar = kappa ebar + (1 - kappa) e, g = sum L ebar."""
    equations = EProp(rate_strength=1.0).equations(model(tau_m=13 * ms, input_scale=scale))
    after = one_step(equations)
    zeta = SYMBOLS["drive"] * (1 - ALPHA)
    value = float(equations.parameters["drive"]) * -np.expm1(-1 / 13)
    assert value == pytest.approx(1.0 if scale == "one" else -np.expm1(-1 / 13), rel=1e-15)
    zbar = ALPHA * KEPT["eps_v"] + zeta * SYMBOLS["pre"]
    adaptation = SYMBOLS["beta"] * KEPT["eps_a"] if model is ALIF else 0
    e = SYMBOLS["psi_post"] * (zbar - adaptation)
    assert same(after["eps_v"], zbar)
    assert same(after["eligibility"], e)
    if model is ALIF:
        assert same(after["eps_a"], RHO * KEPT["eps_a"] + e)
    filtered = KAPPA * KEPT["e_filtered"] + (1 - KAPPA) * e
    assert same(after["e_filtered"], filtered)
    assert same(after["g"], KEPT["g"] + SYMBOLS["learning_signal"] * filtered)
    assert same(after["e_sum"], KEPT["e_sum"] + e)


def test_the_equations_of_a_synaptic_current():
    """Two filters in a row, both once a presynaptic neuron; the current that arrives acts within the step."""
    after = one_step(EProp().equations(SynapticLIF()))
    arrived = KEPT["eps_I_s"] + SYMBOLS["pre"]
    assert same(after["eps_v"], ALPHA * KEPT["eps_v"] + (1 - ALPHA) * arrived)
    assert same(after["eps_I_s"], SIGMA * arrived)
    assert same(after["eligibility"], SYMBOLS["psi_post"] * after["eps_v"])


def test_synapses_onto_a_readout():
    """g = sum error zbar, zbar filtered with kappa."""
    from snn.plasticity.rule import Place

    equations = EProp().equations(Place(None, LeakyReadout(2), ()))
    (trace,) = equations.traces
    assert same(eval(trace.decay, {}, SYMBOLS | {"exp": sympy.exp}), KAPPA)
    assert same(eval(trace.jump, {}, SYMBOLS | {"exp": sympy.exp}), 1 - KAPPA)
    (step,) = equations.steps
    assert step.code == f"g += error_post*{trace.name}" and trace.current
    assert equations.synapse_bytes() == 8


# What is kept at a synapse.

CHAIN = Neuron(
    "dv/dt = (q - v)/tau : 1\ndq/dt = (r - q)/tau : 1\ndr/dt = (k - r)/tau : 1\ndk/dt = (I - k)/tau : 1\nI : 1",
    threshold="v > 1",
    reset="v = 0",
    parameters={"tau": 5 * ms},
)
COUNTS = {
    "lif": (LIF(), {}, "w e_filtered g"),
    "lif, hard reset": (LIF(reset="zero"), {}, "w e_filtered g"),
    "lif, refractory": (LIF(refractory=3 * ms), {}, "w e_filtered g"),
    "lif, through its reset": (LIF(), {"through_reset": True}, "w eps_v e_filtered g"),
    "lif, hard, through its reset": (LIF(reset="zero"), {"through_reset": True}, "w eps_v e_filtered g"),
    "alif": (ALIF(), {}, "w eps_a e_filtered g"),
    "alif, through its reset": (ALIF(), {"through_reset": True}, "w eps_v eps_a e_filtered g"),
    "synaptic": (SynapticLIF(), {}, "w e_filtered g"),
    "synaptic, through its reset": (SynapticLIF(), {"through_reset": True}, "w eps_v e_filtered g"),
    "chain of four": (CHAIN, {}, "w e_filtered g"),
    "chain of four, through its reset": (CHAIN, {"through_reset": True}, "w eps_v e_filtered g"),
    "resonate": (ResonateAndFire(), {}, "w eps_x eps_y e_filtered g"),
    "adex": (AdEx(), {"surrogate": PiecewiseLinear(scale=10 * mV)}, "w eps_v eps_w e_filtered g"),
    "izhikevich": (Izhikevich(), {}, "w eps_v eps_u e_filtered g"),
}


def kept(rule: EProp, model) -> list[str]:
    equations = rule.equations(model)
    names = ["w", *(variable.name for variable in equations.variables)]
    assert equations.synapse_bytes() == 4 * len(names) and equations.synapse_bytes(8) == 8 * len(names)
    assert f"{', '.join(names)}: {len(names)} number{'s' * (len(names) > 1)}," in str(equations)
    return names


@pytest.mark.parametrize("name", COUNTS)
def test_what_is_kept_at_a_synapse(name):
    model, options, expected = COUNTS[name]
    assert kept(EProp(**options), model) == expected.split()
    names = expected.split()
    assert kept(EProp(rate_strength=1.0, **options), model) == [*names, "e_sum"]
    assert kept(EProp(optimizer=Adam(), **options), model) == [*names, "m", "s"]
    assert kept(EProp(optimizer=Adam(), rate_strength=1.0, batch=5, **options), model) == [*names, "e_sum", "m", "s"]
    online = [n for n in names if n != "g"]
    assert kept(EProp(variant="online", **options), model) == online
    assert kept(EProp(variant="online", rate_strength=1.0, optimizer=Adam(), **options), model) == [*online, "m", "s"]
    assert kept(EProp(signal="1.0 - spiked", **options), model) == [n for n in names if n != "e_filtered"]
    both = EProp(signal="1.0 - spiked", variant="online", **options)
    assert kept(both, model) == [n for n in online if n != "e_filtered"]


def test_what_is_kept_is_explained():
    notes = EProp().equations(ALIF()).notes
    assert any("eps_v is kept once a presynaptic neuron" in note for note in notes)
    assert any("eps_a is kept once a synapse: the jump of a" in note for note in notes)
    text = str(EProp().equations(ALIF()))
    for part in ("mathematics", "once a presynaptic neuron, every step", "state of a synapse", "16 bytes in float32"):
        assert part in text


def test_the_size_of_a_state_does_not_depend_on_the_length_of_samples():
    net = Network(inputs=Poisson(INPUTS, rate=150 * Hz), dt=1 * ms)
    net.population("hidden", ALIF(tau_m=15 * ms, v_th=0.5), n=7)
    net.readout(LeakyReadout(CLASSES))
    rule = EProp(optimizer=Adam(), batch=2, rate_strength=1.0)
    net.connect("inputs", "hidden", Dense(), rule)
    net.connect("hidden", "readout", Dense(), rule)
    spec = net.freeze()
    shapes = [
        {name: array.shape for name, array in run(spec, stream(n=2, steps=steps)).state.arrays.items()}
        for steps in (10, 100)
    ]
    assert shapes[0] == shapes[1]
    assert max(np.prod(shape) for shape in shapes[0].values()) == 7 * INPUTS


# Names mean nothing.

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


@pytest.mark.parametrize("first", range(0, len(ODD), len(PLAIN_NAMES)))
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


@pytest.mark.parametrize("name", CLASHES)
def test_names_that_clash(name):
    """Each of these is a name that the rule's own code has."""
    kind, role, odd = CLASHES[name]
    names = [odd if plain == role else plain for plain in PLAIN_NAMES]
    found, expected = (learned(alif(n, "soft"), RULES[kind]) for n in (names, PLAIN_NAMES))
    for projection, weights in expected.items():
        np.testing.assert_allclose(found[projection], weights, rtol=1e-12, atol=1e-12)


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


# What is refused, and what is not.

BASE = dict(
    model="dv/dt = (I - v)/tau : 1\nI : 1",
    threshold="v > 1",
    reset="v = 0",
    parameters={"tau": 20 * ms, "c": 0.5},
    method="euler",
)


def network(rule=None, signals=None, **changes) -> Network:
    net = Network(inputs=Poisson(4), dt=1 * ms)
    net.population("hidden", Neuron(**BASE | changes), n=5, signals=signals)
    net.readout(LeakyReadout(3))
    net.connect("inputs", "hidden", Dense(), rule or EProp())
    net.connect("hidden", "readout", Dense())
    return net


def said(net: Network) -> str:
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    for problem in caught.value.problems:
        assert problem.endswith(".") and "\n" not in problem
    return str(caught.value)


def with_term(term: str) -> dict[str, dict[str, str]]:
    """A term of the state in the equations, in the threshold, and in the reset of a variable that matters."""
    other = BASE["model"] + "\ndq/dt = -q/tau : 1"
    return {
        "equations": {"model": f"dv/dt = (I - v + {term})/tau : 1\nI : 1"},
        "threshold": {"threshold": f"v > 1 + {term}"},
        "reset": {"model": other, "threshold": "v > 1 + q", "reset": f"v = 0\nq += {term.replace('(v', '(q')}"},
    }


KINKS = {
    "abs": ("abs(v)", "abs("),
    "clip": ("clip(v, 0, 1)", "clip("),
    "int": ("1.0*int(v > 0.2)", "int("),
    "floor": ("floor(v)", "floor("),
    "ceil": ("ceil(v)", "ceil("),
    "sign": ("sign(v)", "sign("),
    "modulo": ("(v % 2)", "%"),
    "comparison": ("0.1*int(v < 0.5)", "int("),
}


@pytest.mark.parametrize("where", ["equations", "threshold", "reset"])
@pytest.mark.parametrize("name", KINKS)
def test_a_term_without_derivative_is_refused(name, where):
    term, shown = KINKS[name]
    message = said(network(**with_term(term)[where]))
    variable = "q" if where == "reset" else "v"
    assert len(message.splitlines()) == 1
    place = {"equations": "the equation of 'v'", "threshold": "the threshold", "reset": "the reset of 'q'"}[where]
    assert message.startswith("inputs->hidden: A gradient needs smooth equations") and shown in message
    assert place in message and f"with respect to '{variable}'" in message and "write it with smooth" in message


@pytest.mark.parametrize("factor", ["floor(c/4)", "ceil(c/4 - 1)"])
def test_a_factor_that_is_0_for_some_parameters_is_kept(factor):
    """du/dw = c's factor times eps_q."""
    model = f"dv/dt = (I + {factor}*q - v)/tau : 1\ndq/dt = (I - q)/tau : 1\nI : 1"
    equations = EProp().equations(Neuron(**BASE | {"model": model}))
    assert "eps_q" in {trace.name for trace in equations.traces}


ONE_SIDE = "one comparison such as 'v > v_th'"
REFUSED = {
    "xi": ({"model": "dv/dt = (I - v)/tau + 0.1*xi*tau**-0.5 : 1\nI : 1"}, {}, "noise", "`xi`", "take it out"),
    "xi_": ({"model": "dv/dt = (I - v)/tau + 0.1*xi_a*tau**-0.5 : 1\nI : 1"}, {}, "noise", "`xi_a`", "take it out"),
    "rand": ({"model": "dv/dt = (I - v + rand())/tau : 1\nI : 1"}, {}, "noise", "`rand`", "signal"),
    "randn in the reset": ({"reset": "v = randn()"}, {}, "noise", "`randn`", "take it out"),
    "rand in the threshold": ({"threshold": "v > rand()"}, {}, "noise", "`rand`", "take it out"),
    "and": ({"threshold": "v > 1 and v < 3"}, {}, ONE_SIDE, "'v > 1 and v < 3'", "move what else"),
    "or": ({"threshold": "v > 1 or v < -3"}, {}, ONE_SIDE, "refractory="),
    "not": ({"threshold": "not v < 1"}, {}, ONE_SIDE, "'not v < 1'"),
    "chained": ({"threshold": "1 < v < 3"}, {}, ONE_SIDE, "'1 < v < 3'"),
    "equal": ({"threshold": "v == 1"}, {}, ONE_SIDE, "'v == 1'"),
    "boolean": ({"model": BASE["model"] + "\nflag : boolean", "threshold": "flag"}, {}, ONE_SIDE, "'flag'"),
    "nobody alone": ({"threshold": "2*v > 1"}, {}, "stands alone", "EProp(membrane='v')"),
    "nobody alone, other side": ({"threshold": "v < 1"}, {}, "stands alone", "EProp(membrane='v')"),
    "parameter alone": ({"threshold": "c > 1 - v"}, {}, "stands alone", "EProp(membrane='v')"),
    "membrane": ({}, {"membrane": "V"}, "`membrane` names 'V'", "nearest: 'v'"),
    "membrane, parameter": ({}, {"membrane": "tau"}, "`membrane` names 'tau'", "choices: "),
    "membrane, no text": ({}, {"membrane": 3}, "`membrane` of the rule of inputs->hidden must be the name"),
    "never": ({"model": BASE["model"] + "\nJ : 1", "input": "J"}, {}, "'J' never reaches the threshold 'v > 1'"),
    "never, by a side branch": (
        {"model": BASE["model"] + "\ndq/dt = (J - q)/tau : 1\nJ : 1", "input": "J"},
        {},
        "never reaches the threshold",
        "let synapses add to another variable",
    ),
    "scale, unit": ({}, {"surrogate": PiecewiseLinear(scale=3 * mV)}, "`scale` of a surrogate must have the unit"),
    "scale, not positive": ({}, {"surrogate": PiecewiseLinear(scale=0)}, "`scale > 0` must hold"),
    "scale, missing": (
        {"model": "dv/dt = (I - v)/tau : volt\nI : volt", "threshold": "v > 10*mV", "reset": "v = 0*mV"},
        {},
        "v_th",
        "give a scale",
        "PiecewiseLinear(scale=",
    ),
    "scale, v_th is negative": (
        {
            "model": "dv/dt = (I - v)/tau : volt\nI : volt",
            "threshold": "v > v_th",
            "reset": "v = -70*mV",
            "parameters": {"tau": 20 * ms, "v_th": -50 * mV},
        },
        {},
        "none that is positive",
    ),
    "rate model": ({"threshold": None, "reset": ""}, {}, "threshold=None"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learned_is_refused(name):
    changes, options, *parts = REFUSED[name]
    message = said(network(EProp(**options), **changes))
    for part in parts:
        assert part in message


def test_refusals_are_told_together():
    net = network(model="dv/dt = (I - abs(v))/tau : 1\nI : 1")
    net.population("other", Neuron(**BASE | {"threshold": "v > 1 and v < 3"}), n=3)
    net.connect("hidden", "other", Dense(), EProp())
    net.connect("other", "readout", Dense(), EProp(signal="nowhere"))
    message = said(net)
    assert "inputs->hidden: A gradient needs smooth equations" in message
    assert "hidden->other: A gradient needs a threshold" in message


def test_refusals_are_told_together_with_other_problems():
    net = network(model="dv/dt = (I - abs(v))/tau : 1\nI : 1")
    net.population("other", LIF(), n=3)
    net.connect("hidden", "other", Dense(), w_min=1, w_max=0)
    message = said(net)
    assert "w_min <= w_max" in message and "A gradient needs smooth equations" in message


ALLOWED = {
    "clip of a parameter": {"model": "dv/dt = (I - clip(c, 0, 1)*v)/tau : 1\nI : 1"},
    "abs and comparison of parameters": {"threshold": "v > abs(c) + int(c > 0)"},
    "floor in a constant reset": {"reset": "v = floor(c)"},
    "kink in the membrane's own reset": {"reset": "v = clip(v, 0, 0.1)"},
    "kink of a signal": {"model": "dv/dt = (I - v + abs(feature))/tau : 1\nI : 1"},
    "time": {"model": "dv/dt = (I - v + sin(t/tau))/tau : 1\nI : 1"},
    "other side": {"threshold": "1 < v"},
    "other side, a parameter": {"threshold": "c <= v"},
    "at least": {"threshold": "v >= 1 + c"},
    "no reset": {"threshold": "2*v > 1", "reset": ""},
    "temporary in the reset": {"reset": "before = v\nv = before - c"},
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_can_be_learned_is_not_refused(name):
    signals = {"feature": Signal("feature")} if "signal" in name else None
    network(signals=signals, **ALLOWED[name]).freeze()


def test_a_kink_in_a_state_that_does_not_matter_is_not_refused():
    network(model=BASE["model"] + "\ndq/dt = (abs(v) - q)/tau : 1").freeze()


def test_a_membrane_can_be_named():
    for threshold in ("2*v > 1", "c > 1 - v", "v**2 > 1"):
        network(EProp(membrane="v"), threshold=threshold).freeze()
    # Its jump is a constant then, and the other's is not.
    two = dict(
        model="dv/dt = (I - v)/tau : 1\ndq/dt = (v - q)/tau : 1\nI : 1", threshold="v > 1 - q", reset="v = 0\nq = 0"
    )
    assert kept(EProp(), Neuron(**BASE | two)) == ["w", "eps_q", "e_filtered", "g"]
    assert kept(EProp(membrane="q"), Neuron(**BASE | two)) == ["w", "eps_v", "eps_q", "e_filtered", "g"]


def test_a_scale_of_ones_own():
    volts = {"model": "dv/dt = (I - v)/tau : volt\nI : volt", "threshold": "v > 10*mV", "reset": "v = 0*mV"}
    net = network(EProp(surrogate=PiecewiseLinear(height=0.3, width=2.0, scale=20 * mV)), **volts)
    net.freeze()
    equations = EProp(surrogate=PiecewiseLinear(0.3, 2.0, 20 * mV)).equations(Neuron(**BASE | volts))
    psi = next(v for v in equations.neuron_variables if v.name == "psi")
    assert psi.parameters == pytest.approx({"surrogate_height": 0.3 / 0.02, "surrogate_width": 2 * 0.02})


# Time.

MODELS = [LIF(), ALIF(), SynapticLIF(), ResonateAndFire(), AdEx(), Izhikevich(), LIF(reset="zero"), CHAIN]


@pytest.mark.parametrize("through_reset", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__} {getattr(m, 'reset', '')}"[:20])
def test_a_derivation_is_quick_and_is_kept(model, through_reset):
    texts = texts_of(model.neuron(0.5 * ms), {})
    before = time.process_time()
    found = derive.__wrapped__(texts, None, through_reset)
    assert time.process_time() - before < 2
    assert derive(texts, None, through_reset) is derive(texts, None, through_reset)
    assert derive(texts, None, through_reset) == found


def test_numbers_are_not_derived_again():
    """Neurons that differ in numbers alone share one derivation."""
    derive.cache_clear()
    for tau in (5, 10, 20):
        EProp(lr=0.1 * tau).equations(LIF(tau_m=tau * ms, v_th=0.1 * tau))
    assert derive.cache_info().misses == 1


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


@pytest.mark.parametrize("steep", ["tanh(1000*(v - 0.5))", "1/(1 + exp(-2000*(v - 0.5)))", "tanh(1e4*v)"])
def test_a_steep_function_keeps_its_derivative(steep):
    """It is flat almost everywhere, and yet not constant."""
    assert derivative(expression(steep), "v") != 0


def test_names_that_mean_something_in_a_signal_are_no_parameters():
    for names in ({"spiked": 1.0}, {"dt": 1.0}, {"exp": 1.0}, {"x_post": 1.0}):
        with pytest.raises(NetworkError, match="means something else in a signal"):
            EProp(signal="v", signal_parameters=names).equations(LIF())
    with pytest.raises(NetworkError, match="must mean one thing in a signal"):
        EProp(signal="v", signal_parameters={"v": 1.0}).equations(LIF())
    with pytest.raises(NetworkError, match="need a `signal`"):
        EProp(signal_parameters={"x": 1.0}).equations(LIF())
