"""Times as counts of steps: Brian2's own for delays and refractory times; other durations are whole or refused."""

from __future__ import annotations

import warnings

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, us

from snn import (
    AdEx,
    Constant,
    Dense,
    LeakyReadout,
    Network,
    NetworkSpec,
    Neuron,
    RoundedTime,
    SpikeReadout,
    SpikeTrains,
    structure_hash,
)
from snn.backends.options import RunOptions
from snn.backends.program import Candidate, Samples
from snn.backends.registry import load_program
from snn.errors import NetworkError
from snn.times import delay_steps, refractory_steps, whole_steps

STEPS = 60
PARTS = (0, 0.1, 0.25, 0.4999, 0.5, 0.5001, 0.75, 0.9, 0.9985, 0.9995)
IN_STEPS = np.array([k + part for k in (0, 1, 2, 3, 7, 16) for part in PARTS])
DTS = [1 * ms, *(pytest.param(dt, marks=pytest.mark.slow) for dt in (0.1 * ms, 12.5 * us, 20.000000000020002 * us))]
EAGER = "dv/dt = -v/(10*ms) : 1\nI : 1"
JUMPY = Neuron("dv/dt = -v/(10*ms) : 1", threshold="v > 0.5", reset="v = 0", input="v")


def network(dt=1 * ms, refractory=None, delay=None, window=None):
    net = Network(inputs=SpikeTrains(1), dt=dt)
    net.population("eager", Neuron(EAGER, threshold="v > -1", refractory=refractory), n=1)
    net.population("out", JUMPY, n=1)
    net.readout(SpikeReadout("out"))
    if window is not None:
        net.readout(LeakyReadout(1, learning_window=window), name="leaky")
        net.connect("out", "leaky", Dense())
    net.connect("inputs", "out", Dense(Constant(1.0)), delay=delay)
    return net


def networks(dt):
    return [network(dt, refractory=time, delay=time).freeze() for time in IN_STEPS * dt]


def spikes(specs, population):
    """The steps of the first neuron's spikes, for each network; one spike of the input comes in step 5."""
    values = np.zeros((1, STEPS, 1))
    values[0, 5] = 1
    on = np.ones(1, bool)
    samples = Samples(STEPS, {"values": values, "label": np.zeros(1, int)}, on, on, on, ~on, on)
    candidates = [Candidate(spec, 3) for spec in specs]
    name = f"{population}.spikes"
    program = load_program(candidates[0], "standalone", "float64")
    count = len(candidates)
    outcomes = program.advance(candidates, [samples] * count, [None] * count, RunOptions(record=(name,)))
    return [outcome.recordings[name][:, 0].tolist() for outcome in outcomes]


def recorded(monitor, n, dt):
    trains = monitor.spike_trains()
    return [np.rint(np.asarray(trains[k]) / float(dt)).astype(int).tolist() for k in range(n)]


@pytest.fixture
def numpy_target():
    before = b2.prefs.codegen.target
    b2.prefs.codegen.target = "numpy"
    yield
    b2.prefs.codegen.target = before


@pytest.mark.filterwarnings("ignore::snn.RoundedTime")
@pytest.mark.parametrize("dt", DTS, ids=str)
def test_refractory_times_are_those_of_brian2(numpy_target, dt):
    times = IN_STEPS * dt
    group = b2.NeuronGroup(
        len(times), f"{EAGER}\nrest : second", threshold="v > -1", refractory="rest", dt=dt, method="exact"
    )
    group.rest = times
    monitor = b2.SpikeMonitor(group)
    b2.Network(group, monitor).run(STEPS * dt)
    assert spikes(networks(dt), "eager") == recorded(monitor, len(times), dt)


