"""What cannot be learned by e-prop is refused with the term named, and nothing else is."""

from __future__ import annotations

import pytest
from brian2 import ms, mV

from snn import (
    LIF,
    Dense,
    EProp,
    LeakyReadout,
    Network,
    Neuron,
    PiecewiseLinear,
    Poisson,
    Signal,
)
from snn.errors import NetworkError
from tests.support.networks import kept

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


def test_names_that_mean_something_in_a_signal_are_no_parameters():
    for names in ({"spiked": 1.0}, {"dt": 1.0}, {"exp": 1.0}, {"x_post": 1.0}):
        with pytest.raises(NetworkError, match="is a reserved name in a signal"):
            EProp(signal="v", signal_parameters=names).equations(LIF())
    with pytest.raises(NetworkError, match="must mean one thing in a signal"):
        EProp(signal="v", signal_parameters={"v": 1.0}).equations(LIF())
    with pytest.raises(NetworkError, match="need a `signal`"):
        EProp(signal_parameters={"x": 1.0}).equations(LIF())
