"""What e-prop learns from one sample against exact gradients of the same network (`tests/support/unrolled.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Dense,
    EProp,
    FromArray,
    Izhikevich,
    LeakyReadout,
    Network,
    PiecewiseLinear,
    ResonateAndFire,
    SpikeTrains,
    SynapticLIF,
)
from snn.backends.program import Samples
from tests.support import unrolled
from tests.support.choices import slow_but
from tests.support.neurons import pulsed, two_compartments
from tests.support.runs import run
from tests.support.unrolled import Cell, Unrolled, Weights

N_IN, N, N_OUT = 4, 5, 2
TAU_OUT = 13.0  # ms


@dataclass(frozen=True)
class Case:
    """A neuron of the package with a given refractory time, the same written out, and fitting numbers."""

    model: Callable[[Any], Any]
    cell: Cell
    size: float  # of weights, in SI units: neurons spike
    dt: float = 1.0  # ms
    scale: float = 1.0  # of the surrogate, in SI units: what the package takes where it is not given
    surrogate: Any = ()  # height, width and, where it must be given, scale


CASES = {
    "lif": Case(
        lambda r: LIF(tau_m=15 * ms, v_th=0.6, refractory=r),
        unrolled.lif(15.0, 0.6, 1.0, zeta=1.0),
        size=0.4,
        scale=0.6,
        surrogate=(0.3, 1.0),
    ),
    "lif, hard reset": Case(
        lambda r: LIF(tau_m=9 * ms, v_th=0.8, refractory=r, reset="zero"),
        unrolled.lif(9.0, 0.8, 1.0, "zero", zeta=1.0),
        size=0.56,
        scale=0.8,
        surrogate=(0.5, 1.5),
    ),
    "lif, scaled input": Case(
        lambda r: LIF(tau_m=20 * ms, v_th=0.03, refractory=r, input_scale="leak"),
        unrolled.lif(20.0, 0.03, 1.0),
        size=0.32,
        scale=0.03,
        surrogate=(0.3, 1.0),
    ),
    "alif": Case(
        lambda r: ALIF(tau_m=15 * ms, v_th=0.6, beta=0.15, tau_a=40 * ms, refractory=r),
        unrolled.lif(15.0, 0.6, 1.0, zeta=1.0, beta=0.15, tau_a=40.0),
        size=0.56,
        scale=0.6,
        surrogate=(0.3, 1.0),
    ),
    "alif, hard reset": Case(
        lambda r: ALIF(tau_m=15 * ms, v_th=0.6, beta=0.2, tau_a=90 * ms, refractory=r, reset="zero"),
        unrolled.lif(15.0, 0.6, 1.0, "zero", zeta=1.0, beta=0.2, tau_a=90.0),
        size=0.8,
        scale=0.6,
        surrogate=(0.4, 1.2),
    ),
    "synaptic": Case(
        lambda r: SynapticLIF(tau_m=15 * ms, tau_syn=6 * ms, v_th=0.5, refractory=r),
        unrolled.lif(15.0, 0.5, 1.0, held=6.0),
        size=0.8,
        scale=0.5,
        surrogate=(0.3, 1.0),
    ),
    "synaptic, hard reset": Case(
        lambda r: SynapticLIF(tau_m=15 * ms, tau_syn=6 * ms, v_th=0.5, refractory=r, reset="zero"),
        unrolled.lif(15.0, 0.5, 1.0, "zero", held=6.0),
        size=0.9,
        scale=0.5,
        surrogate=(0.3, 1.0),
    ),
    "resonate": Case(
        lambda r: ResonateAndFire(b=-40 * Hz, omega=150 * Hz, v_th=0.7, refractory=r),
        unrolled.resonate_and_fire(-40.0, 150.0, 0.7, 1e-3),
        size=0.8,
        scale=0.7,
        surrogate=(0.3, 1.5),
    ),
    "two compartments": Case(
        two_compartments,
        unrolled.two_compartments(9.0, 0.7, 1.0),
        size=21.0,
        surrogate=(0.3, 1.0),
    ),
    "pulsed": Case(pulsed, unrolled.pulsed(12.0, 1.0), size=0.8, surrogate=(0.3, 1.0)),
    "adex": Case(
        lambda r: AdEx(refractory=r),
        unrolled.adex(0.2e-3),
        size=2e-8,
        dt=0.2,
        scale=30e-3,
        surrogate=(0.3, 1.2, 30 * mV),
    ),
    "izhikevich": Case(
        lambda r: Izhikevich(refractory=r),
        unrolled.izhikevich(0.5),
        size=80.0,
        dt=0.5,
        scale=95.0,
        surrogate=(0.3, 1.2, 95.0),
    ),
}


@dataclass(frozen=True)
class Setting:
    steps: int
    recurrent: bool = True
    silent: bool = False
    n_ref: int = 0


SETTINGS = (
    Setting(3, recurrent=False),
    Setting(10),
    Setting(50, recurrent=False, n_ref=3),
    Setting(50, silent=True),
    Setting(50, n_ref=4),
    Setting(200),
    Setting(200, recurrent=False),
    Setting(200, recurrent=False, silent=True),
)


@cache
def sample(name: str, setting: Setting) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Weights, input spikes and targets."""
    rng = np.random.default_rng(7)
    size = CASES[name].size * (0.03 if setting.silent else 1)
    w_in = size * rng.uniform(-0.3, 1.2, (N, N_IN))
    w_rec = size * rng.normal(0, 0.6, (N, N)) * setting.recurrent
    np.fill_diagonal(w_rec, 0)
    x = (rng.random((setting.steps, N_IN)) < 0.2).astype(float)
    return Weights(w_in, w_rec, rng.normal(0, 1, (N_OUT, N))), x, rng.normal(0, 0.5, (setting.steps, N_OUT))


