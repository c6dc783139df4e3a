"""Arithmetic on whole numbers in a user's texts: every backend computes what Python computes with real numbers."""

from __future__ import annotations

import ast
import math

import numpy as np
import pytest
from brian2 import ms
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from snn import (
    Constant,
    Dense,
    Environment,
    EProp,
    Factor,
    LeakyReadout,
    LocalRule,
    Network,
    Neuron,
    PiecewiseLinear,
    RewardSTDP,
    SpikeReadout,
    SpikeTrains,
)
from snn.equations.arithmetic import INDEX, INTEGER, TRUTH, as_real_expression, as_real_statements
from snn.errors import NetworkError
from tests.support.choices import BACKENDS
from tests.support.runs import run, stream

KINDS = {"i": INDEX, "N": INDEX, "j": INDEX, "n": INTEGER, "b": TRUTH}


@pytest.mark.parametrize(
    "text",
    [
        "x**2", "2*x", "3*x*y - 1", "1/2", "x/2", "-x", "i", "i + 1", "2*(i % 7)", "i % 2 == 0", "i != j", "i < N",
        "x*int(v > 1)", "2*int(a == b) - 1", "(i + 1) % N", "i // 2", "exp(-x)", "clip(x, 0, 1)", "x*(i % 2)",
        "(n + 1) % 5", "1_000*x", "not b", "b and i == 3", "x*b", "abs(i)", "where(b, i, 3)", "1e9*x",
    ],
)  # fmt: skip
def test_a_text_without_whole_numbers_that_can_go_wrong_stays_itself(text):
    assert as_real_expression(text, KINDS) is text


CHANGED = {
    "10**-3": "10.0 ** -3",
    "2**31": "2.0 ** 31",
    "i**2": "as_real(i) ** 2",
    "3000000000*i": "3000000000.0 * as_real(i)",
    "i*1000000000": "as_real(i) * 1000000000.0",
    "x*i*i": "x * as_real(i) * as_real(i)",  # Brian2 would reorder it
    "i*j": "as_real(i) * as_real(j)",
    "2147483647 + 1": "2147483647.0 + 1.0",
    "True + True": "int(True) + int(True)",
    "(v > 1)*3000000000": "int(v > 1) * 3000000000.0",
    "(v > 1)*x": "int(v > 1) * x",
    "b*3000000000": "b * 3000000000.0",
    "b + b": "int(b) + int(b)",
    "-5 // 3": "-5.0 // 3.0",
    "i/3": "as_real(i) / 3.0",
    "i // n": "as_real(i) // as_real(n)",  # n may be 0
    "n // 3": "as_real(n) // 3.0",
    "int(x)*3000000000": "whole_towards_zero(x) * 3000000000.0",
    "int(x) % 2": "whole_towards_zero(x) % 2",
    "floor(x) + 1": "whole_below(x) + 1",
    "ceil(x)": "-whole_below(-x)",
    "99999999999999999999": "1e+20",
    "0xffffffff*x": "4294967295.0 * x",
    "exp(-i*1000000000)": "exp(as_real(-i) * 1000000000.0)",
}


@pytest.mark.parametrize("text", CHANGED)
def test_whole_numbers_that_can_go_wrong_become_real(text):
    changed = as_real_expression(text, KINDS)
    assert changed == ast.unparse(ast.parse(CHANGED[text]))
    assert as_real_expression(changed, KINDS) is changed


def test_statements_keep_whole_variables_whole():
    code = "n = n + 1\nn += 2; n = (n + 1) % 5 # a comment\nx += i + 1\nmark = 0"
    assert as_real_statements(code, KINDS) is code
    changed = as_real_statements("n += i**2\nk = 0\nk += 5\nx += i*i\nm = 3000000000*b\n  y = x + m*i", KINDS)
    assert changed.splitlines() == [
        "n = int(as_real(n) + as_real(i) ** 2)",
        "k = 0.0",
        "k += 5",
        "x += as_real(i) * as_real(i)",
        "m = 3000000000.0 * b",
        "y = x + m * as_real(i)",
    ]


