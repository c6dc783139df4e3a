"""Every mistake in a network is one sentence with the rule, the value and the remedy; none is a traceback."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from snn import (
    ALIF,
    LIF,
    AdEx,
    Constant,
    Dense,
    Environment,
    EProp,
    FixedFanIn,
    FromArray,
    Izhikevich,
    LeakyReadout,
    Network,
    Neuron,
    Normal,
    OneToOne,
    PairSTDP,
    PiecewiseLinear,
    Poisson,
    Regular,
    ResonateAndFire,
    RewardSTDP,
    Signal,
    Sparse,
    SpikeReadout,
    SpikeTrains,
    SynapticLIF,
    Uniform,
)
from snn.errors import NetworkError
from tests.support.mistakes import OWN, network, own, said


def test_the_networks_here_are_right_unless_changed():
    network().freeze()
    own().freeze()


NUMBERS = {
    "tau_m": (network(model=LIF(tau_m=-1 * ms)), "`tau_m > 0 second` must hold, but hidden has tau_m = -1. * msecond."),
    "tau_a": (network(model=ALIF(tau_a=0 * ms)), "`tau_a > 0 second` must hold"),
    "beta": (network(model=ALIF(beta=-0.5)), "`beta >= 0` must hold, but hidden has beta = -0.5."),
    "v_th": (network(model=LIF(v_th=0)), "`v_th > 0` must hold, but hidden has v_th = 0."),
    "refractory": (network(model=LIF(refractory=-1 * ms)), "`refractory >= 0 second` must hold"),
    "n": (network(n=0), "`n >= 1` must hold, but the population 'hidden' has n = 0."),
    "whole n": (network(n=2.5), "`n` of the population 'hidden' must be a whole number, but is 2.5."),
    "dt": (network(dt=0 * ms), "`dt > 0 second` must hold, but the network has dt = 0."),
    "dt in volt": (network(dt=1 * mV), "`dt` of the network must have the unit second, but is 1. * mvolt."),
    "plain dt": (network(dt=1), "`dt` of the network must have the unit second, but is 1."),
    "infinite dt": (network(dt=np.inf * second), "`dt` of the network must be finite"),
    "n of the input": (network(inputs=Poisson(0)), "`n >= 1` must hold, but the input has n = 0."),
    "rate": (
        network(inputs=Poisson(4, rate=-1 * Hz)),
        "`rate >= 0 hertz` must hold, but the input has rate = -1. * hertz",
    ),
    "high rate": (network(inputs=Regular(4, rate=1001 * Hz)), "`rate <= 1/dt = 1000 Hz` must hold"),
    "phase": (network(inputs=Regular(4, phase=1.5)), "`phase <= 1` must hold, but the input has phase = 1.5."),
    "units of the readout": (network(readout=LeakyReadout(0)), "`n >= 1` must hold, but readout 'readout' has n = 0."),
    "tau": (network(readout=LeakyReadout(3, tau=0 * ms)), "`tau > 0 second` must hold, but readout 'readout'"),
    "window": (network(readout=LeakyReadout(3, learning_window=0.1 * ms)), "`learning_window >= dt` must hold"),
    "p": (network(connection=Sparse(p=1.5)), "`p <= 1` must hold, but inputs->hidden has p = 1.5."),
    "k": (network(connection=FixedFanIn(k=5)), "`k <= 4` (the presynaptic neurons) must hold"),
    "k without autapses": (network(recurrent=FixedFanIn(k=5)), "`k <= 4` (the presynaptic neurons) must hold"),
    "gain": (network(connection=Dense(Normal(gain=-1))), "`gain >= 0` must hold, but inputs->hidden has gain = -1."),
    "mean": (network(connection=Dense(Normal(mean=1 * mV))), "`mean` of inputs->hidden must be a plain number"),
    "low and high": (network(connection=Dense(Uniform(2, 1))), "`low <= high` must hold"),
    "value": (network(connection=Dense(Constant(np.nan))), "`value` of inputs->hidden must be finite, but is nan."),
    "given": (network(connection=Dense(FromArray([1.0, 2.0]))), "must be one per synapse, 20, but there are 2."),
    "given, fan-in": (
        network(connection=FixedFanIn(2, FromArray(np.ones(3)))),
        "must be one per synapse, 10, but there are 3",
    ),
    "given, recurrent": (
        network(recurrent=Dense(FromArray(np.ones(25)))),
        "must be one per synapse, 20, but there are 25",
    ),
    "given NaN": (network(connection=Dense(FromArray(np.full(20, np.nan)))), "must be finite, but nan is among them"),
    "given words": (network(connection=Dense(FromArray(["a"]))), "must be an array of plain numbers, but are ['a']"),
    "given volts": (network(connection=Dense(FromArray(np.ones(20) * mV))), "must be an array of plain numbers"),
    "sizes": (network(connection=OneToOne()), "needs two populations of one size, but inputs->hidden joins 4 to 5"),
    "lr": (network(rule=EProp(lr=-1)), "`lr >= 0` must hold, but the rule of inputs->hidden has lr = -1."),
    "width": (network(rule=EProp(surrogate=PiecewiseLinear(width=0))), "`width > 0` must hold, but the surrogate of"),
    "fed-back gain": (network(rule=EProp(feedback_weights=Normal(gain=-1))), "`gain >= 0` must hold, but the feedback"),
    "delay": (network(delay=51 * ms), "`0 <= delay <= 50 dt` must hold, but inputs->hidden has delay = 51. * msecond"),
    "negative delay": (network(delay=-1 * ms), "`delay >= 0 second` must hold"),
    "plain delay": (
        network(delay=3),
        "`delay` of the projection 'inputs->hidden' must have the unit second, but is 3.",
    ),
    "bounds": (network(w_min=1, w_max=0), "`w_min <= w_max` must hold, but inputs->hidden has w_min = 1, w_max = 0."),
    "w_max": (network(w_max=np.nan), "`w_max` of the projection 'inputs->hidden' must be finite, but is nan."),
    "short tau_m": (network(model=LIF(tau_m=1e-3 * ms)), "`0.02 dt <= tau_m <= 100000 dt` must hold, but hidden has"),
    "long tau_m": (network(model=LIF(tau_m=1e9 * second)), "`0.02 dt <= tau_m <= 100000 dt` must hold"),
    "short tau_syn": (network(model=SynapticLIF(tau_syn=1e-3 * ms)), "`0.02 dt <= tau_syn <= 100000 dt` must hold"),
    "no decay": (network(model=ResonateAndFire(b=0 * Hz)), "`b < 0 Hz` must hold, but hidden has b = 0. * hertz."),
    "high v_peak": (network(model=AdEx(v_peak=30 * mV)), "`v_T < v_peak <= v_T + 40 delta_T` must hold, but hidden"),
    "low v_peak": (network(model=AdEx(v_peak=-60 * mV)), "leave v_peak out for v_T + 5 delta_T."),
    "v_r": (network(model=AdEx(v_r=0 * mV)), "`v_r < v_peak` must hold, but hidden has v_r = 0. * volt, v_peak ="),
    "unit of v_r": (network(model=AdEx(v_r=-65)), "`v_r` of hidden must have the unit volt, but is -65."),
    "c": (network(model=Izhikevich(c=30)), "`c < v_peak` must hold, but hidden has c = 30, v_peak = 30.0."),
    "long refractory": (network(model=LIF(refractory=1e8 * second)), "`refractory <= 2147483647 dt` must hold"),
}

WORDS = {
    "reset": (network(model=LIF(reset="subtrakt")), "choices: 'subtract', 'zero'; nearest: 'subtract'"),
    "decide": (network(readout=LeakyReadout(3, decide="lats")), "nearest: 'last'"),
    "feedback": (network(rule=EProp(feedback="symetric")), "nearest: 'symmetric'"),
    "autapses": (
        network(connection=Dense(autapses="no")),
        "`autapses` of inputs->hidden must be True or False, but is 'no'",
    ),
    "on": (network(environment=Environment("reward = action : 1", on="stop")), "nearest: 'step'"),
    "population": (
        network(readout=SpikeReadout("hiden")),
        "reads the population 'hiden'; choices: 'hidden'; nearest: 'hidden'",
    ),
    "tie": (network(readout=SpikeReadout("hidden", variable="vv")), "breaks ties by 'vv'"),
    "source of a signal": (network(signals={"x": Signal("a b")}), "must be a plain word such as 'label', but is 'a b'"),
    "per": (network(signals={"x": Signal("reward", per="sampel")}), "nearest: 'sample'"),
    "name of a signal": (
        network(signals={"v": Signal("reward")}),
        "The signal 'v' of hidden has a reserved name",
    ),
    "factor": (network(rule=RewardSTDP(factor="reward")), "needs the third factor 'reward'"),
    "nearest factor": (
        network(rule=RewardSTDP(factor="rewrad"), environment=Environment("reward = action : 1")),
        "choices: 'reward'; nearest: 'reward'",
    ),
    "factor's unit": (
        network(rule=RewardSTDP(), environment=Environment("reward = action*volt : volt")),
        "The third factor 'reward' must be a plain number",
    ),
}

KINDS = {
    "inputs": (network(inputs=5), "`inputs` must be an encoder such as Poisson(64, rate=100*Hz), but is 5."),
    "model": (network(model=LIF), "The population 'hidden' needs a neuron model such as LIF()"),
    "readout": (network(readout="readout"), "must be a readout such as LeakyReadout(10), but is 'readout'"),
    "connection": (network(connection=Normal()), "needs a connection such as Dense(), but has Normal"),
    "rule": (network(rule="STDP"), "needs a rule such as Static(), but has 'STDP'"),
    "weights": (
        network(connection=Dense(weights=3)),
        "`weights` of inputs->hidden must be given as Normal(gain=1) or so",
    ),
    "surrogate": (network(rule=EProp(surrogate=1)), "must be given as PiecewiseLinear() or so, but is 1"),
    "feedback weights": (network(rule=EProp(feedback_weights=1)), "must be given as Normal() or so, but is 1"),
    "signal": (network(signals={"x": "label"}), "must be a Signal('label') or so, but is 'label'"),
    "signals": (network(signals=[1]), "must map names to Signal(...), but is [1]"),
    "environment": (network(environment="reward"), "must be an Environment('reward = ... : 1'), but is 'reward'"),
    "parameters": (own(parameters=[1]), "`parameters` of hidden must be a mapping of names to numbers, but is [1]"),
    "bool": (network(n=True), "`n` of the population 'hidden' must be a number, but is True."),
    "array": (network(model=LIF(tau_m=[1, 2] * ms)), "`tau_m` of hidden must be a number"),
}

EQUATIONS = {
    "typo": (own(model="dv/dt = (I - v)/tua : 1\nI : 1"), "dv/dt in hidden uses 'tua'", "nearest: 'tau'"),
    "function": (own(model="dv/dt = (I - foo(v))/tau : 1\nI : 1"), "dv/dt in hidden uses 'foo'"),
    "units": (own(model="dv/dt = (I - v)*tau : 1\nI : 1"), "Units do not agree in the equation of dv/dt of hidden"),
    "units added": (own(model=OWN["model"].replace("I : 1", "I : amp")), "Units do not agree", "'I' has unit A"),
    "no unit": (own(model="dv/dt = -v/tau"), "cannot be parsed", "'dx/dt = ... : unit'"),
    "syntax": (own(model="dv/dt = (I - v/tau : 1\nI : 1"), "cannot be parsed"),
    "twice": (own(model=OWN["model"] + "\nv : 1"), "cannot be parsed: Duplicate definition of variable 'v'"),
    "input": (own(input="J"), "the input variable 'J' of hidden, which is not in its equations; choices: 'I', 'v'"),
    "input, subexpression": (
        own(model="dv/dt = (I - v)/tau : 1\nI = v : 1"),
        "so it must be 'dI/dt = ...' or 'I : unit'",
    ),
    "threshold": (own(threshold="vv > 1"), "`threshold` of hidden uses 'vv'", "nearest: 'v'"),
    "threshold, number": (own(threshold="v + 1"), "must be a condition such as 'v > 1', but is 'v + 1'"),
    "threshold, units": (own(threshold="v > 1*mV"), "Units do not agree in `threshold` of hidden"),
    "threshold, syntax": (own(threshold="v >"), "`threshold` of hidden cannot be used"),
    "threshold, empty": (own(threshold="  "), "must be a condition such as 'v > 1' or None"),
    "threshold, noise": (own(threshold="v > xi"), "`threshold` of hidden must not use `xi`"),
    "reset": (own(reset="v = vr"), "`reset` of hidden uses 'vr'"),
    "reset of nothing": (own(reset="V = 0"), "`reset` of hidden sets 'V', which is no variable; choices: 'I', 'v'"),
    "reset, parameter": (own(reset="tau = 2*ms"), "`reset` of hidden must not set `tau`"),
    "reset, units": (own(reset="v = 1*mV"), "Units do not agree in `reset` of hidden"),
    "reset, syntax": (own(reset="v = ("), "`reset` of hidden cannot be used"),
    "reset, condition": (own(reset="v == 0"), "`reset` of hidden cannot be used"),
    "reset, operator": (own(reset="v **= 2"), "`reset` of hidden must not use `**=`; write 'v = v ** 2'"),
    "reset, ours": (own(reset="spike_count = 0"), "`reset` of hidden must not set `spike_count`"),
    "reset alone": (own(threshold=None), "A reset needs a threshold, but hidden has threshold=None."),
    "refractory": (own(refractory=3), "`refractory` of hidden must be a time >= 0 ms, a condition, or None, but is 3."),
    "refractory, time": (own(refractory="3*ms"), "`refractory` of hidden must be a condition such as 'v > 1'"),
    "refractory, noise": (own(refractory="rand() < 0.5"), "`refractory` of hidden must not use `rand`"),
    "refractory, t": (own(refractory="t < 5*ms"), "`refractory` of hidden must not use `t`"),
    "unless refractory": (own(model="dv/dt = (I - v)/tau : 1 (unless refractory)\nI : 1"), "there is no refractory="),
    "flag": (own(model=OWN["model"] + "\ng : 1 (shared)"), "The flag (shared) of 'g' in hidden is not known"),
    "parameter": (own(parameters={"tau": 20}), "Units do not agree in the equation of dv/dt of hidden"),
    "parameter, words": (
        own(parameters={"tau": "20 ms"}),
        "`parameters` of hidden must be single numbers, but tau = '20 ms'",
    ),
    "parameter, NaN": (own(parameters={"tau": np.nan * ms}), "`parameters` of hidden must be finite, but tau = nan"),
    "parameter, both": (
        own(parameters={"tau": 20 * ms, "v": 1}),
        "`v` of hidden must be a variable or in `parameters`",
    ),
    "parameter, unit": (own(parameters={"tau": 20 * ms, "mV": 1}), "A parameter of hidden has a wrong name", "mV"),
    "initial": (own(initial={"u": 1}), "`initial` of hidden names 'u'; choices: 'I', 'v'"),
    "initial, unit": (own(initial={"v": 1 * mV}), "`initial` of hidden must give 'v' in the unit", "1. * mvolt"),
    "method": (own(method="eulr"), "`method` of hidden is 'eulr'", "nearest: 'euler'"),
    "method, exact": (
        own(model="dv/dt = (I - v*v)/tau : 1\nI : 1"),
        "'exact' of hidden cannot integrate",
        "use 'euler'",
    ),
    "noise": (own(model="dv/dt = (I - v)/tau + xi*tau**-0.5 : 1\nI : 1"), "`xi`, which needs method='euler'"),
    "noise, rk4": (
        own(model="dv/dt = (I - v + rand())/tau : 1\nI : 1", method="rk4"),
        "`rand`, which needs method='euler'",
    ),
    "t": (own(model="dv/dt = (I - v + t/tau)/tau : 1\nI : 1", method="rk4"), "`t`, which needs method='euler'"),
    "t in between": (
        own(model="dv/dt = (I - v + s)/tau : 1\nI : 1\ns = t/tau : 1", method="rk4"),
        "`t`, which needs method",
    ),
    "environment": (network(environment=Environment("reward = acton : 1")), "uses 'acton'", "nearest: 'action'"),
    "environment, rand": (
        network(environment=Environment("reward = rand() : 1")),
        "must not use `rand`; give it as a signal",
    ),
    "environment, syntax": (
        network(environment=Environment("reward")),
        "The equations of the environment cannot be parsed",
    ),
    "environment, action": (network(environment=Environment("action : 1")), "`action` is a reserved name"),
}


@pytest.mark.parametrize(
    "case", [*NUMBERS.items(), *WORDS.items(), *KINDS.items(), *EQUATIONS.items()], ids=lambda c: c[0]
)
def test_a_mistake_is_told(case):
    net, *texts = case[1]
    message = said(net)
    assert len(message.splitlines()) == 1, message  # one mistake, one sentence
    for text in texts:
        assert text in message


def test_an_answer_reaches_neurons_as_a_teacher_only():
    for signal in (Signal("label", one_hot=True), Signal("target", per="step")):
        net = network(signals={"told": signal})
        net.drive("hidden", signal)
        assert said(net).count("add teacher=True.") == 2
        net = network(signals={"told": dataclasses.replace(signal, teacher=True)})
        net.drive("hidden", dataclasses.replace(signal, teacher=True))
        net.freeze()


def test_a_signal_has_one_rhythm():
    net = network(inputs=SpikeTrains(4), signals={"x": Signal("values", per="sample"), "y": Signal("reward")})
    net.environment(Environment("reward = r : 1", signals={"r": Signal("reward", per="step")}))
    message = said(net)
    assert "The signal 'reward' must be read per sample or per step" in message and "'values' must be" in message


def test_rules_that_do_not_fit_their_place():
    deaf = Neuron(**OWN | {"model": "dv/dt = -v/tau : 1\nI : 1"})
    assert "What arrives at 'I' never reaches the threshold 'v > 1'" in said(network(model=deaf, rule=EProp()))
    assert "PairSTDP needs postsynaptic spikes, which a readout does not have" in said(network(out_rule=PairSTDP()))
    silent = network(readout=LeakyReadout(3))
    silent.population("other", LIF(), n=2)
    silent.connect("hidden", "other", Dense(), EProp())
    assert "no LeakyReadout listens to the population" in said(silent)
    mixed = network(rule=EProp(feedback="random"), out_rule=EProp(feedback="adaptive"))
    assert "must use one kind of feedback, but they use adaptive and random" in said(mixed)
    unlike = network(rule=EProp(feedback="random"))
    unlike.connect("hidden", "hidden", Dense(), EProp(feedback="random", feedback_weights=Normal(gain=2)))
    assert "All rules that teach 'hidden' must have the same feedback_weights" in said(unlike)
    fixed = network(rule=EProp(feedback="adaptive"))
    assert "hidden->readout has the rule Static; give it EProp(feedback='adaptive')" in said(fixed)
    taus = network(rule=EProp())
    taus.readout(LeakyReadout(2, tau=5 * ms), name="second")
    taus.connect("hidden", "second", Dense())
    assert "EProp needs readouts of one tau" in said(taus)


def test_a_rate_model_sends_no_spikes():
    rate = Neuron("dv/dt = (I - v)/tau : 1\nI : 1", parameters={"tau": 20 * ms})
    assert "transmits spikes, but 'hidden' has threshold=None" in said(network(model=rate))
    assert "reads spikes, but 'hidden' has threshold=None" in said(network(model=rate, readout=SpikeReadout("hidden")))
    stdp = network(model=rate, readout=SpikeReadout("hidden"), rule=PairSTDP())
    assert "has threshold=None" in said(stdp)


def test_everything_wrong_is_said_at_once():
    net = Network(inputs=Poisson(0), dt=1 * ms)
    net.population("hidden", LIF(tau_m=-1 * ms, v_th=0), n=0)
    net.readout(LeakyReadout(0))
    net.connect("inputs", "hidden", Sparse(p=2), EProp(lr=-1), w_max=np.inf)
    net.connect("hidden", "readout", Dense(Normal(gain=-1)))
    net.environment(Environment("reward = acton : 1"))
    message = said(net)
    for field in ("n", "tau_m", "v_th", "p", "lr", "gain"):
        assert f"`{field} " in message
    assert "w_max" in message and "acton" in message and len(message.splitlines()) == 10


def test_what_is_no_network():
    from snn.network.builder import freeze

    with pytest.raises(NetworkError, match="A Network or NetworkSpec is needed, but this is a int"):
        freeze(3)
