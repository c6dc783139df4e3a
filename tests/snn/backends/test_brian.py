"""A user's own equations mean what they mean in plain Brian2: the same spikes and the same state, to the last bit."""

from __future__ import annotations

import dataclasses

import brian2 as b2
import numpy as np
import pytest
from brian2 import Hz, ms, mV, nS, pF

from snn import Dense, FromArray, Network, Neuron, SpikeReadout, SpikeTrains
from snn.backends.program import Samples
from tests.support.choices import slow_but
from tests.support.runs import run

N_IN, N, STEPS = 6, 5, 400
GRID = 2.0**-16  # weights on a grid: sums of arriving spikes are exact, so their order says nothing

IZHIKEVICH = Neuron(
    """
    dv/dt = (0.04/ms/mV)*v**2 + (5/ms)*v + 140*mV/ms - u + I/ms : volt
    du/dt = a*(b*v - u) : volt/second
    I : volt
    """,
    threshold="v >= 30*mV",
    reset="v = c\nu += d",
    parameters={"a": 0.02 / ms, "b": 0.2 / ms, "c": -65 * mV, "d": 8 * mV / ms},
    initial={"v": -65 * mV, "u": -13 * mV / ms},
    method="euler",
)
ADAPTIVE = Neuron(
    """
    dv/dt = (el - v + I/gl - w/gl)/tau : volt (unless refractory)
    dw/dt = (ga*(v - el) - w)/tau_w : amp
    I : amp
    """,
    threshold="v > vt",
    reset="v = el - 5*mV\nw += 0.05*nA",
    refractory=3 * ms,
    parameters={"el": -65 * mV, "vt": -50 * mV, "gl": 10 * nS, "ga": 2 * nS, "tau": 12 * ms, "tau_w": 60 * ms},
    initial={"v": -65 * mV},
    method="euler",
)
JUMPING = Neuron(
    "dv/dt = -v/tau : 1 (unless refractory)\ndq/dt = -q/tau_q : 1",
    threshold="v > 1 + q",
    reset="v = 0.125\nq += 0.25",
    refractory=2 * ms,
    input="v",
    parameters={"tau": 15 * ms, "tau_q": 40 * ms},
    method="exact",
)
CONDITIONAL = Neuron(
    """
    dv/dt = (I - v)/tau : 1
    dI/dt = -I/tau_s : 1
    dr/dt = -r/tau : 1
    """,
    threshold="v > 1",
    reset="v = 0\nr += 1",
    refractory="r > 0.5",
    parameters={"tau": 12 * ms, "tau_s": 4 * ms},
    method="exponential_euler",
)
DRIVEN = Neuron(
    """
    dv/dt = (el - v)/tau + (I + amplitude*sin(2*pi*f*t))/C : volt
    I : amp
    """,
    threshold="v > -50*mV",
    reset="v = el",
    parameters={"el": -65 * mV, "tau": 20 * ms, "f": 30 * Hz, "amplitude": 300 * b2.pA, "C": 200 * pF},
    initial={"v": -65 * mV},
    method="euler",
)
RUNGE = Neuron(
    "dv/dt = g*(v - v**3/3 - y + I)/ms : 1\ndy/dt = (v + 0.7 - 0.8*y)/(12.5*ms) : 1\nI : 1\n"
    "g = 1/(1 + y**2) : 1 (constant over dt)",
    threshold="v > 1",
    refractory="v > 0",
    parameters={},
    method="rk4",
)
# Name: neuron, scale of the weights in SI units, recurrent delay in steps, dt, relative tolerance of v. Where arriving
# spikes are added to what is left of earlier ones, or t stands in a product, factors and sums are ordered otherwise.
CASES = {
    "izhikevich": (IZHIKEVICH, 0.08, 0, 0.5 * ms, 0),
    "izhikevich, delayed": (IZHIKEVICH, 0.08, 5, 0.5 * ms, 0),
    "adaptive": (ADAPTIVE, 4e-9, 2, 0.25 * ms, 0),
    "jumps of v": (JUMPING, 0.4, 1, 0.5 * ms, 0),
    "refractory condition": (CONDITIONAL, 1.5, 0, 0.5 * ms, 1e-12),
    "times between steps": (dataclasses.replace(JUMPING, refractory=2.9 * ms), 0.8, 2.5, 0.5 * ms, 1e-12),
    "driven": (DRIVEN, 4e-9, 3, 0.5 * ms, 1e-12),
    "rk4, no reset": (RUNGE, 12.0, 1, 0.25 * ms, 0),
}