def learner(expressions, n: int, threshold=None) -> Network:
    """Neurons that compute the expressions in `learning`, and in subexpressions, into variables z and y."""
    names = range(len(expressions))
    model = "\n".join(["dv/dt = 0/ms : 1", *(f"z{k} : 1\ny{k} : 1\nq{k} = {expressions[k]} : 1" for k in names)])
    learning = "\n".join(f"z{k} = {expressions[k]}\ny{k} = q{k}" for k in names)
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("out", Neuron(model, threshold=threshold, learning=learning, method="euler", input="v"), n=n)
    return net


def computed(expressions, n: int, backend: str, dtype="float64") -> dict[str, np.ndarray]:
    """The expressions' values for every neuron, by both ways of writing them down."""
    outcome = run(learner(expressions, n).freeze(), stream(1, 2, 1, spikes=True), backend, dtype)
    arrays = outcome.state.arrays
    for k in range(len(expressions)):
        np.testing.assert_array_equal(arrays[f"out.z{k}"], arrays[f"out.y{k}"])
    return {text: arrays[f"out.z{k}"] for k, text in enumerate(expressions)}


class _Floats(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant(float(node.value))


FUNCTIONS = {
    "int": lambda x: float(math.trunc(x)), "floor": lambda x: float(math.floor(x)), "abs": abs,
    "ceil": lambda x: float(math.ceil(x)), "clip": lambda x, low, high: min(max(x, low), high),
    "sign": lambda x: float(np.sign(x)),
}  # fmt: skip


def by_python(text: str, i: int, n: int) -> float:
    """The value of an expression in Python's real numbers."""
    tree = ast.fix_missing_locations(_Floats().visit(ast.parse(text, mode="eval")))
    return float(eval(compile(tree, text, "eval"), FUNCTIONS | {"i": float(i), "N": float(n), "v": 0.0}))


MANY = 70_001
EXPRESSIONS = [
    "10**-3", "2**-1", "1000*10**-3", "3000000000*i", "i*1000000000", "2**31", "2**40 - 1", "i**2", "i**3", "-i**2",
    "i*i", "i*i*v + i*i", "v*i*i*i + 1", "i*N*i", "1/2", "i/2", "(i + 1)/2*(i + 2)", "7 // 2", "-7 // 2", "7 // -2",
    "(i - 35000) // 3", "(3 - i) // -7", "7 % 3", "-7 % 3", "5 % -3", "(i - 35000) % 3", "(3 - i) % -7",
    "2147483647 + 1", "-2147483648 - 1", "2147483647 + i", "i + 2147483647 - 2147483647", "int(i/3)*3000000000",
    "int(-i/3)", "floor(i/3)*3000000000", "ceil(-i/3)*3000000000", "int(3e9 + v)", "floor(3e9 + v)",
    "int(v < 1) + int(i > 3)", "int(i > 3)*3000000000", "-int(i > 3)", "int(i > 3)*int(i > 4)*2000000000*2", "--3",
    "+i*1000000000",     "1_000*1_000_000*i", "0xffff*0xffff*i", "99999999999999999999*i", "abs(3 - i)*1000000000",
    "clip(i, 0, 1000)*10000000", "sign(i - 3)*3000000000", "2**(i % 5)", "(i % 1000)*(i % 1000)*(i % 1000)*1000",
    "i % N*100000", "int((i % 2) == 0)*i*1000000", "int(i == 70000)*2.5", "3000000000 % 7 + i", "2**2**3",
    "(1 + i)**-1", "100000*100000*v + 100000*100000", "i - 4294967296", "0*i + 3", "4000000000 // 3 + i", "i**2 % 1000",
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_numbers_are_those_of_python(backend):
    for text, values in computed(EXPRESSIONS, MANY, backend).items():
        for i in (0, 1, 4, 47000, MANY - 1):
            assert values[i] == by_python(text, i, MANY), (text, i)


@pytest.mark.nightly
def test_whole_numbers_are_those_of_python_in_cython():
    for text, values in computed(EXPRESSIONS, MANY, "runtime:cython").items():
        for i in (0, 1, 4, 47000, MANY - 1):
            assert values[i] == by_python(text, i, MANY), (text, i)


@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_agrees_to_its_precision(backend):
    for text, values in computed(EXPRESSIONS, MANY, backend, "float32").items():
        if "%" in text or "//" in text or "floor" in text or "ceil" in text or "int" in text:
            continue  # whose last digit decides
        for i in (0, 1, 4):
            exact = by_python(text, i, MANY)
            assert abs(values[i] - exact) <= 1e-6 * max(abs(exact), 2**31 if "+ 2147483647" in text else 0), (text, i)


def everywhere(power: str) -> Network:
    """A network that has the number 1000*power, which is 1, in every place of a text."""
    one = f"1000*{power}"
    net = Network(inputs=SpikeTrains(2), dt=1 * ms)
    net.environment(Environment(f"reward = {one} : 1\nagain = reward*{one} : 1", on="step"))
    model = f"dv/dt = ({one} - v)/(10*ms) : 1\nI : 1\nz : 1\ny : 1\nu : 1\nq = {one} : 1"
    texts = {
        "threshold": f"v > 0.2 and {one} > 0.5",
        "reset": f"v = 0\nz += {one}",
        "learning": f"y += {one}\nu = q",
        "refractory": f"v < 0.01*{one}",
    }
    net.population("out", Neuron(model, **texts, method="euler", input="v"), n=2)
    net.readout(SpikeReadout("out"))
    net.population("hidden", Neuron("dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0", input="v"), n=3)
    net.readout(LeakyReadout(2), "leaky")
    net.connect("hidden", "leaky", Dense())
    rules = {
        "local": LocalRule(
            pre=one, post=one, step=f"c*{one}", sample=one, variables=("c",), changes={"step": f"c += {one}"},
        ),
        "factor": LocalRule(pre="m", factor=Factor(f"again*{one}", tau=20 * ms)),
        "reward": RewardSTDP(lr=1.0),
    }  # fmt: skip
    for name, rule in rules.items():
        net.connect("inputs", "out", Dense(Constant(0.0)), rule, name=name)
    net.connect(
        "inputs", "hidden", Dense(Constant(0.6)), EProp(signal=one, surrogate=PiecewiseLinear(scale=1.0)), name="eprop"
    )
    return net


def state(power: str, backend: str) -> dict[str, np.ndarray]:
    outcome = run(everywhere(power).freeze(), stream(3, 8, 2, spikes=True), backend)
    arrays = outcome.state.arrays
    assert arrays["out.y"][0] == 8 and arrays["out.u"][0] == 1 and outcome.totals["out.spike_count"].sum() > 3
    return arrays


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_negative_power_is_itself_in_every_place_of_a_text(backend):
    expected, found = state("1e-3", "runtime"), state("10**-3", backend)
    assert found.keys() == expected.keys()
    weights = [name for name in expected if name.endswith(".weight")]
    assert len(weights) == 5 and all(expected[name].any() for name in weights)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-15, err_msg=name)


def counters(backend: str) -> dict[str, np.ndarray]:
    """Whole variables, a truth value, and reals that read them."""
    model = (
        "dv/dt = 3000000000*i/second : 1\nk : integer\nm : integer\nb : boolean\nh = k % 3 + 2**1 : integer\n"
        "z : 1\ny : 1\nx : 1\nw : 1\nu : volt\nf = floor(u) + ceil(u) : volt\ng = int(u/mV) : 1\ng_ : 1"
    )
    learning = (
        "k = k + 1\nm += 2**2 - 1\nm = m*100000//7 % 1000\nb = not b\nz = k*3000000000 + b*3000000000\n"
        "y = (k - m)**3\nx = h*1000000000\nmark = i % 3\nmark = mark*v\nw = mark + b + b\nu = 2.5*volt\nu = f\ng_ = g"
    )
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("out", Neuron(model, learning=learning, method="euler", input="x"), n=5)
    return run(net.freeze(), stream(1, 5, 1, spikes=True), backend).state.arrays


@pytest.mark.parametrize("backend", BACKENDS)
def test_whole_variables(backend):
    found = {name.removeprefix("out."): values for name, values in counters(backend).items()}
    m = 0
    for _ in range(5):
        m = (m + 3) * 100000 // 7 % 1000
    v = 5e-3 * 3e9 * np.arange(5)
    expected = {
        "k": 5, "m": m, "b": True, "z": 6 * 3e9, "y": (5.0 - m) ** 3, "x": 4e9, "v": v, "w": np.arange(5) % 3 * v + 2,
        "u": 5, "g_": 5000,
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-14, err_msg=name)
    assert found["k"].dtype == found["m"].dtype == np.int32


WRONG = {
    "10**400": ("10**400*v", "Numbers must be finite, but HERE has 10 ** 400; write another number."),
    "1/0": ("v + 1/0", "Numbers must be finite, but HERE has 1 / 0"),
    "0**-1": ("0**-1", "Numbers must be finite, but HERE has 0 ** -1"),
    "a power of powers": ("10**10**10", "Numbers must be finite"),
    "a condition": ("2*(v > 1)", "Arithmetic needs numbers, but HERE has the operand 'v > 1'"),
    "a truth value": ("True + True", "operand 'True'; write int(True)."),
}


@pytest.mark.parametrize("where", ["`learning` of out", "an equation of out", "`threshold` of out"])
@pytest.mark.parametrize("name", WRONG)
def test_what_no_backend_can_compute_is_refused(name, where):
    text, message = WRONG[name]
    base = {"model": "dv/dt = -v/ms : 1\nz : 1", "threshold": "v > 1"}
    wrong = {
        "`learning` of out": {"learning": f"z = {text}"},
        "an equation of out": {"model": f"dv/dt = -v/ms : 1\nz : 1\nq = {text} : 1"},
        "`threshold` of out": {"threshold": f"v > {text}"},
    }[where]
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("out", Neuron(**base | wrong, input="v"), n=1)
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    said = str(caught.value).replace("0 ** (-1)", "0 ** -1")
    assert len(said.splitlines()) == 1 and message.replace("HERE", where) in said


def test_a_rule_s_text_is_refused_likewise():
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("out", Neuron("dv/dt = -v/ms : 1", threshold="v > 1", reset="v = 0", input="v"), n=1)
    net.connect("inputs", "out", Dense(), LocalRule(pre="10**400*w"))
    with pytest.raises(NetworkError, match=r"must be an expression such as .* but is '10\*\*400\*w'"):
        net.freeze()


# Every operand is a whole number or i, and results stay where doubles are exact, so that all must agree to the bit.
LEAVES = st.sampled_from(["i", "N", "1", "2", "3", "7", "40", "65537", "2000000000", "3000000000", "int(i < 7)", "v"])


def _joined(children):
    return st.one_of(
        st.tuples(children, st.sampled_from("+-*"), children).map(" ".join).map("({})".format),
        st.tuples(children, st.sampled_from(["//", "%"]), st.sampled_from(["2", "3", "-7", "65536", "N"])).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        children.map("(-{})".format),
        children.map("abs({})".format),
        children.map("int(({})/4)".format),
    )


TEXTS = st.recursive(LEAVES, _joined, max_leaves=7)


def _exact(text: str) -> bool:
    """Whether every part of a text is a whole number that doubles have exactly."""
    for node in ast.walk(ast.parse(text, mode="eval")):
        computes = isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp)
        if computes and any(abs(by_python(ast.unparse(node), i, 50)) >= 2**52 for i in (0, 1, 49)):
            return False
    return True


BATCH = st.lists(TEXTS.filter(_exact), min_size=25, max_size=25, unique=True)


def _agree(texts: list[str], backend: str) -> None:
    for text, values in computed(texts, 50, backend).items():
        np.testing.assert_array_equal(values, [by_python(text, i, 50) for i in range(50)], err_msg=text)


@settings(max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=HealthCheck)
@given(texts=BATCH)
def test_random_expressions_are_those_of_python(texts):
    _agree(texts, "runtime")


@pytest.mark.nightly
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=HealthCheck)
@given(texts=BATCH)
def test_many_random_expressions_are_those_of_python(backend, texts):
    _agree(texts, backend)
