"""One-step maps against Brian2's own integration and Python's own arithmetic; Jacobians against differences."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from functools import cache

import brian2 as b2
import mpmath
import numpy as np
import pytest
import sympy
from brian2 import ms, second

from snn import LIF, PairSTDP
from snn.equations.jacobian import NotDifferentiable, derivative, jacobian
from snn.equations.stepmap import StepMap, expression, names, subexpressions, substituted, text
from tests.support.choices import slow_but

POINTS = 20
NUMBERS = {"tau": 9e-3, "tau_b": 31e-3, "c": 0.7, "d": 0.31, "dt": 1e-3}
"""Parameters of the models below, in SI units."""

CHAIN = "dx/dt = (y - x)/tau : 1\ndy/dt = (q - y)/tau_b : 1\ndq/dt = -q/tau : 1"
RATE = "dx/dt = (tanh(c*y + I) - x)/tau : 1\ndy/dt = (exp(-x**2) - d*y)/tau_b : 1\nI : 1"
CUBIC = "dx/dt = (c*y*x - x**3 + I)/tau : 1\ndy/dt = (x - d*y)/tau_b : 1\nI : 1"
GATED = "dx/dt = (d*y*(I - x) - c*x)/tau : 1\ndy/dt = (s - y)/tau_b : 1\nI : 1\ns = 1/(1 + exp(-x)) : 1"
MODELS = {
    "exact, one": ("dx/dt = (c*I - x)/tau : 1\nI : 1", "exact"),
    "exact, coupled": ("dx/dt = (c*y - x)/tau : 1\ndy/dt = (d*x - y + I)/tau_b : 1\nI : 1", "exact"),
    "exact, chain": (CHAIN, "exact"),
    "exact, subexpression": ("dx/dt = (u - x)/tau : 1\nu = c*I + d : 1\nI : 1", "exact"),
    "euler": (RATE, "euler"),
    "euler, subexpression of a subexpression": (GATED + "\nr = s + c : 1\ndq/dt = r*x/tau : 1", "euler"),
    "exponential_euler": (GATED, "exponential_euler"),
    "rk2": (CUBIC, "rk2"),
    "rk4": (RATE, "rk4"),
    "rk4, subexpression": (GATED, "rk4"),
}


HEAVY = {"exact, coupled", "rk4", "rk4, subexpression"}
"""Models with the longest expressions."""


def value(of, at: dict[str, np.ndarray | float]) -> np.ndarray:
    """An expression, at points."""
    symbols = sorted(of.free_symbols, key=str)
    return np.asarray(sympy.lambdify(symbols, of, "numpy")(*(at[str(item)] for item in symbols)))


def points(model: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random values of the variables of a model."""
    state = [name for name, equation in b2.Equations(model).items() if equation.type != "subexpression"]
    return {name: rng.normal(0, 1, POINTS) for name in state}


