"""Populations updated at once or one after another, and what global inhibition and lasting thresholds do in a step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    Analog,
    Constant,
    Dense,
    FromArray,
    HomeostaticLIF,
    Network,
    NetworkSpec,
    Neuron,
    OneToOne,
    Poisson,
    Signal,
    SpikeReadout,
    SpikeTrains,
    Uniform,
    structure_hash,
)
from snn.errors import NetworkError
from tests.support.choices import BACKENDS
from tests.support.runs import INPUTS, run, stream

RELAY = LIF(tau_m=1 * ms, v_th=0.5, reset="zero")


def chain(schedule: str, delay=None) -> NetworkSpec:
    """A spike in step 2 goes through three populations in a row, and back from the last to the first."""
    net = Network(inputs=SpikeTrains(1), dt=1 * ms, schedule=schedule)
    for name in ("first", "second", "third"):
        net.population(name, RELAY, n=1)
    net.readout(SpikeReadout("third"))
    net.connect("inputs", "first", OneToOne())
    net.connect("first", "second", OneToOne(), delay=delay)
    net.connect("second", "third", OneToOne())
    net.connect("third", "first", OneToOne())
    return net.freeze()


def spike_steps(spec, backend, steps=12):
    names = [population.name for population in spec.populations]
    x = np.zeros((1, steps, 1))
    x[0, 2] = 1
    samples = dataclasses.replace(stream(1, steps=steps, inputs=1, spikes=True))
    samples = dataclasses.replace(samples, signals={**samples.signals, "values": x})
    recordings = run(spec, samples, backend, record=tuple(f"{name}.spikes" for name in names)).recordings
    return [recordings[f"{name}.spikes"][:, 0].tolist() for name in names]


ARRIVALS = [
    ("parallel", None, [[2, 5, 8, 11], [3, 6, 9], [4, 7, 10]]),
    ("sequential", None, [list(range(2, 12))] * 3),
    ("parallel", 2 * ms, [[2, 7], [5, 10], [6, 11]]),
    ("sequential", 2 * ms, [[2, 5, 8, 11], [4, 7, 10], [4, 7, 10]]),
]


@pytest.mark.parametrize(("schedule", "delay", "expected"), ARRIVALS)
def test_when_spikes_arrive(schedule, delay, expected):
    """Forwards in the same step if populations take turns, else in the next; backwards always in the next."""
    assert spike_steps(chain(schedule, delay), "runtime") == expected


@pytest.mark.parametrize(
    ("schedule", "delay", "expected"),
    [pytest.param(*row, marks=pytest.mark.slow if row in ARRIVALS[2:] else pytest.mark.nightly) for row in ARRIVALS],
)
def test_when_spikes_arrive_in_a_compiled_program(schedule, delay, expected):
    assert spike_steps(chain(schedule, delay), "standalone") == expected


def test_the_schedule_is_part_of_the_structure():
    assert structure_hash(chain("parallel")) != structure_hash(chain("sequential"))
    assert NetworkSpec.from_json(chain("sequential").to_json()) == chain("sequential")


def inhibited(gain: float, tau=None, schedule="parallel") -> NetworkSpec:
    net = Network(inputs=Poisson(INPUTS, rate=300 * Hz), dt=1 * ms, schedule=schedule)
    net.population("kc", LIF(tau_m=10 * ms, v_th=0.4), n=30)
    net.readout(SpikeReadout("kc"))
    net.connect("inputs", "kc", Dense(Uniform(0, 0.2)))
    net.inhibit("kc", gain=gain, tau=tau)
    return net.freeze()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tau", [None, 4 * ms])
def test_global_inhibition_equals_an_inhibitory_synapse_between_all(backend, tau):
    """Without memory it is a dense projection of one weight onto everyone; with one, a low-pass of the spike count."""
    samples, names = stream(3), ("kc.v", "kc.spikes")
    found = run(inhibited(0.03, tau), samples, backend, record=names).recordings
    if tau is None:
        net = Network(inputs=Poisson(INPUTS, rate=300 * Hz), dt=1 * ms)
        net.population("kc", LIF(tau_m=10 * ms, v_th=0.4), n=30)
        net.readout(SpikeReadout("kc"))
        net.connect("inputs", "kc", Dense(Uniform(0, 0.2)))
        net.connect("kc", "kc", Dense(Constant(-0.03), autapses=True))
        expected = run(net.freeze(), samples, backend, record=names).recordings
        np.testing.assert_array_equal(found["kc.spikes"], expected["kc.spikes"])
        np.testing.assert_allclose(found["kc.v"], expected["kc.v"], atol=1e-12)
    free = run(inhibited(0.0, tau), samples, backend, record=names).recordings
    count = np.bincount(found["kc.spikes"][:, 0], minlength=75)
    activity = np.zeros(75)  # of the unit, from the spikes that were recorded
    for t in range(1, 75):
        before = 0.0 if t % 25 == 0 or tau is None else activity[t - 1] * np.exp(-1 / 4)
        activity[t] = before + (count[t - 1] if t % 25 else 0)
    first = np.flatnonzero(activity)[0]
    difference = found["kc.v"][first] - free["kc.v"][first]  # until then the two runs are the same
    np.testing.assert_allclose(difference, -0.03 * activity[first], atol=1e-12)
    assert len(found["kc.spikes"]) < 0.8 * len(free["kc.spikes"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_threshold_adapts_while_the_network_learns_and_outlasts_samples(backend):
    model = HomeostaticLIF(tau_m=1 * ms, v_th=0.5, theta_plus=0.25, tau_theta=50 * ms, reset="zero")
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("out", model, n=1)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", OneToOne(Constant(1.0)))
    spec, steps = net.freeze(), 10
    x = np.zeros((3, steps, 1))
    x[:, 3] = 1
    learn = np.array([True, False, True])
    samples = dataclasses.replace(stream(3, steps=steps, inputs=1, spikes=True), learn=learn)
    samples = dataclasses.replace(samples, signals={**samples.signals, "values": x})
    outcome = run(spec, samples, backend, record=("out.theta",))
    theta, expected = 0.0, []
    for sample in range(3):
        for step in range(steps):
            if learn[sample]:
                theta = np.exp(-1 / 50) * theta + 0.25 * (step == 3)
            expected.append(theta)
    np.testing.assert_allclose(outcome.recordings["out.theta"][:, 0], expected, atol=1e-12)
    assert outcome.state.arrays["out.theta"][0] == pytest.approx(expected[-1], abs=1e-12)


RATE = "dv/dt = (I - v)/(10*ms) : 1\nI : 1"


def refused(schedule="parallel", inhibited=(), **models) -> str:
    """Everything that is wrong with a network, as one text."""
    net = Network(inputs=Poisson(2, rate=10 * Hz), schedule=schedule)
    for name, model in models.items():
        net.population(name, model, n=2)
    for name, gain in inhibited:
        net.inhibit(name, gain=gain)
    with pytest.raises(NetworkError) as error:
        net.freeze()
    return str(error.value)


def test_words_and_numbers_that_are_wrong_are_told_at_once():
    own = Neuron(RATE, "v > 1", lasting=("thta",))
    text = refused("sequentially", [("rate", -1)], own=own, rate=Neuron(RATE, learning="v = spiked"))
    for part in (
        "is 'sequentially'; ",
        "`gain >= 0` must hold, but the inhibition of rate has gain = -1",
        "`lasting` of own names 'thta'",
        "`learning` of rate reads `spiked`, but rate has threshold=None",
    ):
        assert part in text, (part, text)


def test_populations_that_cannot_be_inhibited_are_told_at_once():
    inhibited = [("kcs", 1), ("rate", 1), ("kc", 1), ("kc", 1)]
    text = refused("parallel", inhibited, kc=LIF(), rate=Neuron(RATE), own=Neuron(RATE, "v > 1", learning="q = 1"))
    for part in (
        "`inhibit` names the population 'kcs'; ",
        "`inhibit` hears spikes, but 'rate' has threshold=None",
        "A population has one inhibitory unit, but 'kc' has 2",
        "`learning` of own sets 'q', which is no variable",
    ):
        assert part in text, (part, text)


CONDUCTANCES = Neuron(
    """
    dv/dt = (ge*(1 - v) - gi*v - v)/(10*ms) : 1
    dge/dt = -ge/(3*ms) : 1
    gi : 1
    """,
    threshold="v > 0.4",
    reset="v = 0",
    input="ge",
    method="exponential_euler",
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_projection_may_add_to_another_variable(backend):
    """To one that keeps what it gets and decays, and to one that holds what arrived in this step."""
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.population("out", CONDUCTANCES, n=1)
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(FromArray(np.array([[2.0], [0.0]]))), name="excite")
    net.connect("inputs", "out", Dense(FromArray(np.array([[0.0], [3.0]]))), name="inhibit", target_variable="gi")
    x = np.zeros((1, 12, 2))
    x[0, 2, 0] = x[0, 5, 0] = x[0, 5, 1] = x[0, 7, 1] = 1
    samples = dataclasses.replace(stream(1, steps=12, inputs=2, spikes=True))
    samples = dataclasses.replace(samples, signals={**samples.signals, "values": x})
    found = run(net.freeze(), samples, backend, record=("out.v", "out.ge", "out.gi")).recordings
    v = ge = 0.0
    for t in range(12):
        ge, gi = ge + 2.0 * x[0, t, 0], 3.0 * x[0, t, 1]
        rate = (ge + gi + 1) / 10  # per ms; exponential Euler, with both held over the step
        v = ge / (ge + gi + 1) + (v - ge / (ge + gi + 1)) * np.exp(-rate)
        ge *= np.exp(-1 / 3)
        assert found["out.v"][t, 0] == pytest.approx(v, abs=1e-12) and found["out.gi"][t, 0] == 0
        assert found["out.ge"][t, 0] == pytest.approx(ge, abs=1e-12)
        v = 0.0 if v > 0.4 else v
    assert found["out.v"].max() > 0.4
    with pytest.raises(NetworkError, match="adds to 'gj' of out, which is not in its equations"):
        net.connect("inputs", "out", Dense(), name="more", target_variable="gj")
        net.freeze()


def test_analog_inputs_send_no_spikes_and_their_values_can_drive():
    net = Network(inputs=Analog(INPUTS), dt=1 * ms)
    net.population("out", LIF(tau_m=5 * ms, v_th=100.0), n=INPUTS)
    net.readout(SpikeReadout("out"))
    net.drive("out", Signal("values"), gain=2.0)
    samples = stream(1, steps=40)
    outcome = run(net.freeze(), samples)
    assert outcome.totals["inputs.spike_count"].sum() == 0
    expected = 2.0 * samples.signals["values"][0] * (1 - np.exp(-8)) / (1 - np.exp(-1 / 5))
    np.testing.assert_allclose(outcome.state.arrays["out.v"], expected, atol=1e-9)