@cache
def exact(name: str, setting: Setting, through_reset: bool = False) -> Unrolled:
    case = CASES[name]
    height, width = case.surrogate[:2]
    return unrolled.unroll(
        case.cell,
        *sample(name, setting),
        kappa=np.exp(-case.dt / TAU_OUT),
        height=height / case.scale,
        width=width * case.scale,
        n_ref=setting.n_ref,
        through_reset=through_reset,
    )


def learned(name: str, setting: Setting, backend="runtime", rules=None):
    """One sample: spikes, losses, and the weights before and after, by projections."""
    case, (weights, x, target) = CASES[name], sample(name, setting)
    rules = rules or {}
    net = Network(inputs=SpikeTrains(N_IN), dt=case.dt * ms)
    net.population("hidden", case.model(setting.n_ref * case.dt * ms), n=N)
    net.readout(LeakyReadout(N_OUT, tau=TAU_OUT * ms, loss="squared_error", target="target"))
    before = {"w_in": weights.w_in.T.ravel(), "w_out": weights.w_out.T.ravel()}
    net.connect("inputs", "hidden", Dense(FromArray(before["w_in"])), rules.get("w_in"))
    if setting.recurrent:
        before["w_rec"] = synapses(weights.w_rec)
        net.connect("hidden", "hidden", Dense(FromArray(before["w_rec"])), rules.get("w_rec"))
    net.connect("hidden", "readout", Dense(FromArray(before["w_out"])), rules.get("w_out"))
    on, off = np.ones(1, bool), np.zeros(1, bool)
    samples = Samples(
        steps=setting.steps,
        signals={"values": x[None], "target": target[None]},
        learn=on,
        teach=on,
        reset=on,
        preview=off,
        record=on,
    )
    outcome = run(net.freeze(), samples, backend, record=("hidden.spikes",))
    ends = {"w_in": "inputs_to_hidden", "w_rec": "hidden_to_hidden", "w_out": "hidden_to_readout"}
    after = {k: outcome.state.arrays[f"{ends[k]}.weight"] for k in before}
    return outcome, before, after


def synapses(recurrent: np.ndarray) -> np.ndarray:
    """A matrix (post, pre) in the order of a recurrent projection's synapses, which has no autapses."""
    return recurrent.T[~np.eye(N, dtype=bool)]


def describe(setting: Setting) -> str:
    kind = ["feed-forward", "recurrent"][setting.recurrent] + " silent" * setting.silent
    return f"{setting.steps} {kind} {setting.n_ref}"


DEFAULT = Setting(50, n_ref=4)
IN_CI = (Setting(3, recurrent=False), Setting(50, silent=True), Setting(200))


TELLING = ("lif", "alif, hard reset", "two compartments", "pulsed")
QUICK = ("alif, hard reset", "two compartments")


def choice():
    """Every neuron in every setting, with and without the reset's own derivative.

    By default two neurons in a setting that has everything in it. When slow, all neurons in it, and a few in three
    more settings. The rest runs at night.
    """
    for name, setting, through_reset in product(CASES, SETTINGS, (False, True)):
        marks = [pytest.mark.nightly]
        if setting == DEFAULT:
            marks = [] if name in QUICK else [pytest.mark.slow]
        elif setting in IN_CI and name in TELLING and through_reset:
            marks = [pytest.mark.slow]
        kind = "through the reset" if through_reset else "detached"
        yield pytest.param(name, setting, through_reset, id=f"{name}-{describe(setting)}-{kind}", marks=marks)


def assert_gradient(name, setting, through_reset=False, backend="runtime"):
    """(before - after)/lr is the exact gradient; each projection has a rate at which its weights change by a tenth.

    The network written out has the spikes and the loss of the package.
    """
    mine = exact(name, setting, through_reset)
    weights = sample(name, setting)[0]
    gradients = {"w_in": mine.gradients.w_in.T.ravel(), "w_out": mine.gradients.w_out.T.ravel()}
    if setting.recurrent:
        gradients["w_rec"] = synapses(mine.gradients.w_rec)
    options: dict[str, Any] = {"through_reset": True} if through_reset else {}
    rules, sizes = {}, {}
    for k, gradient in gradients.items():
        sizes[k] = np.abs(gradient).max()
        assert sizes[k] > 0 or (k != "w_in" and (setting.silent or setting.steps < 50))
        rate = 0.1 * np.abs(getattr(weights, k)).max() / sizes[k] if sizes[k] > 0 else 1.0
        rules[k] = EProp(lr=float(rate), surrogate=PiecewiseLinear(*CASES[name].surrogate), **options)
    outcome, before, after = learned(name, setting, backend, rules)
    if setting.silent:
        assert not mine.spikes.any()
    elif setting.steps >= 50:
        assert 0.05 < mine.spikes.mean() < 0.3
    np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], np.argwhere(mine.spikes))
    assert outcome.outputs["readout.loss"].sum() == pytest.approx(mine.loss, rel=1e-10)
    for k, gradient in gradients.items():
        found = (before[k] - after[k]) / rules[k].lr
        assert np.abs(found - gradient).max() <= 1e-10 * sizes[k], k


@pytest.mark.parametrize(("name", "setting", "through_reset"), choice())
def test_eprop_is_the_gradient(name, setting, through_reset):
    assert_gradient(name, setting, through_reset)


@pytest.mark.parametrize("name", slow_but(CASES, (), nightly={*CASES} - {*TELLING, "adex"}))
def test_eprop_is_the_gradient_compiled(name):
    assert_gradient(name, Setting(50, n_ref=4), True, "standalone")