def step_of(made: b2.NeuronGroup | b2.Synapses, others: list, at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The variables of Brian2 objects after one step."""
    for name, values in at.items():
        getattr(made, name)[:] = values
    simulation = b2.Network(made, *others)
    simulation.run(NUMBERS["dt"] * second)
    return {name: np.array(getattr(made, name)[:]) for name in at}


@pytest.fixture
def brian():
    """Brian2 in process, with its settings put back afterwards."""
    target, dt = b2.prefs.codegen.target, b2.defaultclock.dt
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = NUMBERS["dt"] * second
    yield {name: number * second if name.startswith("tau") else number for name, number in NUMBERS.items()}
    b2.prefs.codegen.target = target
    b2.defaultclock.dt = dt


@pytest.mark.parametrize("name", slow_but(MODELS, {*MODELS} - HEAVY))
def test_a_step_of_a_neuron_is_that_of_brian2(name, brian):
    model, method = MODELS[name]
    at = points(model, np.random.default_rng(1))
    brian.pop("dt")
    after = step_of(b2.NeuronGroup(POINTS, model, method=method, namespace=brian), [], at)
    step = StepMap.of_equations(model, method)
    assert set(step.new) == b2.Equations(model).diff_eq_names
    for variable, expected in after.items():
        np.testing.assert_allclose(value(step.of(variable), at | NUMBERS), expected, rtol=1e-13, atol=1e-14)
        assert variable == "I" or not np.allclose(expected, at[variable])


@pytest.mark.parametrize("method", ["exact", "euler", "exponential_euler"])
def test_a_step_of_a_synapse_is_that_of_brian2(method, brian):
    model = "dx/dt = -x/tau : 1 (clock-driven)\ndy/dt = (x + k - c*y)/tau_b : 1 (clock-driven)\nk = d*w : 1\nw : 1"
    at = {name: np.random.default_rng(2).normal(0, 1, POINTS) for name in ("x", "y", "w")}
    brian.pop("dt")
    ends = b2.NeuronGroup(POINTS, "")
    made = b2.Synapses(ends, ends, model, method=method, namespace=brian)
    made.connect(j="i")
    after = step_of(made, [ends], at)
    step = StepMap.of_equations(model, method)
    assert step.of("w") == expression("w")
    for variable, expected in after.items():
        np.testing.assert_allclose(value(step.of(variable), at | NUMBERS), expected, rtol=1e-13, atol=1e-14)


STATEMENTS = {
    "one": "x = c*x + y",
    "later lines see earlier ones": "x += 1; y = 2*x\nx *= y",
    "temporaries": "old = x\nx = y + old*c  # a comment, with =\n\ny = old - x",
    "every operator": "x += c\nx -= y\nx *= d\nx /= c\nx **= 2",
    "functions": "k = exp(-x**2)\ny = sin(k)*sqrt(1 + x**2) + log(2 + k) - tanh(y)",
    "a temporary that changes": "k = x\nk *= 2\nk += y\nx = k\nk = 0\ny = k",
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_follow_one_another(name):
    code, rng = STATEMENTS[name], np.random.default_rng(3)
    at = {"x": rng.normal(0, 1, POINTS), "y": rng.normal(0, 1, POINTS)}
    scope = at | NUMBERS | {f: getattr(np, f) for f in ("exp", "sin", "sqrt", "log", "tanh")}
    exec(code, {}, scope := {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in scope.items()})
    step = StepMap.of_statements(code, ["x", "y"])
    assert set(step.new) <= {"x", "y"}
    for variable in ("x", "y"):
        np.testing.assert_allclose(value(step.of(variable), at | NUMBERS) + 0 * at["x"], scope[variable], rtol=1e-13)
        assert names(step.of(variable)) <= {"x", "y", *NUMBERS}


def test_what_is_not_asked_for_is_a_temporary():
    assert set(StepMap.of_statements("x = 1\ny = x + 1", ["y"]).new) == {"y"}
    assert StepMap.of_statements("", ["y"]).of("y") == expression("y")
    assert not StepMap.of_equations("I : 1", "exact").new


def test_subexpressions_are_written_out():
    known = subexpressions("dx/dt = r/tau : 1\nr = s + 1 : 1\ns = x**2 : 1")
    assert known == {"r": expression("x**2 + 1"), "s": expression("x**2")}
    assert substituted(expression("r*y"), known) == expression("(x**2 + 1)*y")
    # In a reset they have the value that the statements before have left, as in Brian2.
    reset = StepMap.of_statements("x = 3; y += r", ["x", "y"], known)
    assert reset.of("y") == expression("y + 10")


EVERY_FUNCTION = (
    "x = exprel(y) + expm1(c*y) + log1p(x**2) + log10(2 + y**2) + cosh(x) + sinh(y) + tan(x/9)\n"
    "y = arcsin(0.1*tanh(y)) + arccos(0.1*sin(x)) + arctan(x*y) + cos(x)*log(3 + y)"
)
JACOBIANS = {
    **{name: ("", ("x", "y", "I", "c", "tau")) for name in MODELS},
    "statements": (STATEMENTS["functions"], ("x", "y", "c")),
    "every operator": (STATEMENTS["every operator"], ("x", "y", "c", "d")),
    "every function": (EVERY_FUNCTION, ("x", "y", "c")),
}
"""Statements, or none for those of a model, and the variables to differentiate by."""


@cache
def step_map(name: str) -> StepMap:
    code = JACOBIANS[name][0]
    return StepMap.of_statements(code, ["x", "y"]) if code else StepMap.of_equations(*MODELS[name])


@pytest.mark.parametrize("name", slow_but(JACOBIANS, {*JACOBIANS} - HEAVY))
def test_jacobians_are_differences(name):
    """Central differences of 60 digits: their error is below 1e-30, so that of doubles is all there is."""
    step, wrt = step_map(name), JACOBIANS[name][1]
    of, rng = [v for v in ("x", "y", "q") if v in step.new], np.random.default_rng(4)
    found = jacobian(step, of, wrt)
    assert found
    with mpmath.workdps(60):
        for _ in range(2):
            at = {k: mpmath.mpf(v) for k, v in (NUMBERS | {k: rng.normal(0, 1) for k in ("x", "y", "q", "I")}).items()}
            for variable in of:
                symbols = sorted(step.of(variable).free_symbols, key=str)
                function = sympy.lambdify(symbols, step.of(variable), ["mpmath", {"exprel": exprel}])
                for other in wrt:
                    h = mpmath.mpf("1e-20")
                    up, down = (
                        function(*(at[str(s)] + sign * h * (str(s) == other) for s in symbols)) for sign in (1, -1)
                    )
                    expected = (up - down) / (2 * h)
                    entry = found.get((variable, other), sympy.Integer(0))
                    entry = sympy.lambdify(list(at), entry, ["mpmath", {"exprel": exprel}])(**at)
                    assert abs(entry - expected) <= 1e-13 * (1 + abs(expected)), (variable, other)


@pytest.mark.parametrize("sigmoid", ["tanh(c*y + I)", "exp(c*y)/(1 + exp(c*y))"])
def test_a_derivative_takes_no_time(sigmoid):
    step = StepMap.of_equations(f"dx/dt = ({sigmoid} - x)/tau : 1\ndy/dt = (x - y)/tau_b : 1\nI : 1", "rk2")
    with within(2):
        assert jacobian(step, ["x", "y"], ["x", "y"])


@contextmanager
def within(seconds):
    """Raises `TimeoutError` in what takes longer."""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["dt", "t"])
def test_derivatives_by_time(name):
    assert derivative(expression(f"x*{name}**2"), name) == expression(f"2*x*{name}")


def exprel(x):
    return mpmath.expm1(x) / x


def test_entries_that_vanish_are_left_out():
    step = StepMap.of_equations("dx/dt = (y + I - I)/tau : 1\ndy/dt = -y/tau : 1\nI : 1", "euler")
    assert set(jacobian(step, ["x", "y"], ["x", "y", "I"])) == {("x", "x"), ("x", "y"), ("y", "y")}
    hidden = StepMap.of_statements("x = y*(exp(c)*exp(-c) - 1) + y*((1 + c)**2 - c**2 - 2*c - 1) + d", ["x"])
    assert jacobian(hidden, ["x"], ["y", "d"]) == {("x", "d"): 1}
    written = StepMap.of_statements("x = (y + c)**3 - y**3 - 3*y**2*c - 3*y*c**2 - c**3 + d", ["x"])
    assert set(jacobian(written, ["x"], ["y", "c", "d"])) == {("x", "d")}


def test_sensitivity_to_a_coefficient_of_a_rule():
    """The derivative of a weight by a_plus, carried along with the weight, against the weight of two amplitudes."""
    rule = PairSTDP(a_plus=0.3, a_minus=0.2, tau_plus=8 * ms, tau_minus=12 * ms)
    equations = rule.equations(LIF())
    steps = {u.on: StepMap.of_statements(f"w += w*({u.dw})", ["w"]) for u in equations.updates}  # multiplicative
    entries = {on: jacobian(step, ["w"], ["w", "a_plus"]) for on, step in steps.items()}
    assert ("w", "a_plus") not in entries["pre"] and entries["post"]["w", "a_plus"] == expression("w*x")
    rng = np.random.default_rng(5)
    spikes = rng.random((60, 2)) < 0.2

    def run(a_plus):
        at = {"w": 0.5, "x": 0.0, "y": 0.0, "a_plus": a_plus, "a_minus": 0.2}
        by_a_plus = 0.0
        for pre, post in spikes:
            at["x"] *= np.exp(-1 / 8)
            at["y"] *= np.exp(-1 / 12)
            for on in ["pre"] * int(pre) + ["post"] * int(post):
                flow = {pair: value(entry, at) for pair, entry in entries[on].items()}
                by_a_plus = flow["w", "w"] * by_a_plus + flow.get(("w", "a_plus"), 0.0)
                at["w"] = float(value(steps[on].of("w"), at))
            at["x"] += pre
            at["y"] += post
        return at["w"], by_a_plus

    w, sensitivity = run(0.3)
    h = 1e-5
    difference = (run(0.3 + h)[0] - run(0.3 - h)[0]) / (2 * h)
    assert abs(sensitivity) > 0.1 * w
    assert sensitivity == pytest.approx(difference, rel=1e-7)  # h**2 and 1e-16/h


@pytest.mark.parametrize(
    ("term", "code"),
    [
        ("abs(x)", "y = abs(x)*c"),
        ("clip(x, 0, 1)", "y = clip(x, 0, 1)"),
        ("int(x)", "y = 1 + int(x)"),
        ("floor(x)", "y = floor(x)"),
        ("ceil(x)", "y = ceil(x)"),
        ("sign(x)", "y = x*sign(x)"),
        ("(x)%(2)", "y = x % 2"),
        ("int(x > c)", "y = int(x > c)"),
        ("int", "y = x*int(x > c and x < d)"),
    ],
)
def test_a_term_without_derivative_is_named(term, code):
    step = StepMap.of_statements(code, ["y"])
    with pytest.raises(NotDifferentiable) as caught:
        jacobian(step, ["y"], ["x"])
    assert term in str(caught.value) and "with respect to 'x'" in str(caught.value)
    assert "smooth functions" in str(caught.value) and "the equation of 'y'" in str(caught.value)


def test_a_term_without_derivative_is_allowed_where_it_does_not_matter():
    step = StepMap.of_statements("y = clip(c, 0, 1)*x + abs(d)\nx = floor(d)", ["x", "y"])
    assert jacobian(step, ["x", "y"], ["x"]) == {("y", "x"): expression("clip(c, 0, 1)")}
    assert derivative(expression("int(c > 0)*x"), "x") == expression("int(c > 0)")


@pytest.mark.parametrize("name", slow_but(JACOBIANS, {*JACOBIANS} - HEAVY))
def test_derivatives_can_be_written_as_brian2_code(name):
    step, wrt = step_map(name), JACOBIANS[name][1]
    rng = np.random.default_rng(6)
    at = NUMBERS | {k: rng.uniform(0.2, 0.9) for k in ("x", "y", "q", "I")}
    for entry in jacobian(step, step.new, wrt).values():
        modules = ["numpy", {"exprel": lambda x: np.expm1(x) / x}]
        mine, read = (sympy.lambdify(list(at), e, modules)(**at) for e in (entry, expression(text(entry))))
        assert read == pytest.approx(mine, rel=1e-13)


def test_maps_are_kept():
    model, method = MODELS["rk4"]
    assert StepMap.of_equations(model, method) is StepMap.of_equations(model, method)
