"""Surrogate derivatives against published numbers, and learning signals of a user's own against NumPy programs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    Dense,
    Environment,
    EProp,
    FromArray,
    LeakyReadout,
    Network,
    Neuron,
    PiecewiseLinear,
    Signal,
    SpikeReadout,
    SpikeTrains,
)
from snn.backends.program import Samples
from snn.errors import NetworkError
from snn.plasticity.eprop.optimizers import Adam
from snn.plasticity.eprop.surrogates import Arctan, Exponential, FastSigmoid
from tests.oracles import surrogates
from tests.support.choices import BACKENDS
from tests.support.runs import run

SURROGATES = {
    "piecewise_linear": PiecewiseLinear,
    "exponential": Exponential,
    "fast_sigmoid": FastSigmoid,
    "arctan": Arctan,
}
SHAPES = {
    "piecewise_linear": lambda x: np.maximum(0, 1 - x),
    "exponential": lambda x: np.exp(-x),
    "fast_sigmoid": lambda x: (1 + x) ** -2,
    "arctan": lambda x: 1 / (1 + x**2),
}


def samples_of(x, label=None, reset=True, learn=True, **signals) -> Samples:
    """A stream of input spikes (samples, steps, inputs)."""
    on = np.ones(len(x), bool)
    given = {"values": x, "label": np.zeros(len(x), int) if label is None else label} | signals
    return Samples(x.shape[1], given, learn=on & learn, teach=on, reset=on & reset, preview=~on, record=on)


def network(model, rule, w, n=1, n_in=1, environment=None, **population) -> Network:
    net = Network(inputs=SpikeTrains(n_in), dt=1 * ms)
    net.population("hidden", model, n=n, **population)
    net.readout(SpikeReadout("hidden"))
    if environment is not None:
        net.environment(environment)
    net.connect("inputs", "hidden", Dense(FromArray(np.ravel(w))), rule)
    return net


# Surrogates.

# What arrives acts before a reset, so that the reset of the step before, which the leak then scales, is that of the
# oracle, which resets at once and lets the leak follow.
AT_ONCE = Neuron(
    "dv/dt = -v/tau : 1",
    threshold="v >= v_th",
    reset="v -= v_th",
    refractory=surrogates.REFRACTORY_STEPS * ms,
    input="v",
    parameters={"tau": surrogates.TAU_MS * ms, "v_th": surrogates.V_TH},
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SURROGATES)
def test_pseudo_derivatives(name, backend):
    """Input jumps v before the leak, so it is scaled by its inverse; height and width are absolute."""
    shape = SURROGATES[name](height=surrogates.HEIGHT, width=surrogates.WIDTH, scale=1.0)
    x = np.zeros((1, surrogates.STEPS, 1))
    x[0, [s + 1 for s in surrogates.SPIKES]] = 1
    w = surrogates.WEIGHT * np.exp(1 / surrogates.TAU_MS)
    spec = network(AT_ONCE, EProp(surrogate=shape, signal="0.0"), [w]).freeze()
    outcome = run(spec, samples_of(x), backend, record=("hidden.inputs_to_hidden_psi", "hidden.spikes"))
    psi = outcome.recordings["hidden.inputs_to_hidden_psi"][:, 0]
    np.testing.assert_allclose(psi[surrogates.COMPARED], surrogates.PSI[name], rtol=0, atol=1e-13)
    spikes = outcome.recordings["hidden.spikes"][:, 0]
    assert len(spikes) > 0
    for step in spikes:
        after = psi[step + 1 : step + surrogates.REFRACTORY_STEPS]
        assert psi[step] > 0 and not after.any()


@pytest.mark.parametrize("name", SURROGATES)
def test_height_and_width_are_in_units_of_the_threshold(name):
    """As in Bellec et al. 2020: h/v_th f(|v - v_th|/(w v_th)), unless a scale is given."""
    x = (np.random.default_rng(1).random((1, 30, 1)) < 0.4).astype(float)
    for scale, unit in ((None, 0.7), (2.5, 2.5)):
        rule = EProp(surrogate=SURROGATES[name](height=0.4, width=1.7, scale=scale), signal="0.0")
        spec = network(LIF(tau_m=9 * ms, v_th=0.7), rule, [0.4]).freeze()
        recordings = run(spec, samples_of(x), record=("hidden.inputs_to_hidden_psi", "hidden.v")).recordings
        expected = 0.4 / unit * SHAPES[name](np.abs(recordings["hidden.v"] - 0.7) / (1.7 * unit))
        np.testing.assert_allclose(recordings["hidden.inputs_to_hidden_psi"], expected, rtol=1e-13, atol=1e-15)
        assert np.ptp(expected) > 1e-3


def test_a_neuron_without_v_th_is_measured_in_ones():
    model = Neuron("dv/dt = (I - v)/tau : 1\nI : 1", threshold="v > 3", reset="v = 0", parameters={"tau": 9 * ms})
    psi = EProp(surrogate=PiecewiseLinear(0.4, 1.5)).equations(model).neuron_variables[0]
    assert psi.name == "psi" and psi.parameters == {"surrogate_height": 0.4, "surrogate_width": 1.5}


# Learning signals of one's own.

N_IN, N, STEPS, SAMPLES = 5, 4, 50, 3
TRACED = Neuron(
    "dv/dt = (c*I - v)/tau : 1\nI : 1\ndrate/dt = -rate/tau_r : 1",
    threshold="v >= v_th",
    reset="v -= v_th\nrate += 1",
    parameters={"tau": 12 * ms, "tau_r": 20 * ms, "v_th": 0.6, "c": -1 / np.expm1(-1 / 12)},
)
"""A LIF neuron that keeps track of its own rate."""


class Traced:
    """The same in NumPy, with pre-synaptic traces and eligibilities."""

    def __init__(self, w):
        self.w = w
        self.alpha, self.rho = np.exp(-1 / 12), np.exp(-1 / 20)
        self.v, self.rate, self.z = np.zeros(N), np.zeros(N), np.zeros(N)
        self.zbar = np.zeros(N_IN)

    def step(self, x):
        """Spikes and eligibilities."""
        self.v = self.alpha * (self.v - 0.6 * self.z) + self.w @ x
        self.rate = self.rho * (self.rate + self.z)
        self.zbar = self.alpha * self.zbar + x
        psi = 0.3 / 0.6 * np.maximum(0, 1 - np.abs(self.v - 0.6) / 0.6)
        self.z = (self.v >= 0.6).astype(float)
        return self.z, psi[:, None] * self.zbar[None]


def drawn(seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(0.25, 0.3, (N, N_IN)), (rng.random((SAMPLES, STEPS, N_IN)) < 0.2).astype(float)


def after(spec, samples, backend="runtime") -> np.ndarray:
    outcome = run(spec, samples, backend)
    assert outcome.totals["hidden.spike_count"].sum() > 20
    return outcome.state.arrays["inputs_to_hidden.weight"].reshape(N_IN, N).T


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_signal_of_the_neurons_own_variables(backend):
    """dw = -lr sum_t strength (rate - target) e, unfiltered, at the end of each sample."""
    w, x = drawn()
    rule = EProp(lr=0.05, signal="strength*(rate - target)", signal_parameters={"strength": 0.8, "target": 0.5})
    found = after(network(TRACED, rule, w.T, N, N_IN).freeze(), samples_of(x), backend)
    expected = w.copy()
    for sample in x:
        cells, total = Traced(expected), 0.0
        for arriving in sample:
            _, e = cells.step(arriving)
            total = total + (0.8 * (cells.rate - 0.5))[:, None] * e
        expected = expected - 0.05 * total
    assert np.abs(expected - w).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_signal_of_the_environment(backend):
    """What an environment says of each step, broadcast to all neurons; updates in every step."""
    w, x = drawn()
    rng = np.random.default_rng(4)
    wanted = rng.normal(0, 1, (SAMPLES, STEPS))
    rule = EProp(
        lr=0.02, variant="online", signal="gain*novelty*(1 - 0.5*spiked) + 0.1*sample_spikes",
        signal_parameters={"gain": 0.7},
    )  # fmt: skip
    environment = Environment("novelty = wanted**2 : 1", on="step", signals={"wanted": Signal("wanted", per="step")})
    net = network(TRACED, rule, w.T, N, N_IN, environment)
    found = after(net.freeze(), samples_of(x, reset=False, wanted=wanted), backend)
    cells = Traced(w.copy())
    for sample, row in zip(x, wanted, strict=True):
        count = np.zeros(N)
        for arriving, value in zip(sample, row, strict=True):
            z, e = cells.step(arriving)
            count += z
            signal = 0.7 * value**2 * (1 - 0.5 * z) + 0.1 * count
            cells.w = cells.w - 0.02 * signal[:, None] * e
    assert np.abs(cells.w - w).max() > 0.01
    np.testing.assert_allclose(found, cells.w, rtol=1e-9, atol=1e-12)


def test_a_signal_of_the_population():
    """One number a neuron and step, from the stream."""
    w, x = drawn()
    told = np.random.default_rng(4).normal(0, 1, (SAMPLES, STEPS, N))
    rule = EProp(lr=0.05, signal="told")
    net = network(TRACED, rule, w.T, N, N_IN, signals={"told": Signal("told", per="step")})
    found = after(net.freeze(), samples_of(x, told=told))
    expected = w.copy()
    for sample, rows in zip(x, told, strict=True):
        cells, total = Traced(expected), 0.0
        for arriving, row in zip(sample, rows, strict=True):
            total = total + row[:, None] * cells.step(arriving)[1]
        expected = expected - 0.05 * total
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_signal_of_a_rate_beside_the_running_rate():
    w, x = drawn()
    rule = EProp(
        lr=0.02, variant="online", signal="rate - target", signal_parameters={"target": 0.5}, rate_strength=0.5,
        rate_target=20 * Hz, rate_tau=40 * ms,
    )  # fmt: skip
    found = after(network(TRACED, rule, w.T, N, N_IN).freeze(), samples_of(x, reset=False))
    cells, running = Traced(w.copy()), np.zeros(N)
    for arriving in x.reshape(-1, N_IN):
        z, e = cells.step(arriving)
        running = running - np.expm1(-1 / 40) * (z - running)
        cells.w = cells.w - 0.02 * (cells.rate - 0.5 + 0.5 * (running - 0.02))[:, None] * e
    np.testing.assert_allclose(found, cells.w, rtol=1e-9, atol=1e-12)


def test_a_signal_takes_the_place_of_the_readouts():
    """With a readout behind, e is not filtered and no errors are fed back."""
    rule = EProp(signal="1.0")
    equations = rule.equations(LIF())
    assert equations.feedback is None and "e_filtered" not in str(equations)
    assert equations.factors == ()
    assert rule.equations(TRACED).factors == () and EProp(signal="rate*nu").equations(TRACED).factors == ("nu",)


SIGNALS = {
    "no expression": ("rate -", {}, "`signal` of the rule of inputs->hidden must be an expression", "'rate -'"),
    "bytes": (b"rate", {}, "must be an expression such as 'rate - target', but is b'rate'"),
    "a statement": ("x = 3", {}, "must be an expression such as 'rate - target'"),
    "empty": ("", {}, "must be an expression"),
    "unknown": ("rate - goal", {}, "needs the third factor 'goal'", "a variable of an Environment or a signal"),
    "unknown function": ("foo(rate)", {}, "'foo'"),
    "two unknown": ("here + there", {}, "'here'", "'there'"),
    "parameters, words": ("rate", {"a": "b"}, "`signal_parameters` of the rule of inputs->hidden must be"),
    "parameters, nan": ("rate*a", {"a": np.nan}, "`signal_parameters` of the rule of inputs->hidden must be finite"),
}


def said(rule) -> str:
    net = network(TRACED, rule, np.ones(N_IN * N), N, N_IN, environment=Environment("goals = label : 1"))
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    for problem in caught.value.problems:
        assert problem.endswith(".") and "\n" not in problem
    return str(caught.value)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_that_cannot_be(name):
    signal, parameters, *parts = SIGNALS[name]
    message = said(EProp(signal=signal, signal_parameters=parameters))
    for part in parts:
        assert part in message


def test_the_nearest_name_is_told():
    assert "nearest: 'goals'" in said(EProp(signal="rate - goal"))


@pytest.mark.parametrize(
    "signal",
    [
        "rate if v else 0",
        "lambda: rate",
        "5*ms",
        "rate > 0.1",
        "rate and 1",
        "0.1 < rate < 2",
        "[rate]",
        "v.a",
    ],
)
def test_what_brian2_cannot_read_is_no_traceback(signal):
    """Told before anything is compiled, or else it can be run."""
    w, x = drawn()
    net = network(TRACED, EProp(signal=signal), w.T, N, N_IN)
    try:
        spec = net.freeze()
    except NetworkError as error:
        assert signal in str(error) or "third factor" in str(error)
        return
    assert np.isfinite(after(spec, samples_of(x))).all()


def test_no_signal_at_all():
    assert "give a signal of your own: EProp(signal='...')" in said(EProp())


@pytest.mark.slow
def test_a_signal_goes_with_everything_else():
    """Moments and batches of a signal of one's own, once through each backend's plan."""
    w, x = drawn()
    rule = EProp(lr=0.01, signal="rate - 0.5", optimizer=Adam(), batch=2, weight_decay=0.1, rate_strength=1.0)
    spec = network(TRACED, rule, w.T, N, N_IN).freeze()
    assert not np.allclose(after(spec, samples_of(x)), w)
    again = dataclasses.replace(spec)
    np.testing.assert_array_equal(after(again, samples_of(x)), after(spec, samples_of(x)))
    assert type(spec).from_json(spec.to_json()) == spec
    assert LeakyReadout(2) not in [r.readout for r in spec.readouts]
