"""Both backends against independent NumPy programs."""

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    ALIF,
    LIF,
    Constant,
    Dense,
    EProp,
    FromArray,
    LeakyReadout,
    Network,
    PairSTDP,
    RewardSTDP,
    SpikeReadout,
    SpikeTrains,
)
from snn.signals import Environment, Signal
from tests.oracles import stdp
from tests.support.choices import BACKENDS, slow_but
from tests.support.reference import (
    Cells,
    EPropNetwork,
    pair_stdp,
    reward_stdp,
)
from tests.support.runs import first_weights, run, samples_with

N_IN, N, CLASSES, STEPS = 9, 11, 3, 60
CASES = {
    "lif": dict(cell=LIF, cells={}, rule={}, readout={}),
    "lif, refractory, random feedback": dict(cell=LIF, cells={"n_ref": 4}, rule={"feedback": "random"}, readout={}),
    "lif, hard reset, scaled input": dict(
        cell=LIF, cells={"reset": "zero", "zeta": None}, rule={}, readout={"window": 20}
    ),
    "alif, regularised, adaptive feedback": dict(
        cell=ALIF,
        cells={"n_ref": 2, "beta": 0.15, "tau_a": 40.0},
        rule={"feedback": "adaptive", "c_reg": 1.5, "f_target": 0.02},
        readout={},
    ),
    "alif, squared error": dict(
        cell=ALIF, cells={"beta": 0.1, "tau_a": 90.0}, rule={}, readout={"loss": "squared_error"}
    ),
}

QUICK = ("lif, hard reset, scaled input", "alif, regularised, adaptive feedback")


