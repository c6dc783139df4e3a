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
    PiecewiseLinear,
    Poisson,
    ResonateAndFire,
    SynapticLIF,
)
from snn.equations.jacobian import derivative
from snn.equations.stepmap import expression
from snn.plasticity.eprop.derivation import derive
from snn.plasticity.eprop.optimizers import Adam
from snn.plasticity.eprop.renaming import texts_of
from tests.support.networks import kept
from tests.support.runs import CLASSES, INPUTS, run, stream

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


@pytest.mark.slow
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


# Time.

MODELS = [LIF(), ALIF(), SynapticLIF(), ResonateAndFire(), AdEx(), Izhikevich(), LIF(reset="zero"), CHAIN]


@pytest.mark.parametrize("through_reset", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{type(m).__name__} {getattr(m, 'reset', '')}"[:20])
def test_a_derivation_is_quick_and_is_kept(model, through_reset):
    texts = texts_of(model.neuron(0.5 * ms), {})
    before = time.process_time()
    found = derive.__wrapped__(texts, None, through_reset)
    assert time.process_time() - before < 10  # the slowest takes 0.2 s; one that simplifies, minutes
    assert derive(texts, None, through_reset) is derive(texts, None, through_reset)
    assert derive(texts, None, through_reset) == found


def test_numbers_are_not_derived_again():
    """Neurons that differ in numbers alone share one derivation."""
    derive.cache_clear()
    for tau in (5, 10, 20):
        EProp(lr=0.1 * tau).equations(LIF(tau_m=tau * ms, v_th=0.1 * tau))
    assert derive.cache_info().misses == 1


@pytest.mark.parametrize("steep", ["tanh(1000*(v - 0.5))", "1/(1 + exp(-2000*(v - 0.5)))", "tanh(1e4*v)"])
def test_a_steep_function_keeps_its_derivative(steep):
    """It is flat almost everywhere, and yet not constant."""
    assert derivative(expression(steep), "v") != 0
