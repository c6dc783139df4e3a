"""What e-prop learns with random linear neurons against a dense forward-mode derivative, written out in NumPy.

A step, as `snn.plasticity.eprop.eligibility` has it: what arrives is added; neurons that spiked in the step before are
reset; Euler's update; the pseudo-derivative, which is 0 in refractory steps; the spike test. Every component of the
state is differentiated by every weight. The membrane's jump at a reset is a constant (with `through_reset` it is not),
that of any other variable x is z*(R - x) with dz the eligibility of the spike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import ms
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from snn import Dense, EProp, FromArray, LeakyReadout, Network, Neuron, PiecewiseLinear, SNNError, SpikeTrains
from snn.backends.program import Samples
from tests.support.choices import BACKENDS, slow_but
from tests.support.runs import run

N_IN, N, N_OUT, STEPS, TAU_OUT = 3, 4, 2, 60, 7.0


@dataclass(frozen=True)
class Linear:
    """A neuron of states x0, x1, ...; what is drawn about it."""

    seed: int  # of all numbers
    states: int
    coupling: str  # "full", "lower", "upper", "none"
    literal: bool  # numbers are written into the equations, not named
    jumps: int | None  # the state that arriving spikes move; None: a parameter I enters `heard`
    heard: tuple[bool, ...]
    membrane: int
    tested: tuple[bool, ...]  # states beside the membrane in the threshold
    resets: tuple[str, ...]  # "", "set", "scale", "mix": what a spike does to each state
    n_ref: int
    held: tuple[bool, ...]  # states that stand still while refractory
    through_reset: bool
    swapped: bool = False  # '... < x0' in place of 'x0 > ...'


@st.composite
def linear(draw):
    k = draw(st.integers(1, 4))
    each = st.tuples(*[st.booleans()] * k)
    heard = draw(each.filter(any))
    n_ref = draw(st.sampled_from([0, 0, 2, 5]))
    jumps = draw(st.one_of(st.none(), st.integers(0, k - 1)))
    held = draw(each) if n_ref else (False,) * k
    if jumps is not None:  # see test_spikes_arrive_at_a_state_that_is_held
        held = (*held[:jumps], False, *held[jumps + 1 :])
    return Linear(
        seed=draw(st.integers(0, 10**6)),
        states=k,
        coupling=draw(st.sampled_from(["full", "lower", "upper", "none"])),
        literal=draw(st.booleans()),
        jumps=jumps,
        heard=heard,
        membrane=draw(st.integers(0, k - 1)),
        tested=draw(each),
        resets=draw(st.tuples(*[st.sampled_from(["", "set", "scale", "mix"])] * k)),
        n_ref=n_ref,
        held=held,
        through_reset=draw(st.booleans()),
        swapped=draw(st.booleans()),
    )


class Numbers:
    """The coefficients of a neuron: of the equations, of the threshold, of the resets."""

    def __init__(self, kind: Linear):
        rng, k = np.random.default_rng(kind.seed), kind.states
        rounded = lambda values: np.round(values, 3)  # noqa: E731
        a = rounded(rng.choice([-1, 1], (k, k)) * rng.uniform(0.05, 0.15, (k, k)))
        a *= {"full": np.ones((k, k)), "lower": np.tri(k), "upper": np.tri(k).T, "none": np.eye(k)}[kind.coupling]
        self.a = a - np.diag(np.diag(a) + rounded(rng.uniform(0.1, 0.3, k)))
        self.b = rounded(rng.uniform(0.3, 1, k)) * (np.array(kind.heard) if kind.jumps is None else np.zeros(k))
        self.u = rounded(rng.uniform(-0.4, 0.4, k)) * np.array(kind.tested)
        self.u[kind.membrane] = 1.0
        # A reset of state j is m[j] @ state + c[j]; states that are reset earlier have their new values.
        self.m, self.c = np.eye(k), np.zeros(k)
        for j, reset in enumerate(kind.resets):
            if reset in ("set", "scale"):
                self.m[j, j] = 0.0 if reset == "set" else 0.5
                self.c[j] = round(rng.uniform(-0.5, 0.5), 3)
            elif reset == "mix":
                self.m[j] = rounded(rng.uniform(-0.5, 0.5, k))
        self.w = rng.uniform(-0.3, 1.0, (N, N_IN))
        self.w_out = rng.normal(0, 1, (N_OUT, N))
        self.x = (rng.random((STEPS, N_IN)) < 0.25).astype(float)
        self.target = rng.normal(0, 0.5, (STEPS, N_OUT))


def terms(coefficients, names, literal: bool, prefix: str, parameters: dict) -> str:
    """A sum of products; coefficients of 0 are not written."""
    parts = []
    for c, name, index in zip(coefficients, names, range(len(names)), strict=True):
        if c == 0:
            continue
        if not literal:
            parameters[f"{prefix}{index}"] = float(c)
        parts.append(f"{float(c)!r}*{name}" if literal else f"{prefix}{index}*{name}")
    return " + ".join(parts) or "0"


def neuron(kind: Linear, numbers: Numbers) -> Neuron:
    states = [f"x{j}" for j in range(kind.states)]
    parameters: dict[str, float] = {}
    model = []
    for j, name in enumerate(states):
        right = terms(numbers.a[j], states, kind.literal, f"a{j}", parameters)
        if numbers.b[j]:
            right += f" + {terms([numbers.b[j]], ['I'], kind.literal, f'b{j}', parameters)}"
        model.append(f"d{name}/dt = ({right})/ms : 1" + " (unless refractory)" * kind.held[j])
    others = numbers.u.copy()
    others[kind.membrane] = 0
    bound = f"1 - ({terms(others, states, kind.literal, 'u', parameters)})"
    membrane = states[kind.membrane]
    reset = [
        f"x{j} = {terms(numbers.m[j], states, kind.literal, f'm{j}', parameters)} + {float(numbers.c[j])!r}"
        for j, how in enumerate(kind.resets)
        if how
    ]
    return Neuron(
        "\n".join([*model, *["I : 1"] * (kind.jumps is None)]),
        threshold=f"{bound} < {membrane}" if kind.swapped else f"{membrane} > {bound}",
        reset="\n".join(reset),
        refractory=kind.n_ref * ms if kind.n_ref else None,
        input="I" if kind.jumps is None else states[kind.jumps],
        parameters=parameters,
        method="euler",
    )


def forward(kind: Linear, numbers: Numbers, w: np.ndarray, height: float, width: float):
    """Spikes (steps, cells) of one sample and the gradient of its loss by w."""
    k, kappa = kind.states, np.exp(-1 / TAU_OUT)
    s, ds = np.zeros((k, N)), np.zeros((k, N, N_IN))
    z, e, able, left = np.zeros(N), np.zeros((N, N_IN)), np.ones(N, bool), np.zeros(N, int)
    y, dy = np.zeros(N_OUT), np.zeros((N_OUT, N, N_IN))
    gradient, spikes = np.zeros((N, N_IN)), []
    own = np.arange(N)
    for x, wanted in zip(numbers.x, numbers.target, strict=True):
        arriving, d_arriving = w @ x, np.tile(x, (N, 1))
        if kind.jumps is not None:
            # A neuron that the last update held, or that has just spiked, does not hear.
            let_in = (able & (z == 0)) if kind.held[kind.jumps] else np.ones(N, bool)
            s[kind.jumps] += let_in * arriving
            ds[kind.jumps] += let_in[:, None] * d_arriving
        new, d_new = s.copy(), ds.copy()
        for j, how in enumerate(kind.resets):
            if how:
                new[j] = numbers.m[j] @ new + numbers.c[j]
                d_new[j] = np.tensordot(numbers.m[j], d_new, 1)
        for j, how in enumerate(kind.resets):
            if how and (j != kind.membrane or kind.through_reset):
                ds[j] += z[:, None] * (d_new[j] - ds[j]) + (new[j] - s[j])[:, None] * e
        s = s + z * (new - s)
        left = np.maximum(left - 1, 0)
        able = left == 0
        gates = np.where(np.array(kind.held)[:, None], able[None, :], True)
        s, ds = (
            s + gates * (numbers.a @ s + numbers.b[:, None] * arriving),
            ds + gates[:, :, None] * (np.tensordot(numbers.a, ds, 1) + numbers.b[:, None, None] * d_arriving[None]),
        )
        u = numbers.u @ s - 1
        psi = height * np.maximum(0, 1 - np.abs(u) / width) * able
        e = psi[:, None] * np.tensordot(numbers.u, ds, 1)
        z = ((u > 0) & able).astype(float)
        left = np.where(z > 0, kind.n_ref, left)
        y = kappa * y + (1 - kappa) * (numbers.w_out @ z)
        dy = kappa * dy
        dy[:, own] += (1 - kappa) * numbers.w_out[:, :, None] * e[None]
        gradient += np.tensordot(y - wanted, dy, 1)
        spikes.append(z)
    return np.array(spikes), gradient


def scaled(kind: Linear, numbers: Numbers) -> np.ndarray:
    """Weights for which a neuron that is never reset would reach three thresholds."""
    free = replace(kind, resets=("",) * kind.states, n_ref=0, held=(False,) * kind.states)
    k, s, highest = kind.states, np.zeros((kind.states, N)), 0.0
    for x in numbers.x:
        arriving = numbers.w @ x
        if free.jumps is not None:
            s[free.jumps] += arriving
        s = s + numbers.a @ s + numbers.b[:, None] * arriving
        highest = max(highest, (numbers.u @ s).max())
    assert s.shape == (k, N)
    return numbers.w * (3 / highest if highest > 1e-3 else 1.0)


def check(kind: Linear, backend="runtime") -> np.ndarray:
    """The weight change of one sample is the gradient; returns the spikes."""
    numbers = Numbers(kind)
    w = scaled(kind, numbers)
    spikes, gradient = forward(kind, numbers, w, height=0.4, width=1.3)
    size = np.abs(gradient).max()
    rate = 0.1 / size if size > 0 else 1.0
    rule = EProp(lr=float(rate), surrogate=PiecewiseLinear(0.4, 1.3), through_reset=kind.through_reset)
    net = Network(inputs=SpikeTrains(N_IN), dt=1 * ms)
    net.population("hidden", neuron(kind, numbers), n=N)
    net.readout(LeakyReadout(N_OUT, tau=TAU_OUT * ms, loss="squared_error", target="target"))
    net.connect("inputs", "hidden", Dense(FromArray(w.T.ravel())), rule)
    net.connect("hidden", "readout", Dense(FromArray(numbers.w_out.T.ravel())))
    try:
        spec = net.freeze()
    except SNNError as error:
        assert "never reaches the threshold" in str(error), str(error)
        assert size == 0
        return spikes
    on, off = np.ones(1, bool), np.zeros(1, bool)
    signals = {"values": numbers.x[None], "target": numbers.target[None]}
    samples = Samples(STEPS, signals, learn=on, teach=on, reset=on, preview=off, record=on)
    outcome = run(spec, samples, backend, record=("hidden.spikes",))
    np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], np.argwhere(spikes))
    change = (w.T.ravel() - outcome.state.arrays["inputs_to_hidden.weight"]) / rate
    assert np.abs(change - gradient.T.ravel()).max() <= 1e-10 * size
    return spikes


PLAIN = Linear(
    seed=1,
    states=2,
    coupling="full",
    literal=False,
    jumps=None,
    heard=(True, False),
    membrane=1,
    tested=(True, False),
    resets=("mix", "set"),
    n_ref=2,
    held=(False, True),
    through_reset=True,
)


QUICK = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.too_slow],
)


@settings(QUICK, max_examples=3, derandomize=True)
@given(linear())
def test_eprop_is_the_gradient_of_any_linear_neuron(kind):
    check(kind)


@pytest.mark.slow
@settings(QUICK, max_examples=17, derandomize=True)
@given(linear())
def test_eprop_is_the_gradient_of_more_linear_neurons(kind):
    check(kind)


@pytest.mark.nightly
@settings(QUICK, max_examples=200)
@given(linear())
def test_eprop_is_the_gradient_of_many_linear_neurons(kind):
    check(kind)


CASES = {
    "as it is": PLAIN,
    "membrane alone": replace(PLAIN, resets=("", "scale"), through_reset=False),
    "jumps at a held state": replace(PLAIN, jumps=0, held=(True, False), through_reset=False),
    "jumps at the membrane": replace(PLAIN, jumps=1, resets=("", "set")),
    "chain of four": replace(
        PLAIN, seed=3, states=4, coupling="lower", heard=(True,) + (False,) * 3, membrane=3, tested=(False,) * 4,
        resets=("", "", "", "set"), held=(False,) * 4, through_reset=False,
    ),
    "four, all of it": replace(
        PLAIN, states=4, heard=(True, False) * 2, tested=(True,) * 4, resets=("set", "mix", "scale", "mix"),
        held=(True, False, False, True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", slow_but(CASES, ["as it is", "chain of four"]))
def test_eprop_is_the_gradient(name):
    """Neurons of every kind, which do spike and are reset."""
    assert 0.02 < check(CASES[name]).mean() < 0.5


HELD = replace(
    PLAIN, states=1, coupling="none", jumps=0, heard=(True,), membrane=0, tested=(False,), resets=("set",), held=(True,)
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_spikes_arrive_at_a_state_that_is_held(backend):
    """dv/dt = -v/tau : 1 (unless refractory), with input='v'."""
    assert check(replace(HELD, through_reset=False), backend).any()


@pytest.mark.slow
def test_eprop_is_the_gradient_compiled():
    assert check(PLAIN, "standalone").any()