def build(case, rng):
    """The same network for the package and for the reference."""
    settings = {"n_ref": 0, "beta": 0.0, "tau_a": 1.0, "reset": "subtract", "zeta": 1.0} | case["cells"]
    cells = Cells(N, tau_m=15.0, v_th=0.6, **settings)
    scale = 1.0 if settings["zeta"] == 1.0 else 12.0
    w_in = scale * rng.normal(0, 1, (N, N_IN)) / np.sqrt(N_IN)
    w_rec = scale * rng.normal(0, 1, (N, N)) / np.sqrt(N)
    np.fill_diagonal(w_rec, 0)
    w_out = rng.normal(0, 1, (CLASSES, N))
    model = dict(
        tau_m=15 * ms,
        v_th=0.6,
        refractory=settings["n_ref"] * ms,
        reset=settings["reset"],
        input_scale="one" if settings["zeta"] == 1.0 else "leak",
    )
    if case["cell"] is ALIF:
        model |= dict(beta=settings["beta"], tau_a=settings["tau_a"] * ms)
    regularised = "c_reg" in case["rule"]
    rule = EProp(
        lr=0.03,
        feedback=case["rule"].get("feedback", "symmetric"),
        rate_strength=case["rule"].get("c_reg"),
        rate_target=case["rule"].get("f_target", 0) * 1000 * Hz,
    )
    window = case["readout"].get("window")
    net = Network(inputs=SpikeTrains(N_IN), dt=1 * ms)
    net.population("hidden", case["cell"](**model), n=N)
    net.readout(
        LeakyReadout(
            CLASSES,
            tau=8 * ms,
            loss=case["readout"].get("loss", "cross_entropy"),
            learning_window=None if window is None else window * ms,
        )
    )
    off_diagonal = ~np.eye(N, dtype=bool)
    net.connect("inputs", "hidden", Dense(FromArray(w_in.T)), rule)
    net.connect("hidden", "hidden", Dense(FromArray(w_rec.T[off_diagonal])), rule)
    net.connect("hidden", "readout", Dense(FromArray(w_out.T)), rule)
    reference = EPropNetwork(
        cells,
        w_in,
        w_rec,
        w_out,
        b=np.zeros((CLASSES, N)),
        tau_out=8.0,
        lr=0.03,
        feedback=case["rule"].get("feedback", "symmetric"),
        loss=case["readout"].get("loss", "cross_entropy"),
        c_reg=case["rule"].get("c_reg", 0.0),
        f_target=case["rule"].get("f_target", 0.0),
        window=window,
    )
    assert regularised == (reference.c_reg > 0)
    return net.freeze(), reference


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", slow_but(CASES, QUICK))
def test_eprop(name, backend):
    rng = np.random.default_rng(5)
    spec, reference = build(CASES[name], rng)
    x = (rng.random((4, STEPS, N_IN)) < 0.08).astype(float)
    labels = rng.integers(0, CLASSES, 4)
    if CASES[name]["rule"].get("feedback", "symmetric") != "symmetric":
        reference.b = first_weights(spec)["hidden_to_readout.feedback_weight"].reshape(N, CLASSES).T
        assert reference.b.std() > 0.1
    outcome = run(spec, samples_with(x, labels), backend, record=("hidden.spikes",))
    losses, rasters = zip(
        *(reference.sample(x[k], np.eye(CLASSES)[[labels[k]] * STEPS]) for k in range(4)), strict=True
    )
    step, neuron = np.nonzero(np.concatenate(rasters))
    assert len(step) > 60
    np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], np.column_stack([step, neuron]))
    np.testing.assert_allclose(outcome.outputs["readout.loss"].sum(axis=1), losses, rtol=1e-9)
    arrays = outcome.state.arrays
    np.testing.assert_allclose(
        arrays["inputs_to_hidden.weight"].reshape(N_IN, N).T, reference.w_in, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        arrays["hidden_to_hidden.weight"], reference.w_rec.T[~np.eye(N, dtype=bool)], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(
        arrays["hidden_to_readout.weight"].reshape(N, CLASSES).T, reference.w_out, rtol=1e-9, atol=1e-12
    )


def one_synapse(rule, pre, post, w=0.5, **options):
    """A plastic synapse between two neurons that are made to spike at given steps: the outcome of one sample."""
    steps = max([*pre, *post]) + 10
    x = np.zeros((1, steps, 2))
    x[0, pre, 0] = 1
    x[0, post, 1] = 1
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    # An input spike makes its neuron spike in the same step; the plastic synapse itself moves nobody.
    net.population("pre", LIF(v_th=1.0, reset="zero"), n=1)
    net.population("post", LIF(v_th=1e3, reset="zero"), n=1)
    net.readout(SpikeReadout("post"))
    net.environment(Environment("reward = label : 1"))
    net.connect("inputs", "pre", Dense(FromArray(np.array([1.5, 0.0]))), name="drive pre")
    net.connect("inputs", "post", Dense(FromArray(np.array([0.0, 1.5e3]))), name="drive post")
    net.connect("pre", "post", Dense(Constant(w)), rule, **options)
    return net.freeze(), samples_with(x, np.array([1]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_pair_stdp_oracle(backend):
    """NEST's trains, all to all, additive (tests/oracles/stdp.py)."""
    nest = stdp.NEST
    amplitudes = {"a_plus": nest["lambda"], "a_minus": nest["lambda"] * nest["alpha"]}
    rule = PairSTDP(tau_plus=nest["tau_plus_ms"] * ms, tau_minus=nest["tau_minus_ms"] * ms, **amplitudes)
    # A spike arrives one step after it is sent, so the presynaptic neuron is driven one step earlier.
    spec, samples = one_synapse(rule, [t - 1 for t in stdp.NEST_PRE], stdp.NEST_POST, w=nest["w0"])
    w = run(spec, samples, backend).state.arrays["pre_to_post.weight"][0]
    assert w == pytest.approx(stdp.NEST_WEIGHT, abs=1e-12)
    reference = pair_stdp(stdp.NEST_PRE, stdp.NEST_POST, 0.5, *amplitudes.values(), 16.8, 33.7)
    assert w == pytest.approx(reference, abs=1e-15)


@pytest.mark.parametrize("delay", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_song_miller_abbott_window(delay):
    """The window (tests/oracles/stdp.py), with the delay counted as part of the timing."""
    tau = stdp.WINDOW["tau_ms"] * ms
    rule = PairSTDP(stdp.WINDOW["a_plus"], stdp.WINDOW["a_minus"], tau_plus=tau, tau_minus=tau)
    for lag, up, down in zip(stdp.LAGS, stdp.POTENTIATION, stdp.DEPRESSION, strict=True):
        for pre, post, expected in ((60, 60 + lag, up), (60 + lag, 60, down)):
            spec, samples = one_synapse(rule, [pre - 1 - delay], [post], delay=delay * ms if delay else None)
            w = run(spec, samples, "standalone").state.arrays["pre_to_post.weight"][0]
            assert w - 0.5 == pytest.approx(expected, abs=6e-11)  # the table's ten digits


@pytest.mark.parametrize("backend", BACKENDS)
def test_bounds_hold_at_every_write(backend):
    pre, post = list(range(3, 60, 3)), list(range(4, 60, 5))
    rule = PairSTDP(a_plus=0.2, a_minus=0.3)
    spec, samples = one_synapse(rule, [t - 1 for t in pre], post, w_min=0.1, w_max=0.7)
    w = run(spec, samples, backend).state.arrays["pre_to_post.weight"][0]
    assert w == pytest.approx(pair_stdp(pre, post, 0.5, 0.2, 0.3, 20, 20, 0.1, 0.7), abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_reward_stdp(backend):
    pre, post = [3, 9, 20, 21, 40], [5, 9, 18, 30, 44]
    rule = RewardSTDP(lr=0.1, a_plus=0.7, a_minus=0.4, tau_plus=12 * ms, tau_minus=25 * ms, tau_e=30 * ms)
    spec, samples = one_synapse(rule, [t - 1 for t in pre], post)
    w = run(spec, samples, backend).state.arrays["pre_to_post.weight"][0]
    c = reward_stdp(pre, post, samples.steps, 0.7, 0.4, 12, 25, 30)
    assert abs(c) > 0.1
    assert w == pytest.approx(0.5 + 0.1 * c, abs=1e-12)  # the reward is the sample's label, 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_rule_uses_the_reward_of_its_own_step(backend):
    """A reward in one step alone changes the weight by that step's eligibility."""
    pre, post = [3], [5]
    rule = RewardSTDP(lr=0.1, a_plus=1.0, a_minus=1.0, tau_e=30 * ms, on="step")
    spec, samples = one_synapse(rule, [t - 1 for t in pre], post)
    net = dataclasses.replace(
        spec,
        environment=Environment("reward = int(now == 9) : 1", signals={"now": Signal("now", per="step")}, on="step"),
    )
    now = np.arange(samples.steps, dtype=float)[None, :]
    samples = dataclasses.replace(samples, signals={**samples.signals, "now": now})
    w = run(net, samples, backend).state.arrays["pre_to_post.weight"][0]
    c = np.exp(-2 / 20) * np.exp(-(9 - 5) / 30)  # the eligibility of step 9
    assert w == pytest.approx(0.5 + 0.1 * c, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_samples_without_resets_are_scored_one_by_one(backend):
    """The same spikes again and again, far apart: losses, scores and spike counts are those of one sample each."""
    rng = np.random.default_rng(2)
    net = Network(inputs=SpikeTrains(N_IN), dt=1 * ms)
    net.population("hidden", LIF(tau_m=15 * ms, v_th=0.3), n=N)
    net.readout(LeakyReadout(CLASSES, tau=8 * ms))
    net.connect("inputs", "hidden", Dense(FromArray(rng.normal(0, 0.4, N_IN * N))))
    net.connect("hidden", "readout", Dense(FromArray(rng.normal(0, 1, N * CLASSES))))
    spec = net.freeze()
    x = np.zeros((3, 400, N_IN))
    x[:, :40] = (rng.random((40, N_IN)) < 0.2)[None]  # then silence, in which everything decays
    samples = dataclasses.replace(samples_with(x, np.array([1, 1, 1]), learn=False), reset=np.zeros(3, bool))
    outputs = run(spec, samples, backend).outputs
    for name in ("readout.loss", "readout.score"):
        np.testing.assert_allclose(outputs[name][1:], outputs[name][:-1], rtol=1e-6, atol=1e-9)
        assert np.abs(outputs[name]).max() > 0.01


@pytest.mark.parametrize(("decide", "expected"), [("count", [2.0, 0.0]), ("first_spike", [17.0, 0.0])])
def test_spikes_in_a_gap_count_for_nothing(decide, expected):
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population("out", LIF(v_th=1.0, reset="zero", tau_m=50 * ms), n=2)
    net.readout(SpikeReadout("out", decide=decide))
    net.connect("inputs", "out", Dense(FromArray(np.array([1.5, 0.0, 0.0, 1.5]))), delay=3 * ms)
    x = np.zeros((2, 20, 2))
    x[:, [0, 5], 0] = 1  # arrive in steps 3 and 8
    x[:, 18, 1] = 1  # arrives in the gap
    samples = dataclasses.replace(samples_with(x, np.array([0, 0])), gap=10, reset=np.zeros(2, bool))
    np.testing.assert_array_equal(run(net.freeze(), samples).outputs["out.readout_score"], [expected, expected])