QUICK = ("adaptive", "refractory condition", "times between steps")


def weights(rng, shape, scale):
    grid = GRID * 2.0 ** np.round(np.log2(scale))
    return np.round(rng.normal(0.25, 0.5, shape) * scale / grid) * grid


def ours(neuron, x, w_in, w_rec, delay, dt):
    net = Network(inputs=SpikeTrains(N_IN), dt=dt)
    net.population("out", neuron, n=N)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(FromArray(w_in)))
    net.connect("out", "out", Dense(FromArray(w_rec), autapses=True), delay=delay * dt)
    on = np.ones(1, bool)
    samples = Samples(STEPS, {"values": x[None], "label": np.zeros(1, int)}, on, on, on, ~on, on)
    outcome = run(net.freeze(), samples, "runtime", record=("out.spikes", "out.v"))
    return outcome.recordings["out.spikes"], outcome.recordings["out.v"]


def plain(neuron, x, w_in, w_rec, delay, dt):
    """The same network as a user of Brian2 writes it. An input of our step k is used in step k: it is sent in k - 1."""
    b2.prefs.codegen.target = "numpy"
    group = b2.NeuronGroup(
        N,
        neuron.model,
        threshold=neuron.threshold,
        reset=neuron.reset or "",
        refractory=False if neuron.refractory is None else neuron.refractory,
        method=neuron.method,
        dt=dt,
        namespace=dict(neuron.parameters),
    )
    for name, value in neuron.initial.items():
        setattr(group, name, value)
    step, index = np.nonzero(x)
    source = b2.SpikeGeneratorGroup(N_IN, index, (step - 1) * dt, dt=dt)
    unit = b2.get_unit(getattr(group, neuron.input).dim) if hasattr(getattr(group, neuron.input), "dim") else 1
    namespace = {"unit": unit}
    objects = [group, source]
    for sender, w, wait in ((source, w_in, 0), (group, w_rec, delay)):
        synapses = b2.Synapses(
            sender, group, "weight : 1", on_pre=f"{neuron.input}_post += weight*unit", dt=dt, namespace=namespace
        )
        synapses.connect()
        synapses.weight = w.ravel()
        synapses.delay = wait * dt
        objects.append(synapses)
    if neuron.input == "I" and "dI/dt" not in neuron.model:
        objects.append(group.run_regularly("I = 0*I", when="after_groups"))
    spikes = b2.SpikeMonitor(group)
    v = b2.StateMonitor(group, "v", record=True, when="after_thresholds", dt=dt)
    network = b2.Network(*objects, spikes, v)
    network.run(STEPS * dt, namespace={})
    return np.column_stack([np.round(spikes.t / dt).astype(int), spikes.i]), np.asarray(v.v).T


@pytest.mark.filterwarnings("ignore::snn.RoundedTime")
@pytest.mark.parametrize("case", slow_but(CASES, QUICK))
def test_equals_plain_brian2(case):
    neuron, scale, delay, dt, tolerance = CASES[case]
    rng = np.random.default_rng(8)
    x = (rng.random((STEPS, N_IN)) < 0.05).astype(float)
    x[0] = 0  # nothing can be sent before the beginning
    given = (neuron, x, weights(rng, (N_IN, N), scale), weights(rng, (N, N), scale), delay, dt)
    spikes, v = ours(*given)
    expected, expected_v = plain(*given)
    assert 20 < len(expected) < STEPS * N / 4
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_allclose(v, expected_v, rtol=tolerance, atol=0)


def noisy(model, inputs=1, **neuron):
    """2,000 neurons without synapses that spike at `threshold`."""
    net = Network(inputs=SpikeTrains(inputs), dt=1 * ms)
    settings = {"threshold": "v > 1e9", "method": "euler"} | neuron
    net.population("out", Neuron(model, **settings), n=2000)
    net.readout(SpikeReadout("out"))
    return net.freeze()