@pytest.mark.filterwarnings("ignore::snn.RoundedTime")
@pytest.mark.parametrize("dt", DTS, ids=str)
def test_delays_are_those_of_brian2(numpy_target, dt):
    times = IN_STEPS * dt
    source = b2.SpikeGeneratorGroup(1, [0], [4] * dt, dt=dt)  # what arrives in our step 5 is sent in Brian2's step 4
    group = b2.NeuronGroup(len(times), JUMPY.model, threshold="v > 0.5", reset="v = 0", dt=dt, method="exact")
    synapses = b2.Synapses(source, group, on_pre="v += 1", dt=dt)
    synapses.connect()
    synapses.delay = times
    monitor = b2.SpikeMonitor(group)
    b2.Network(source, group, synapses, monitor).run(STEPS * dt)
    assert spikes(networks(dt), "out") == recorded(monitor, len(times), dt)


@pytest.mark.parametrize(("times", "steps"), [((0.5, 2.5, 4.5, 50.4), (1, 3, 5, 50)), ((0.0, 1.4, 49.5), (0, 1, 50))])
def test_delays_round_half_a_step_up(times, steps):
    assert tuple(delay_steps(time * ms, 1 * ms) for time in times) == steps


def test_refractory_times_are_cut():
    assert [refractory_steps(time * ms, 1 * ms) for time in (0.5, 2.5, 2.9, 2.9995, 3.0)] == [0, 2, 2, 3, 3]


@pytest.mark.parametrize("time", [3 * ms, 0.3 * ms, 0.7 * ms, 1e6 * ms, 2.3 * ms])
def test_multiples_of_dt_in_floating_point_are_whole(time):
    """3 ms / 0.1 ms is 30.000000000000004."""
    assert whole_steps(time, 0.1 * ms) == round(float(time / (0.1 * ms)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundedTime)
        network(0.1 * ms, refractory=time).freeze()
        network(20.000000000020002 * us, refractory=60 * us).freeze()


def test_one_warning_names_every_time_that_is_rounded():
    net = network(refractory=2.9 * ms, delay=0.5 * ms)
    net.population("adapting", AdEx(refractory=1.5 * ms), n=1)
    net.connect("out", "adapting", Dense(), delay=2 * ms)
    with pytest.warns(RoundedTime) as given:
        spec = net.freeze()
    (warning,) = (item for item in given if item.category is RoundedTime)
    for words in (
        "steps of dt = 1. ms",
        "the refractory time of eager, 2.9 ms, counts 2 steps",
        "the refractory time of adapting, 1.5 ms, counts 1 step;",
        "the delay of inputs->out, 0.5 ms, counts 1 step.",
    ):
        assert words in str(warning.message)
    assert "out->adapting" not in str(warning.message)
    assert warning.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundedTime)  # whoever made the JSON was told
        assert NetworkSpec.from_json(spec.to_json()).to_json() == spec.to_json()


def test_conditions_and_no_times_are_not_rounded():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundedTime)
        network(refractory="v > 2").freeze()
        network().freeze()


def test_a_delay_of_more_than_fifty_steps_is_refused_as_it_is_counted():
    with pytest.warns(RoundedTime, match="counts 50 steps"):
        network(delay=50.4 * ms).freeze()
    with pytest.raises(NetworkError, match="`0 <= delay <= 50 dt` must hold"):
        network(delay=50.5 * ms).freeze()


def test_a_learning_window_must_be_a_whole_number_of_steps():
    network(window=3 * ms).freeze()
    with pytest.raises(NetworkError, match=r"`learning_window` of 'leaky' must be a whole number .* 2\.5 ms"):
        network(window=2.5 * ms).freeze()
    with pytest.raises(NetworkError, match="`learning_window >= dt` must hold"):
        network(window=0.5 * ms).freeze()


@pytest.mark.filterwarnings("ignore::snn.RoundedTime")
def test_times_are_numbers_of_one_program():
    hashes = {structure_hash(network(refractory=time, delay=time).freeze()) for time in (1 * ms, 2.9 * ms, 4.5 * ms)}
    assert len(hashes) == 1