def silence(n=1, steps=80, reset=False):
    on = np.ones(n, bool)
    given = {"values": np.zeros((n, steps, 1)), "label": np.zeros(n, int)}
    return Samples(steps, given, on, on, on & reset, ~on, on)


def test_an_ornstein_uhlenbeck_process_has_its_variance_and_correlation():
    """Euler-Maruyama's own stationary variance, sigma^2/(1 - dt/(2 tau)), and correlation, (1 - dt/tau)^k."""
    spec = noisy("dv/dt = -v/tau + sigma*sqrt(2/tau)*xi : 1\nI : 1", parameters={"tau": 5 * ms, "sigma": 3.0})
    v = run(spec, silence(), "runtime", record=("out.v",)).recordings["out.v"]
    expected = 9 / (1 - 0.1)
    assert abs(v[-1].var() / expected - 1) < 3 * np.sqrt(2 / 1999)
    assert abs(v[-1].mean()) < 3 * np.sqrt(expected / 2000)
    for lag in (1, 5):
        exact = 0.8**lag
        assert abs(np.corrcoef(v[-1], v[-1 - lag])[0, 1] - exact) < 3 * (1 - exact**2) / np.sqrt(2000)
    kurtosis = np.mean((v[-1] - v[-1].mean()) ** 4) / v[-1].var() ** 2
    assert abs(kurtosis - 3) < 3 * np.sqrt(24 / 2000)


def test_rand_and_randn_in_equations_thresholds_and_resets():
    spec = noisy(
        "dv/dt = rand()/ms : 1\ndx/dt = randn()/ms : 1\nI : 1\nk : 1\ns : 1",
        threshold="rand() < 0.2",
        reset="k += 1\ns += randn()",
    )
    arrays = run(spec, silence(), "runtime").state.arrays
    v, x, k, s = (arrays[f"out.{name}"] for name in "vxks")
    assert abs(v.mean() - 40) < 3 * np.sqrt(80 / 12 / 2000)
    assert abs(v.var() / (80 / 12) - 1) < 3 * np.sqrt(2 / 2000)
    assert abs(x.mean()) < 3 * np.sqrt(80 / 2000) and abs(x.var() / 80 - 1) < 3 * np.sqrt(2 / 2000)
    assert abs(k.mean() - 0.2 * 79) < 3 * np.sqrt(79 * 0.16 / 2000)  # the last step's reset is still to come
    assert abs(s.var() / k.mean() - 1) < 3 * np.sqrt(3 / 2000)
    assert abs(np.corrcoef(v, x)[0, 1]) < 3 / np.sqrt(2000)


@pytest.mark.slow
def test_noise_does_not_depend_on_splitting_or_neighbours():
    model = "dv/dt = -v/tau + tau**-0.5*xi + randn()/tau : 1\nI : 1"
    spec = noisy(model, parameters={"tau": 5 * ms})
    whole = run(spec, silence(4), "runtime").state
    half = run(spec, silence(1), "runtime").state
    rest = run(spec, silence(3), "runtime", state=half).state
    np.testing.assert_array_equal(whole.arrays["out.v"], rest.arrays["out.v"])
    fewer = dataclasses.replace(spec, populations=(dataclasses.replace(spec.populations[0], n=7),))
    np.testing.assert_array_equal(run(fewer, silence(4), "runtime").state.arrays["out.v"], whole.arrays["out.v"][:7])
    other = run(spec, silence(4), "runtime", seed=4).state.arrays["out.v"]
    assert abs(np.corrcoef(other, whole.arrays["out.v"])[0, 1]) < 3 / np.sqrt(2000)


@pytest.mark.slow
def test_one_noise_in_two_equations_is_one_noise():
    """As in Brian2: the same name is the same realisation, another name another."""
    model = "dv/dt = -v/tau + tau**-0.5*{} : 1\ndu/dt = -u/tau + tau**-0.5*{} : 1\nI : 1"
    for second, same in (("xi_a", True), ("xi_b", False)):
        spec = noisy(model.format("xi_a", second), parameters={"tau": 5 * ms})
        arrays = run(spec, silence(), "runtime").state.arrays
        assert np.array_equal(arrays["out.v"], arrays["out.u"]) == same
